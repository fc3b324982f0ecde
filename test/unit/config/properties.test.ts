import { readFileSync, readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Property } from '../../../src/config/properties.ts';
import { readProperties } from '../../../src/config/properties.ts';

interface JavaCase {
  readonly text: string;
  /** What `java.util.Properties.load(Reader)` of OpenJDK 17 made of it; null when it refused the text. */
  readonly java: Readonly<Record<string, string>> | null;
}

const CORPUS = 'test/fuzz/properties';
const javaCases = JSON.parse(readFileSync(`${CORPUS}/java17.json`, 'utf8')) as readonly JavaCase[];

const read = (text: string): readonly Property[] => readProperties(text).properties;
const asMap = (properties: readonly Property[]): Record<string, string> =>
  Object.fromEntries(properties.map(({ key, value }) => [key, value]));

/** `text` written so that Java reads exactly it, as key or as value. */
const escape = (text: string): string =>
  text.replace(/[^A-Za-z0-9]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

describe('the grammar of Java', () => {
  test('the table is large enough to mean something', () => {
    expect(javaCases.length).toBeGreaterThan(200);
  });

  test.each(javaCases.map(({ text, java }) => [JSON.stringify(text), text, java] as const))(
    '%s',
    (_, text, java) => {
      const { properties, problems } = readProperties(text);
      if (java === null) expect(problems).not.toHaveLength(0);
      else expect({ problems, map: asMap(properties) }).toEqual({ problems: [], map: java });
    },
  );
});

describe('lines', () => {
  test('every property knows where it begins', () => {
    const text = '# one\r\n\r\na=1\n  b = 2\\\n   3\\\n 4\nc\n!x\n\\\nd=5\ra=6';
    expect(read(text)).toEqual([
      { key: 'a', value: '1', line: 3 },
      { key: 'b', value: '234', line: 4 },
      { key: 'c', value: '', line: 7 },
      { key: 'd', value: '5', line: 10 },
      { key: 'a', value: '6', line: 11 },
    ]);
  });

  test('a malformed escape costs its line only and is named with it', () => {
    expect(readProperties('a=1\nb=\\u12\n# c\nd=\\uXYZW\ne=2')).toEqual({
      properties: [
        { key: 'a', value: '1', line: 1 },
        { key: 'e', value: '2', line: 5 },
      ],
      problems: [
        { line: 2, message: '\\u needs four hexadecimal digits after it' },
        { line: 4, message: '\\u needs four hexadecimal digits after it' },
      ],
    });
  });

  test('a byte order mark is no part of the first key', () => {
    expect(read('\uFEFFa=1')).toEqual([{ key: 'a', value: '1', line: 1 }]);
  });

  test('a text of more than a million characters is refused', () => {
    expect(readProperties('a=1\n'.repeat(300_000))).toEqual({
      properties: [],
      problems: [{ line: 1, message: 'longer than 1048576 characters' }],
    });
  });
});

describe('properties of the reader', () => {
  const anyText = fc.string({ unit: 'binary', maxLength: 30 });

  test('what is escaped comes back as it was', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyText, anyText), { maxLength: 8 }), (pairs) => {
        const text = pairs.map(([key, value]) => `${escape(key)}=${escape(value)}`).join('\n');
        const expected = pairs.map(([key, value], at) => ({ key, value, line: at + 1 }));
        expect(read(text)).toEqual(expected);
      }),
      { seed: 1 },
    );
  });

  test('separators, comments, blank lines and continuations around them change nothing', () => {
    const word = fc.stringMatching(/^[a-z]{1,8}$/);
    const separator = fc.constantFrom('=', ':', ' ', ' = ', '\t:\t', '\f', ' =\\\n  ');
    const noise = fc.constantFrom('', '# x=y\n', '! x\\\n', '\n \t\n', '\r\n');
    const end = fc.constantFrom('\n', '\r', '\r\n');
    fc.assert(
      fc.property(fc.array(fc.tuple(noise, word, separator, word, end), { maxLength: 8 }), (lines) => {
        const expected = lines.map(([, key, , value]) => [key, value]);
        const seen = read(lines.map((each) => each.join('')).join(''));
        expect(seen.map(({ key, value }) => [key, value])).toEqual(expected);
      }),
      { seed: 2 },
    );
  });

  test('no bytes make it throw, and every line number is one of the text', () => {
    const grammar = fc.constantFrom('\\', '\n', '\r', '=', ':', '#', '!', '\\u', '[', ']', ' ', 'a', '%0041');
    const nasty = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('utf8')),
      fc.array(grammar, { maxLength: 60 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(nasty, (text) => {
        const { properties, problems } = readProperties(text);
        const last = text.split(/\r\n|\r|\n/).length;
        for (const { line } of [...properties, ...problems]) {
          expect(line).toBeGreaterThanOrEqual(1);
          expect(line).toBeLessThanOrEqual(last);
        }
      }),
      { seed: 3, numRuns: 2000 },
    );
  });

  test.each(['a', '\\', ' ', '=', '\n', 'a=\\\n', '\\u0041', '\u00e9'])(
    'survives a long run of %j',
    (piece) => {
      const { problems } = readProperties(piece.repeat(Math.floor(200_000 / piece.length)));
      expect(problems).toEqual([]);
    },
  );
});

describe('inputs that were once read wrongly', () => {
  const EXPECTED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'comment-after-lone-backslash.properties': { a: '1' },
    'lone-backslash-at-end.properties': {},
    'not-utf8.properties': { '\uFFFD\uFFFD[\0a\0]\uFFFD': '\uFFFD', '': '' },
    'torn-unicode-escape.properties': {},
    'upper-case-u.properties': { a: 'U0041' },
  };

  test.each(readdirSync(`${CORPUS}/found`))('%s', (name) => {
    expect(asMap(read(readFileSync(`${CORPUS}/found/${name}`, 'utf8')))).toEqual(EXPECTED[name]);
  });
});
