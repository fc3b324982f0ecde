import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Catalogue } from '../../../src/catalogue/catalogue.ts';
import type { CatalogueFilter } from '../../../src/domain/catalogue.ts';
import { ALL, CatalogueHome, file } from './support.ts';

let home: CatalogueHome;
beforeEach(() => (home = new CatalogueHome()));
afterEach(() => home.remove());

/** A catalogue that was left by an earlier server. */
async function catalogueOf(files: readonly ReturnType<typeof file>[]): Promise<Catalogue> {
  mkdirSync(join(home.recordsDir, '.catalogue'));
  const lines = files.map((put) => `\n${JSON.stringify({ put })}\n`);
  writeFileSync(join(home.recordsDir, '.catalogue', 'files.jsonl'), lines.join(''));
  for (const { fileState, fileName } of files.slice(0, 100))
    if (fileState === 'present') writeFileSync(join(home.recordsDir, fileName), 'media');
  return home.catalogue();
}

const idsOf = (catalogue: Catalogue, filter: CatalogueFilter, order: Partial<typeof ALL> = {}): string[] =>
  catalogue.find({ ...ALL, ...filter, ...order }).recordings.map(({ recordingId }) => recordingId);

test('finds by id, by name, by time and by state', async () => {
  const catalogue = await catalogueOf([
    file({ recordingId: 'a', mediaSessionId: 'm1', streamName: 'Cam-1', fileName: 'a.mp4', startedAt: 1000 }),
    file({
      recordingId: 'b',
      mediaSessionId: 'm1',
      streamName: 'cam-12',
      fileName: 'b.mp4',
      startedAt: 2000,
      hookState: 'parked',
    }),
    file({ recordingId: 'c', streamName: 'lobby', fileName: 'c_1.mp4', startedAt: 3000, fileState: 'gone' }),
    file({
      recordingId: 'c',
      partIndex: 2,
      streamName: 'lobby',
      fileName: 'c.mp4',
      startedAt: 3500,
      fileState: 'moved',
    }),
  ]);
  home.unfinished.add('c');
  home.owed.set('1 of a', 'running');
  const cases: [CatalogueFilter, string[]][] = [
    [{}, ['c', 'b', 'a']],
    [{ recordingId: 'b' }, ['b']],
    [{ mediaSessionId: 'm1' }, ['b', 'a']],
    [{ streamName: 'CAM-1' }, ['b', 'a']],
    [{ streamName: 'cam-?' }, ['a']],
    [{ streamName: '*b*' }, ['c']],
    [{ fileName: 'c.mp4' }, ['c']],
    [{ fileName: 'c' }, []],
    // What ends at `from`, or begins at `to`, is not in between.
    [{ from: 1500 }, ['c', 'b']],
    [{ from: 1499, to: 2001 }, ['b', 'a']],
    [{ to: 2000 }, ['a']],
    [{ state: 'recording' }, ['c']],
    [{ state: 'done' }, ['b', 'a']],
    [{ fileState: 'moved' }, ['c']],
    [{ fileState: 'gone' }, ['c']],
    [{ fileState: 'present', hookState: 'parked' }, ['b']],
    [{ hookState: 'running' }, ['a']],
    [{ hookState: 'done' }, ['c']],
  ];
  for (const [filter, expected] of cases)
    expect([filter, idsOf(catalogue, filter)]).toEqual([filter, expected]);
});

test('100,000 recordings: every page holds what its order says, and all of them hold everything once', async () => {
  const count = 100_000;
  const files = Array.from({ length: count }, (_, n) =>
    file({
      recordingId: `rec-${n}`,
      streamName: `cam${n % 500}`,
      fileName: `cam${n}.mp4`,
      // No two alike, and in another order than they came.
      startedAt: ((n * 7919) % count) * 1000,
      bytes: (n * 104_729) % 1_000_003,
      fileState: n < 100 ? 'present' : 'gone',
    }),
  );
  const catalogue = await catalogueOf(files);
  const newest = files.toSorted((a, b) => b.startedAt - a.startedAt).map(({ recordingId }) => recordingId);
  const seen: string[] = [];
  for (let offset = 0; offset < count; offset += 1000 * 25) {
    const page = catalogue.find({ ...ALL, offset });
    expect([page.total, page.offset]).toEqual([count, offset]);
    seen.push(...page.recordings.map(({ recordingId }) => recordingId));
    expect(seen.slice(-1000)).toEqual(newest.slice(offset, offset + 1000));
  }
  const largest = files.toSorted((a, b) => a.bytes - b.bytes || 0).slice(0, 10);
  expect(idsOf(catalogue, {}, { sort: 'bytes', order: 'asc', limit: 10 })).toEqual(
    largest.map(({ recordingId }) => recordingId),
  );
  const named = catalogue.find({ ...ALL, streamName: 'cam49?', limit: 3 });
  expect([named.total, named.recordings.length]).toEqual([count / 50, 3]);
  expect(catalogue.find({ ...ALL, fileState: 'present' }).total).toBe(100);
  expect(catalogue.find({ ...ALL, offset: count }).recordings).toEqual([]);
});
