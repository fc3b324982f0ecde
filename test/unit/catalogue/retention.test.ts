import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Retention } from '../../../src/catalogue/retention.ts';
import type { CatalogueFile } from '../../../src/domain/catalogue.ts';
import { FILE_STATES, HOOK_STATES } from '../../../src/domain/catalogue.ts';
import { isDeletable, planRetention } from '../../../src/domain/retention.ts';
import type { RetentionRules } from '../../../src/domain/retention.ts';
import { matchesGlob } from '../../../src/util/glob.ts';
import { eventually } from '../../support/eventually.ts';
import { CatalogueHome, file, HOUR_MS, states } from './support.ts';

const NOW = 1_000_000;
const NO_LIMITS: RetentionRules = { ages: [], sizes: [], minFree: {}, keep: [], unfinishedHooks: false };
const HUGE = { freeBytes: 1e12, totalBytes: 1e13 };

const name = fc.constantFrom('cam-1', 'cam-2', 'lobby', 'tmp');
const pattern = fc.constantFrom('cam-*', 'cam-?', 'lobby', '*', 'none');
const someFiles = fc
  .array(
    fc.record({
      streamName: name,
      endedAt: fc.integer({ min: 0, max: NOW }),
      bytes: fc.integer({ min: 0, max: 1000 }),
      fileState: fc.constantFrom(...FILE_STATES),
      hookState: fc.constantFrom(...HOOK_STATES),
    }),
    { maxLength: 40 },
  )
  .map((files) => files.map((each, i) => file({ ...each, recordingId: `rec-${i}` })));
const limits = fc.array(fc.record({ pattern, max: fc.integer({ min: 1, max: 5000 }) }), { maxLength: 3 });
const someRules: fc.Arbitrary<RetentionRules> = fc.record({
  ages: limits.map((rules) => rules.map((rule) => ({ ...rule, max: rule.max * 200 }))),
  sizes: limits,
  minFree: fc.constantFrom({}, { bytes: 5000 }, { percent: 50 }),
  keep: fc.array(pattern, { maxLength: 1 }),
  unfinishedHooks: fc.boolean(),
});
const someRoom = fc.integer({ min: 0, max: 10_000 }).map((freeBytes) => ({ freeBytes, totalBytes: 10_000 }));

const sum = (files: readonly CatalogueFile[]): number => files.reduce((total, { bytes }) => total + bytes, 0);

test('never deletes what is kept, is not there, or has a hook that has not ended well', () => {
  fc.assert(
    fc.property(someFiles, someRules, someRoom, (files, rules, room) => {
      for (const { file: planned } of planRetention(files, rules, { now: NOW, room })) {
        expect(planned.fileState).toBe('present');
        expect(rules.keep.some((each) => matchesGlob(each, planned.streamName))).toBe(false);
        if (!rules.unfinishedHooks) expect(['done', 'none']).toContain(planned.hookState);
      }
    }),
  );
});

test('afterwards each limit is kept, or nothing is left that may be deleted for it; a second run deletes nothing', () => {
  fc.assert(
    fc.property(someFiles, someRules, someRoom, (files, rules, room) => {
      const planned = new Set(planRetention(files, rules, { now: NOW, room }).map((each) => each.file));
      const present = files.filter(({ fileState }) => fileState === 'present');
      const left = present.filter((each) => !planned.has(each));
      const deletable = left.filter((each) => isDeletable(each, rules));
      const ruleOf = (each: CatalogueFile, list: RetentionRules['ages']) =>
        list.find((rule) => matchesGlob(rule.pattern, each.streamName));
      for (const each of deletable)
        expect(NOW - each.endedAt).toBeLessThanOrEqual(ruleOf(each, rules.ages)?.max ?? NOW);
      for (const rule of rules.sizes) {
        const group = left.filter((each) => ruleOf(each, rules.sizes) === rule);
        const isKept =
          sum(group) <= rule.max || !group.some((each) => isDeletable(each, rules) && each.bytes > 0);
        expect(isKept).toBe(true);
      }
      const wanted = rules.minFree.bytes ?? (rules.minFree.percent === undefined ? 0 : room.totalBytes / 2);
      const free = room.freeBytes + sum([...planned]);
      expect(free >= wanted || deletable.length === 0).toBe(true);
      const later = { now: NOW, room: { ...room, freeBytes: free } };
      expect(planRetention(left, rules, later)).toEqual([]);
    }),
  );
});

test('for size and free space the oldest go first, and none more than is needed', () => {
  const same = fc.array(fc.integer({ min: 0, max: NOW }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(same, fc.integer({ min: 1, max: 30 }), (ends, keepable) => {
      const files = ends.map((endedAt, i) => file({ endedAt, recordingId: `rec-${i}`, bytes: 10 }));
      const oldest = files
        .toSorted((a, b) => a.endedAt - b.endedAt)
        .slice(0, Math.max(0, files.length - keepable));
      const bySize = { ...NO_LIMITS, sizes: [{ pattern: '*', max: keepable * 10 }] };
      const planned = planRetention(files, bySize, { now: NOW, room: HUGE });
      expect(planned.map((each) => each.file)).toEqual(oldest);
      const room = { freeBytes: 0, totalBytes: 1000 };
      const byFree = { ...NO_LIMITS, minFree: { bytes: oldest.length * 10 } };
      const freed = planRetention(files, byFree, { now: NOW, room });
      expect(freed.map((each) => each.file)).toEqual(oldest);
    }),
  );
});

test('the first pattern that fits decides, and the reason is told', () => {
  const files = [
    file({ streamName: 'cam-1', endedAt: NOW - 100, recordingId: 'a' }),
    file({ streamName: 'tmp', endedAt: NOW - 100, recordingId: 'b' }),
  ];
  const ages = [
    { pattern: 'cam-*', max: 200 },
    { pattern: '*', max: 50 },
  ];
  const planned = planRetention(files, { ...NO_LIMITS, ages }, { now: NOW, room: HUGE });
  expect(planned).toEqual([{ file: files[1], reason: 'age', pattern: '*' }]);
});

let home: CatalogueHome;
beforeEach(() => (home = new CatalogueHome()));
afterEach(() => home.remove());

async function retentionOf(rules: Partial<RetentionRules>, dryRun = false) {
  const catalogue = await home.catalogue();
  for (const [i, name] of ['old.mp4', 'owed.mp4', 'new.mp4'].entries()) {
    const endedAt = name === 'new.mp4' ? Date.now() : i + 1;
    const taken = home.put(name, { endedAt, startedAt: endedAt - 1 });
    await home.take(catalogue, taken);
    if (name !== 'owed.mp4') await home.end(catalogue, taken);
  }
  const room = () => Promise.resolve(HUGE);
  const options = { rules: { ...NO_LIMITS, ...rules }, intervalMs: HOUR_MS, dryRun };
  return { catalogue, retention: new Retention(options, { catalogue, room, log: home.log }) };
}

const deleted = () =>
  home.log.lines
    .filter(({ message }) => message.includes('by retention'))
    .map(({ fields }) => fields['file']);

test('a run deletes file, report and entry with a line of the log; what its hook needs waits for it', async () => {
  const { catalogue, retention } = await retentionOf({ ages: [{ pattern: '*', max: HOUR_MS }] });
  expect((await retention.plan()).map(({ file: { fileName } }) => fileName)).toEqual(['old.mp4']);
  expect(await retention.run()).toMatchObject([{ file: { fileName: 'old.mp4' }, reason: 'age' }]);
  expect(existsSync(join(home.recordsDir, 'old.mp4'))).toBe(false);
  expect(home.forgotten).toMatchObject([{ fileName: 'old.mp4' }]);
  expect(home.log.lines.at(-1)).toMatchObject({
    message: 'file is deleted by retention',
    fields: { file: 'old.mp4', reason: 'age', pattern: '*', hookState: 'done' },
  });
  expect(states(catalogue)).toEqual({ 'owed.mp4': 'present, pending', 'new.mp4': 'present, done' });
  await home.end(catalogue, home.put('owed.mp4', { recordingId: 'rec of owed.mp4' }));
  await retention.run();
  expect(deleted()).toEqual(['old.mp4', 'owed.mp4']);
});

test('a hook that is asked for between plan and deletion keeps its file', async () => {
  const { retention } = await retentionOf({ ages: [{ pattern: '*', max: HOUR_MS }] });
  const running = retention.run();
  home.owed.set('1 of rec of old.mp4', 'running');
  expect(await running).toEqual([]);
  expect(existsSync(join(home.recordsDir, 'old.mp4'))).toBe(true);
});

test('a dry run deletes nothing and tells of each file once', async () => {
  const { retention } = await retentionOf(
    { ages: [{ pattern: '*', max: HOUR_MS }], unfinishedHooks: true },
    true,
  );
  for (let n = 0; n < 2; n++) expect(await retention.run()).toHaveLength(2);
  expect(deleted()).toEqual(['old.mp4', 'owed.mp4']);
  expect(home.log.lines.at(-1)?.message).toBe('file would be deleted by retention');
  expect(existsSync(join(home.recordsDir, 'old.mp4'))).toBe(true);
});

test('goes by other rules as soon as it has them; a run by the old ones ends', async () => {
  const { retention } = await retentionOf({ ages: [{ pattern: '*', max: HOUR_MS }] });
  const use = (rules: Partial<RetentionRules>, dryRun = false): void =>
    retention.use({ rules: { ...NO_LIMITS, ...rules }, intervalMs: HOUR_MS, dryRun });
  const running = retention.run();
  use({ sizes: [{ pattern: '*', max: 10 }] }, true);
  expect([await running, retention.dryRun]).toEqual([[], true]);
  use({ sizes: [{ pattern: '*', max: 10 }] });
  expect(await retention.run()).toMatchObject([{ file: { fileName: 'old.mp4' }, reason: 'size' }]);
  expect([retention.deleted.of('size'), retention.deleted.of('age'), retention.deletedBytes]).toEqual([
    1, 0, 5,
  ]);
  use({});
  expect(await retention.run()).toEqual([]);
  await retention.close();
});

test('looks for files by itself once there is a limit', async () => {
  const { retention } = await retentionOf({});
  retention.open();
  retention.use({
    rules: { ...NO_LIMITS, ages: [{ pattern: '*', max: HOUR_MS }] },
    intervalMs: 5,
    dryRun: false,
  });
  await eventually(() => deleted().length > 0 || undefined, 'a deletion');
  expect(deleted()).toEqual(['old.mp4']);
  await retention.close();
});
