import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  JOURNAL_FILE,
  readJournal,
  RecordingJournal,
  removeWorkFolder,
} from '../../../src/recorder/journal.ts';
import { memoryLog } from '../../support/rtmpHarness.ts';

const FACTS = {
  recordingId: 'id',
  streamName: 'cam "ä"\n',
  nameAs: 'cam',
  sessionId: '/a/b',
  mediaSessionId: 'm',
  login: 'l',
  names: { policy: 'template', template: '{streamName}', encode: undefined, excludeCharacters: '' },
  overwrite: false,
} as const;
const run = (n: number) => ({
  prefix: `00${n}`,
  pid: 7,
  container: 'mp4',
  videoCodec: 'H264',
  audioCodec: 'mp4a',
  startTimeMs: n,
  startedAt: n + 1,
});
const part = (n: number) => ({ file: `000-00000${n}.mp4`, index: n, endTimeMs: n, endedAt: n + 1 });

function written(): { readonly folder: string; readonly bytes: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), 'recorderd-journal-'));
  const journal = new RecordingJournal(folder, FACTS, memoryLog());
  journal.run(run(0));
  for (const n of [1, 2]) journal.part(part(n));
  journal.run(run(1));
  return { folder, bytes: readFileSync(join(folder, JOURNAL_FILE)) };
}

test('tells what was written', async () => {
  const { folder } = written();
  const story = await readJournal(folder);
  expect(story?.recording).toEqual({ ...FACTS, kind: 'recording', version: 1 });
  expect(story?.runs).toMatchObject([run(0), run(1)]);
  expect(story?.parts).toMatchObject([part(1), part(2)]);
});

test('torn at any byte it tells what was whole, and takes more behind the tear', async () => {
  const { folder, bytes } = written();
  const path = join(folder, JOURNAL_FILE);
  const counts = new Set<string>();
  for (let cut = 0; cut < bytes.length; cut++) {
    writeFileSync(path, bytes.subarray(0, cut));
    const before = await readJournal(folder);
    counts.add(`${before?.runs.length} ${before?.parts.length}`);
    new RecordingJournal(folder, FACTS, memoryLog()).part(part(3));
    const after = await readJournal(folder);
    expect(after?.recording).toEqual(before?.recording);
    if (before !== undefined) expect(after?.parts.map(({ index }) => index).at(-1)).toBe(3);
  }
  expect([...counts]).toEqual(['undefined undefined', '0 0', '1 0', '1 1', '1 2', '2 2']);
});

test('a name is told before it is given, and a newer one for the same file after it', async () => {
  const { folder } = written();
  const naming = (path: string) => ({
    ...{ file: '001-000000.mp4', path, index: 3, last: true, stopReason: 'rotation' as const },
    ...{ startedAt: 1, endedAt: 2, durationMs: 1, bytes: 9, endTimeMs: 2 },
  });
  const journal = new RecordingJournal(folder, FACTS, memoryLog());
  for (const path of ['/r/cam.mp4', '/r/cam-2.mp4']) await journal.naming(naming(path));
  const story = await readJournal(folder);
  expect(story?.namings).toMatchObject([naming('/r/cam.mp4'), naming('/r/cam-2.mp4')]);
  expect(story?.parts).toHaveLength(2);
});

test('a folder is removed when only its journal is left', async () => {
  const { folder } = written();
  writeFileSync(join(folder, '000-000000.mp4'), '');
  await removeWorkFolder(folder);
  expect(readdirSync(folder)).toHaveLength(2);
});

test('one that cannot be written is said and nothing more', async () => {
  const log = memoryLog();
  new RecordingJournal('/nowhere/at/all', FACTS, log).run(run(0));
  expect(log.lines.map(({ message }) => message)).toContain('journal cannot be written');
  expect(await readJournal('/nowhere/at/all')).toBeUndefined();
});

test('what a full disk did not take is written as soon as there is room', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'recorderd-journal-'));
  const path = join(folder, JOURNAL_FILE);
  const log = memoryLog();
  const journal = new RecordingJournal(folder, FACTS, log);
  symlinkSync('/dev/full', path);
  journal.run(run(0));
  journal.part(part(1));
  expect(log.lines.map(({ message }) => message)).toEqual(Array(3).fill('journal cannot be written'));
  expect(JSON.stringify(log.lines[0])).toContain('ENOSPC');
  rmSync(path);
  journal.part(part(2));
  const story = await readJournal(folder);
  expect(story).toMatchObject({ recording: FACTS, runs: [run(0)], parts: [part(1), part(2)] });
});
