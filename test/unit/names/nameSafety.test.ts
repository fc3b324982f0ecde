import fc from 'fast-check';
import { basename, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { recordName, TEMPLATE_ELEMENTS, withSuffix } from '../../../src/domain/names.ts';
import type { NameFacts, NameSettings } from '../../../src/domain/names.ts';

const RUNS = { seed: 20, numRuns: 1500 };

/** Any text, unpaired surrogates and control characters included, and texts made of what is dangerous in a path. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({
    unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
    maxLength: 40,
  }),
  fc.string({
    unit: fc.constantFrom('.', '/', '\\', '\0', '\n', '-', '~', ' ', 'ü', '😀', '\ud83d'),
    maxLength: 12,
  }),
  fc
    .tuple(fc.constantFrom('a', 'ü', '€', '😀', '/', '.', '\x1b'), fc.constantFrom(200, 999, 1000))
    .map(([c, n]) => c.repeat(n)),
  fc.string({ unit: 'binary', minLength: 1000, maxLength: 1000 }),
);

const template = fc
  .array(
    fc.oneof(
      fc.constantFrom(...TEMPLATE_ELEMENTS).map((element) => `{${element}}`),
      text,
    ),
    { maxLength: 5 },
  )
  .map((pieces) => pieces.join(''));

const settings: fc.Arbitrary<NameSettings> = fc.record({
  policy: fc.constantFrom('streamName', 'template'),
  template,
  encode: fc.constantFrom('HEX', 'BASE64', undefined),
  excludeCharacters: fc.oneof(fc.constantFrom('', '/', ':.,/', '._-4mp'), text),
});

const time = fc.option(fc.nat({ max: Number.MAX_SAFE_INTEGER }), { nil: undefined });

const facts: fc.Arbitrary<NameFacts> = fc.record({
  streamName: text,
  sessionId: text,
  mediaSessionId: text,
  login: text,
  audioCodec: fc.option(text, { nil: undefined }),
  videoCodec: fc.option(text, { nil: undefined }),
  startTimeMs: time,
  endTimeMs: time,
  startTimeMillis: time,
  endTimeMillis: time,
  durationMs: time,
  partIndex: fc.integer({ min: 1, max: 1_000_000 }),
  last: fc.boolean(),
  rotated: fc.boolean(),
  extension: fc.constantFrom('mp4', 'webm', 'mkv', 'ts'),
});

test('a name is one ordinary, visible file of the records folder, whatever a client sends', () => {
  fc.assert(
    fc.property(settings, facts, fc.integer({ min: 2, max: 9_999_999 }), (how, what, n) => {
      const name = recordName(how, what);
      for (const each of [name, withSuffix(name, n)]) {
        expect(basename(each)).toBe(each);
        expect(resolve('/records', each)).toBe(`/records/${each}`);
        expect(Buffer.byteLength(each)).toBeLessThanOrEqual(255);
        expect(Buffer.from(each).toString()).toBe(each);
        expect(each).not.toMatch(/[/\p{Cc}]/u);
        expect(each).not.toMatch(/^[.-]/);
        expect(each.endsWith(`.${what.extension}`)).toBe(true);
        expect(each.length).toBeGreaterThan(what.extension.length + 1);
      }
      expect(recordName(how, what)).toBe(name);
    }),
    RUNS,
  );
});

test('a collision number never makes the name of another number', () => {
  fc.assert(
    fc.property(
      settings,
      facts,
      fc.uniqueArray(fc.integer({ min: 2, max: 9999 }), { minLength: 2 }),
      (how, what, ns) => {
        const name = recordName(how, what);
        expect(new Set([name, ...ns.map((n) => withSuffix(name, n))]).size).toBe(ns.length + 1);
      },
    ),
    { ...RUNS, numRuns: 200 },
  );
});

test.each(['HEX', 'BASE64'] as const)('%s names are decoded to exactly the stream name', (encode) => {
  const how: NameSettings = { policy: 'streamName', template: '', encode, excludeCharacters: '/abc01' };
  const short = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 15 });
  fc.assert(
    fc.property(short, facts, (streamName, what) => {
      const name = recordName(how, { ...what, streamName, rotated: false });
      const base = name.slice(0, -what.extension.length - 1);
      fc.pre(Buffer.byteLength(streamName) <= 100);
      expect(Buffer.from(base, encode === 'HEX' ? 'hex' : 'base64url').toString()).toBe(streamName);
    }),
    { ...RUNS, numRuns: 500 },
  );
});

test('ordinary stream names of any length stay distinct', () => {
  const ordinary = fc.stringMatching(/^[A-Za-z0-9][\w .-]{0,400}$/);
  const how: NameSettings = { policy: 'streamName', template: '', encode: undefined, excludeCharacters: '/' };
  fc.assert(
    fc.property(ordinary, ordinary, facts, (a, b, what) => {
      fc.pre(a !== b);
      expect(recordName(how, { ...what, streamName: a })).not.toBe(
        recordName(how, { ...what, streamName: b }),
      );
    }),
    { ...RUNS, numRuns: 500 },
  );
});
