import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ReportStore } from '../../../src/reports/reportStore.ts';
import { memoryLog } from '../../support/rtmpHarness.ts';
import { report } from './support.ts';

let dir: string;
let log: ReturnType<typeof memoryLog>;
beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), 'recorderd-reports-')), '.reports');
  log = memoryLog();
});
afterEach(() => rmSync(join(dir, '..'), { recursive: true, force: true }));

async function storeOf(keep = 10): Promise<ReportStore> {
  const store = new ReportStore(dir, keep, log);
  await store.open();
  return store;
}
const idsOf = async (store: ReportStore, limit = 100): Promise<string[]> =>
  (await store.find({}, limit)).map(({ recordingId }) => recordingId);

test('reports come back newest first, also after a restart, and no more than asked for', async () => {
  const store = await storeOf();
  for (const at of [2, 3, 1]) await store.save(report(at));
  for (const each of [store, await storeOf()]) {
    expect(await each.find({}, 100)).toEqual([report(3), report(2), report(1)]);
    expect(await idsOf(each, 2)).toEqual(['rec-3', 'rec-2']);
  }
});

test('the oldest above the bound are removed, those of an earlier process too', async () => {
  const store = await storeOf(3);
  for (const at of [1, 2, 3, 4, 5]) await store.save(report(at));
  expect(await idsOf(store)).toEqual(['rec-5', 'rec-4', 'rec-3']);
  expect(readdirSync(dir)).toHaveLength(3);
  expect(await idsOf(await storeOf(1))).toEqual(['rec-5']);
  expect(readdirSync(dir)).toHaveLength(1);
});

test('a report saved again takes the place of the first one', async () => {
  const store = await storeOf();
  await store.save(report(1));
  await store.save({ ...report(1), sha256: 'abc' });
  expect(await store.find({}, 100)).toEqual([{ ...report(1), sha256: 'abc' }]);
  expect(readdirSync(dir)).toHaveLength(1);
});

test('the reports of a part are forgotten, and those of other parts are not', async () => {
  const store = await storeOf();
  for (const [at, index] of [
    [5, 2],
    [1, 1],
    [9, 3],
  ] as const)
    await store.save(report(at, { recordingId: 'rec', index }));
  await store.save(report(4, { recordingId: 'other' }));
  const partsOf = async (each: ReportStore, recordingId?: string): Promise<number[]> =>
    (await each.find({ recordingId }, 100)).map(({ partIndex }) => partIndex);
  expect(await partsOf(store, 'rec')).toEqual([3, 2, 1]);
  await store.remove('rec', 2);
  await store.remove('rec', 7);
  for (const each of [store, await storeOf()]) {
    expect(await partsOf(each, 'rec')).toEqual([3, 1]);
    expect(await partsOf(each)).toEqual([3, 1, 1]);
  }
  await store.save(report(5, { recordingId: 'rec', index: 2 }));
  expect(await partsOf(store, 'rec')).toEqual([3, 2, 1]);
});

test('every field of a filter narrows, before and after a restart', async () => {
  const first = await storeOf();
  await first.save(report(1, { mediaSessionId: 'one', path: '/records/a.mp4' }));
  await first.save(report(2, { mediaSessionId: 'two', path: '/records/b.mp4' }));
  await first.save(
    report(3, { mediaSessionId: 'two', path: '/records/b_2.mp4', recordingId: 'rec-2', index: 2 }),
  );
  const names = async (store: ReportStore, filter: Parameters<ReportStore['find']>[0]) =>
    (await store.find(filter, 100)).map(({ fileName }) => fileName);
  for (const store of [first, await storeOf()]) {
    expect(await names(store, { mediaSessionId: 'two' })).toEqual(['b_2.mp4', 'b.mp4']);
    expect(await names(store, { recordingId: 'rec-2', partIndex: 1 })).toEqual(['b.mp4']);
    expect(await names(store, { fileName: 'a.mp4' })).toEqual(['a.mp4']);
    expect(await names(store, { fileName: 'a.mp4', mediaSessionId: 'two' })).toEqual([]);
    // Once more: what was read is known from then on.
    expect(await names(store, { mediaSessionId: 'one' })).toEqual(['a.mp4']);
  }
});

test('torn reports are removed; what is damaged or deleted is passed over, what is foreign left alone', async () => {
  const store = await storeOf();
  for (const at of [1, 2, 3]) await store.save(report(at));
  const [one, two, three] = readdirSync(dir).sort();
  writeFileSync(join(dir, `${one!}.tmp`), '{"version":1,');
  writeFileSync(join(dir, one!), '{"version":1,');
  writeFileSync(join(dir, two!), '{"version":99}');
  writeFileSync(join(dir, 'notes.txt'), 'mine');
  for (const each of [store, await storeOf()]) expect(await idsOf(each)).toEqual(['rec-3']);
  expect(log.lines.map(({ message }) => message)).toContain('integrity report is unreadable and passed over');
  expect(log.lines.map(({ message }) => message)).toContain(
    'integrity report is of another kind and passed over',
  );
  expect(readdirSync(dir).sort()).toEqual([one, two, three, 'notes.txt']);
  expect(readFileSync(join(dir, 'notes.txt'), 'utf8')).toBe('mine');
  rmSync(join(dir, three!));
  expect(await idsOf(store)).toEqual([]);
});
