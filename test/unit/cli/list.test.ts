import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { list } from '../../../src/commands/list.ts';
import { ReportStore } from '../../../src/reports/reportStore.ts';
import { CatalogueHome } from '../catalogue/support.ts';
import { report } from '../reports/support.ts';

let home: CatalogueHome;
beforeEach(() => (home = new CatalogueHome()));
afterEach(() => home.remove());

async function listed(isJson: boolean): Promise<string[]> {
  const lines: string[] = [];
  expect(await list(home.recordsDir, isJson, { out: (line) => lines.push(line) })).toBe('ok');
  return lines;
}

test('a folder without anything has no files', async () => {
  expect(await listed(true)).toEqual([]);
  expect(await listed(false)).toEqual([expect.stringMatching(/^ENDED .* HOOK +STREAM +FILE$/)]);
});

test('what the catalogue knows and what reports tell are one list, each file once, with state and hook', async () => {
  const catalogue = await home.catalogue();
  const parts = ['moved.mp4', 'parked.mp4', 'waiting.mp4'].map((name, i) =>
    home.put(name, { recordingId: `rec-${i}`, endedAt: 2000 + i, streamName: 'cam' }),
  );
  for (const part of parts) await home.take(catalogue, part);
  rmSync(parts[0]!.path);
  await home.end(catalogue, parts[0]!);
  await home.end(catalogue, parts[1]!, 'parked');
  const store = new ReportStore(join(home.recordsDir, '.reports'), 10, home.log);
  await store.open();
  const { recordingId, index, path } = parts[1]!;
  const both = report(2001, { recordingId, index, path, bytes: 5 });
  const alone = report(9, { path: '/records/before.mp4' });
  for (const each of [both, alone]) await store.save(each);
  const files = readdirSync(join(home.recordsDir, '.catalogue'));

  const rows = (await listed(false)).slice(1).map((row) => row.split(/ {2,}/).slice(4));
  expect(rows).toEqual([
    ['gone', '-', 'stream', 'before.mp4'],
    ['moved', 'done', 'cam', 'moved.mp4'],
    ['here', 'parked', 'stream', 'parked.mp4'],
    ['here', 'pending', 'cam', 'waiting.mp4'],
  ]);
  const json = (await listed(true)).map((line) => JSON.parse(line) as unknown);
  expect(json).toMatchObject([
    { state: 'gone', hookState: null, ...alone },
    { state: 'moved', hookState: 'done', fileName: 'moved.mp4' },
    { state: 'here', hookState: 'parked', ...both },
    { state: 'here', hookState: 'pending', fileName: 'waiting.mp4' },
  ]);
  expect(readdirSync(join(home.recordsDir, '.catalogue'))).toEqual(files);
});
