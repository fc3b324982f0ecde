import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FinishedPart } from '../../../src/domain/recording.ts';
import { finaliseMp4 } from '../../../src/media/mp4/finalise.ts';
import { indexEntry } from '../../../src/media/mp4/fragmentIndex.ts';
import { DiskSpace } from '../../../src/recorder/diskSpace.ts';
import { indexOf } from '../../../src/recorder/fragmentIndexes.ts';
import { RecordingJournal } from '../../../src/recorder/journal.ts';
import { RecorderCounts } from '../../../src/recorder/recorderCounts.ts';
import { leftBehind, recover } from '../../../src/recorder/recovery.ts';
import { memoryLog } from '../../support/rtmpHarness.ts';
import { FTYP, testFragment, testMoov, topBoxes } from '../media/support/mp4.ts';

const FACTS = {
  recordingId: '3f0c',
  ...{ streamName: 'cam', nameAs: 'cam', sessionId: '/a/b', mediaSessionId: 'm', login: 'l' },
  names: { policy: 'streamName', template: '', encode: undefined, excludeCharacters: '' },
  overwrite: false,
} as const;

let recordsDir: string;
let folder: string;
let journal: RecordingJournal;
beforeEach(() => {
  recordsDir = mkdtempSync(join(tmpdir(), 'recorderd-order-'));
  folder = join(recordsDir, '.work', FACTS.recordingId);
  mkdirSync(folder, { recursive: true });
  journal = new RecordingJournal(folder, FACTS, memoryLog());
});
afterEach(() => rmSync(recordsDir, { recursive: true }));

/** A child of which files are left, which hold their own names. */
function left(prefix: string, files: number, behind?: string): void {
  journal.run({ prefix, behind, container: 'ts', videoCodec: 'H264', startTimeMs: 0, startedAt: 0 });
  for (let n = 0; n < files; n++) {
    const name = `${prefix}-${String(n).padStart(6, '0')}.ts`;
    writeFileSync(join(folder, name), name);
  }
}

/** What the next start announces: number, whether it is the last, and the working file of each part. */
async function recovered(): Promise<[number, boolean, string][]> {
  const parts: FinishedPart[] = [];
  const log = memoryLog();
  await recover(await leftBehind(recordsDir), {
    ...{ recordsDir, faststart: false, log, counts: new RecorderCounts() },
    disk: new DiskSpace({ recordsDir, warnFree: {}, stopFree: {}, checkMs: 1000 }, log),
    onPart: (part) => Promise.resolve(void parts.push(part)),
    onEnd: () => undefined,
  });
  return parts.map(({ index, last, path }) => [index, last, readFileSync(path, 'utf8')]);
}

test('children that were killed one after another: their files in the order of their numbers', async () => {
  left('000', 2);
  left('001', 1);
  left('002', 1);
  expect(await recovered()).toEqual([
    [1, false, '000-000000.ts'],
    [2, false, '000-000001.ts'],
    [3, false, '001-000000.ts'],
    [4, true, '002-000000.ts'],
  ]);
});

test('the rest of a child that died after another took over comes right behind it', async () => {
  left('000', 1);
  left('001', 2);
  left('002', 1, '000');
  expect(await recovered()).toEqual([
    [1, false, '000-000000.ts'],
    [2, false, '002-000000.ts'],
    [3, false, '001-000000.ts'],
    [4, true, '001-000001.ts'],
  ]);
});

test('the thousandth child comes behind the one before it', async () => {
  left('999', 1);
  left('1000', 1);
  expect(await recovered()).toEqual([
    [1, false, '999-000000.ts'],
    [2, true, '1000-000000.ts'],
  ]);
});

test('what a crash left of an index is removed, not trusted', async () => {
  const samples = [{ duration: 10, composition: 0, size: 4000, sync: true }];
  const fragments = [0, 10, 20].map((time) => testFragment([{ trackId: 1, time, samples }]));
  const file = Buffer.concat([FTYP, testMoov([{ id: 1, handler: 'vide', timescale: 1000 }]), ...fragments]);
  const [, second] = topBoxes(file).filter(({ type }) => type === 'moof');
  const lie = testFragment([{ trackId: 1, time: 5, samples: [] }]).subarray(0, 90);
  journal.run({ prefix: '000', container: 'mp4', videoCodec: 'H264', startTimeMs: 0, startedAt: 0 });
  const path = join(folder, '000-000000.mp4');
  writeFileSync(path, file);
  writeFileSync(indexOf(path), indexEntry(second!.start, lie));
  const expected = join(recordsDir, 'expected.mp4');
  writeFileSync(expected, file);
  await finaliseMp4(expected);
  expect(await recovered()).toEqual([[1, true, readFileSync(expected, 'utf8')]]);
  expect(existsSync(folder)).toBe(false);
});
