import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { WorkSync } from '../../../src/recorder/workSync.ts';
import { eventually } from '../../support/eventually.ts';
import { memoryLog } from '../../support/rtmpHarness.ts';

const folder = (): string => mkdtempSync(join(tmpdir(), 'recorderd-sync-'));

test('a disk that stands still has one sync under way; the others follow, and trouble is told once per recording', async () => {
  const log = memoryLog();
  const sync = new WorkSync(20, log);
  const said = (message: string) => log.lines.filter((line) => line.message === message);
  const [first, second, third] = [folder(), folder(), folder()];
  const fifo = join(first, 'fifo');
  // Nobody gets a FIFO open for reading before somebody writes to it.
  execFileSync('mkfifo', [fifo]);
  const looked: string[] = [];
  const stops = [
    sync.add(() => fifo, log.child({ recordingId: 'one' })),
    sync.add(
      () => {
        looked.push('second');
        return join(second, 'is-not-there-yet.mp4');
      },
      log.child({ recordingId: 'two' }),
    ),
    // A folder that has lost its journal.
    sync.add(
      () => {
        looked.push('third');
        const path = join(third, 'work.mp4');
        writeFileSync(path, 'media');
        mkdirSync(join(third, 'journal'), { recursive: true });
        return path;
      },
      log.child({ recordingId: 'three' }),
    ),
  ];
  await eventually(() => said('disk is too slow for record_sync_ms')[0], 'the warning');
  expect(looked).toEqual([]);
  const writer = await open(fifo, 'r+');
  await eventually(() => (looked.length >= 6 ? true : undefined), 'three walks');
  // A FIFO cannot be synced.
  expect(said('working file cannot be synced')).toMatchObject([{ fields: { file: fifo } }]);
  for (const stop of stops) stop();
  await writer.close();
});

test('0 syncs nothing', async () => {
  const log = memoryLog();
  const sync = new WorkSync(0, log);
  const other = new WorkSync(20, log);
  let [looks, others] = [0, 0];
  const stops = [
    sync.add(() => {
      looks++;
      return '/nowhere';
    }, log),
    other.add(() => {
      others++;
      return '/nowhere';
    }, log),
  ];
  await eventually(() => (others > 3 ? true : undefined), 'the other one');
  expect(looks).toBe(0);
  for (const stop of stops) stop();
});
