import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FinishedPart } from '../../../src/domain/recording.ts';
import { DiskSpace } from '../../../src/recorder/diskSpace.ts';
import { finishPart } from '../../../src/recorder/finishPart.ts';
import type { PartFacts } from '../../../src/recorder/finishPart.ts';
import { readJournal, RecordingJournal } from '../../../src/recorder/journal.ts';
import { RecorderCounts } from '../../../src/recorder/recorderCounts.ts';
import { leftBehind, recover } from '../../../src/recorder/recovery.ts';
import { memoryLog } from '../../support/rtmpHarness.ts';
import { Home } from '../hooks/support.ts';

const ID = '3f0c';
const FACTS = {
  recordingId: ID,
  ...{ streamName: 'cam', nameAs: 'cam', sessionId: '/a/b', mediaSessionId: 'm', login: 'l' },
  names: { policy: 'streamName', template: '', encode: undefined, excludeCharacters: '' },
  overwrite: false,
} as const;

let home: Home;
let recordsDir: string;
let work: string;
let journal: RecordingJournal;
beforeEach(() => {
  home = new Home();
  home.script([
    'echo "$1 $2 $RECORD_PART_INDEX $RECORD_LAST_PART $RECORD_STOP_REASON $RECORD_BYTES" >> ../runs',
  ]);
  recordsDir = join(home.dir, 'records');
  work = join(recordsDir, '.work', ID, '000-000000.ts');
  mkdirSync(join(recordsDir, '.work', ID), { recursive: true });
  journal = new RecordingJournal(join(recordsDir, '.work', ID), FACTS, memoryLog());
  journal.run({ prefix: '000', container: 'ts', videoCodec: 'H264', startTimeMs: 0, startedAt: 0 });
  writeFileSync(work, 'media');
});
afterEach(() => home.remove());

const FILE: PartFacts = {
  ...{ path: '', container: 'ts', videoCodec: 'H264', audioCodec: undefined },
  ...{ startTimeMs: 0, startedAt: 0, durationMs: 5, index: 1, last: true, stopReason: 'rest-stop' },
};

/** What the next start of the server does, to the last hook. */
async function startAgain(): Promise<void> {
  const hooks = await home.hooks();
  const onPart = (part: Parameters<typeof hooks.enqueue>[0]): Promise<void> => hooks.enqueue(part);
  const log = memoryLog();
  const disk = new DiskSpace({ recordsDir, warnFree: {}, stopFree: {}, checkMs: 1000 }, log);
  const counts = new RecorderCounts();
  const onEnd = (): void => undefined;
  await recover(await leftBehind(recordsDir), {
    ...{ recordsDir, faststart: false, log, disk, counts },
    onPart,
    onEnd,
  });
  await hooks.drain(20_000);
}

const runs = (): string[] => (home.exists('runs') ? home.read('runs').trim().split('\n') : []);
const records = (): string[] => readdirSync(recordsDir).filter((name) => name !== '.work');
const told = (name: string, reason: string): string => `cam ${join(recordsDir, name)} 1 true ${reason} 5`;

/** Finishes the file as a server does, without its announcement. */
async function finish(): Promise<FinishedPart> {
  const named = await finishPart(
    FACTS,
    { ...FILE, path: work },
    { recordsDir, journal, faststart: undefined, counts: new RecorderCounts() },
    memoryLog(),
  );
  if (named === undefined) throw new Error('nothing was finished');
  return named.part;
}

/** The name is told, and the server ends before it is given. */
async function tellName(name: string): Promise<void> {
  const { index, last, startedAt, stopReason } = FILE;
  const facts = { index, last, startedAt, stopReason, endedAt: 5, durationMs: 5, bytes: 5, endTimeMs: 5 };
  await journal.naming({ file: '000-000000.ts', path: join(recordsDir, name), ...facts });
}

test.each<[string, string, () => Promise<void>]>([
  ['before the name is given', 'crash', () => tellName('cam.ts')],
  [
    'between link and unlink',
    'rest-stop',
    async () => {
      await tellName('cam.ts');
      linkSync(work, join(recordsDir, 'cam.ts'));
    },
  ],
  [
    'between the name and the spool',
    'rest-stop',
    async () => {
      await finish();
    },
  ],
  [
    'between the spool and the journal',
    'rest-stop',
    async () => {
      const ending = await home.hooks();
      await ending.drain(0);
      await ending.enqueue(await finish());
    },
  ],
])('a server that ends %s: one record, one run of its hook', async (_, reason, until) => {
  await until();
  await startAgain();
  expect([records(), runs()]).toEqual([['cam.ts'], [told('cam.ts', reason)]]);
  expect(readFileSync(join(recordsDir, 'cam.ts'), 'utf8')).toBe('media');
  expect(readdirSync(join(recordsDir, '.work'))).toEqual([]);
  await startAgain();
  expect(runs()).toHaveLength(1);
});

test('the name was told, but belongs to somebody else: the file gets another', async () => {
  writeFileSync(join(recordsDir, 'cam.ts'), 'older');
  await tellName('cam.ts');
  await startAgain();
  expect(records()).toEqual(['cam-2.ts', 'cam.ts']);
  expect(readFileSync(join(recordsDir, 'cam.ts'), 'utf8')).toBe('older');
  expect(runs()).toEqual([told('cam-2.ts', 'crash')]);
});

test('a name that is taken is passed over, and the one that was given is announced', async () => {
  writeFileSync(join(recordsDir, 'cam.ts'), 'older');
  await finish();
  expect((await readJournal(join(recordsDir, '.work', ID)))?.namings).toHaveLength(1);
  await startAgain();
  expect(runs()).toEqual([told('cam-2.ts', 'rest-stop')]);
});

test('a record that is gone again is not announced, and the next file goes on counting', async () => {
  const { path } = await finish();
  unlinkSync(path);
  writeFileSync(work.replace('000-000000', '000-000001'), 'more');
  await startAgain();
  expect(runs()).toEqual([`cam ${join(recordsDir, 'cam.ts')} 2 true crash 4`]);
  expect(existsSync(join(recordsDir, '.work', ID))).toBe(false);
});
