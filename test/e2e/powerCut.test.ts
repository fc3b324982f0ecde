import { copyFileSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { decodeErrors, packetsOf } from '../support/packets.ts';
import { noPowerCut, PowerCutDisk } from '../support/powerCut.ts';
import { publishFile } from '../support/publishers.ts';
import { TestServer } from '../support/server.ts';

const { bframesFlv } = inject('media');
const RECORD_ALL = { record_flash_published_streams: true, stream_record_policy: 'streamName' };
const SYNC_MS = 500;
/** The interval, a fragment, a batch, and the time that syncs take on a busy machine. */
const LOSS_MS = SYNC_MS + 500 + 250 + 1000;
const SECONDS = 4;
const BYTES_PER_SECOND = statSync(bframesFlv).size / 12;
const unable = noPowerCut();
if (unable !== undefined)
  process.stdout.write(`e2e: no power cut can be made, tests are skipped: ${unable}\n`);

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
});

/** Paths of the media under a folder that may not be there. */
function mediaUnder(folder: string): string[] {
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.mp4'))
    .map((name) => join(folder, name));
}

/** Records on a disk whose power is cut then. @returns the home on what the disk holds, and when the media ended. */
async function cutWhileRecording(
  settings: Readonly<Record<string, number>>,
): Promise<{ home: string; writtenMs: number }> {
  const disk = new PowerCutDisk();
  closers.push(() => disk.close());
  const server = await TestServer.start({ ...RECORD_ALL, ...settings }, join(await disk.mount(), 'home'));
  closers.push(() => server.signal('SIGKILL'));
  publishFile(bframesFlv, server.rtmpUrl('cam'));
  const child = Number((await eventually(() => server.logged('child started'), 'the child'))['pid']);
  const written = await eventually(() => {
    const [path] = mediaUnder(server.recordsDir);
    return path !== undefined && statSync(path).size >= SECONDS * BYTES_PER_SECOND ? path : undefined;
  }, 'enough media');
  for (const pid of [child, server.pid]) process.kill(pid, 'SIGSTOP');
  // As Linux has it in memory.
  const folder = mkdtempSync(join(tmpdir(), 'recorderd-written-'));
  closers.push(() => rmSync(folder, { recursive: true }));
  const copy = join(folder, 'written.mp4');
  copyFileSync(written, copy);
  disk.cut();
  for (const pid of [child, server.pid]) process.kill(pid, 'SIGKILL');
  await server.exited();
  const writtenMs = (await packetsOf(copy, 'v')).at(-1)!.dts;
  return { home: join(await disk.mount(), 'home'), writtenMs };
}

test.skipIf(unable !== undefined)(
  'record_sync_ms: what a power failure leaves is all but the last interval, where else there is nothing',
  async () => {
    const [synced, left] = await Promise.all([
      cutWhileRecording({ record_sync_ms: SYNC_MS }),
      cutWhileRecording({ record_sync_ms: 0 }),
    ]);
    const sizes = mediaUnder(left.home).map((path) => statSync(path).size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(0);

    const server = await TestServer.start(RECORD_ALL, synced.home);
    await eventually(() => server.logged('recordings of an earlier run are finished'), 'the recovery');
    expect(server.records()).toEqual(['cam.mp4']);
    const record = join(server.recordsDir, 'cam.mp4');
    const [found, sent] = [await packetsOf(record, 'v'), await packetsOf(bframesFlv, 'v')];
    expect(found.map(({ md5 }) => md5)).toEqual(sent.slice(0, found.length).map(({ md5 }) => md5));
    expect(synced.writtenMs - found.at(-1)!.dts).toBeLessThan(LOSS_MS);
    expect(synced.writtenMs).toBeGreaterThan(LOSS_MS + 500);
    expect(await decodeErrors(record)).toBe('');
    await server.close();
  },
);
