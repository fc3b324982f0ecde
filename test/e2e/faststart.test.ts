import { readdirSync, readFileSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { decodeErrors, packetsOf, probe } from '../support/packets.ts';
import { publishFile } from '../support/publishers.ts';
import { TestServer } from '../support/server.ts';
import { noSmallDisk, SmallDisk } from '../support/smallDisk.ts';

const { bframesFlv, hdFlv } = inject('media');
const RECORD_ALL = { record_flash_published_streams: true, stream_record_policy: 'streamName' };
const FASTSTART = { ...RECORD_ALL, mp4_faststart: true };
const HD_LOOPS = 30;
const unable = noSmallDisk();
let server: TestServer;

afterEach(async () => server.close());

/** Top-level boxes of a file. */
function boxesOf(path: string): string[] {
  const bytes = readFileSync(path);
  const types: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = bytes.readUInt32BE(at);
    types.push(bytes.toString('latin1', at + 4, at + 8));
    at += size === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : size;
  }
  return types;
}

async function recordOf(settings: Readonly<Record<string, string | number | boolean>>) {
  server = await TestServer.start(settings);
  await publishFile(bframesFlv, server.rtmpUrl('cam'), { fast: true }).ended;
  const recordsDir = typeof settings['record_dir'] === 'string' ? settings['record_dir'] : server.recordsDir;
  await eventually(() => server.logged('recording ended'), 'the record');
  const file = join(recordsDir, 'cam.mp4');
  const [video, audio] = [await packetsOf(file, 'v'), await packetsOf(file, 'a')];
  const { duration } = (await probe(file)).format;
  const errors = await decodeErrors(file);
  return { order: boxesOf(file), bytes: statSync(file).size, errors, media: { video, audio, duration } };
}

test('mp4_faststart: the index is at the front, and all the rest is as in a record without', async () => {
  const plain = await recordOf(RECORD_ALL);
  await server.close();
  const front = await recordOf(FASTSTART);
  expect(plain.order).toEqual(['ftyp', 'mdat', 'moov']);
  expect(front.order).toEqual(['ftyp', 'moov', 'mdat']);
  expect(front.media).toEqual(plain.media);
  expect(front.media.video.length).toBeGreaterThan(200);
  expect(front.errors).toBe('');
  expect(server.logged('part finished')).toMatchObject({ bytes: front.bytes });
});

test('killed while it copies: the next start throws the copy away and makes another', async () => {
  server = await TestServer.start(FASTSTART);
  const workDir = join(server.recordsDir, '.work');
  const publisher = publishFile(hdFlv, server.rtmpUrl('cam'), { fast: true, loop: HD_LOOPS - 1 });
  const recordingId = String(
    (await eventually(() => server.logged('child started'), 'the child'))['recordingId'],
  );
  const folder = join(workDir, recordingId);
  const watcher = watch(folder, (_event, name) => {
    if (name?.endsWith('.faststart') === true) server.signal('SIGKILL');
  });
  await publisher.ended;
  await server.exited();
  watcher.close();
  const size = (suffix: string): number => statSync(join(folder, `000-000000.mp4${suffix}`)).size;
  expect(readdirSync(folder).sort()).toEqual(['000-000000.mp4', '000-000000.mp4.faststart', 'journal']);
  expect(size('.faststart')).toBeLessThan(size(''));

  server = await TestServer.start(FASTSTART, server.home);
  await eventually(() => server.logged('recordings of an earlier run are finished'), 'the recovery');
  expect(server.records()).toEqual(['cam.mp4']);
  expect(readdirSync(workDir)).not.toContain(recordingId);
  const file = join(server.recordsDir, 'cam.mp4');
  expect(boxesOf(file)).toEqual(['ftyp', 'moov', 'mdat']);
  const [found, sent] = [await packetsOf(file, 'v'), await packetsOf(hdFlv, 'v')];
  const looped = Array.from({ length: HD_LOOPS }, () => sent.map(({ md5 }) => md5)).flat();
  expect(found.map(({ md5 }) => md5)).toEqual(looped);
  expect(await decodeErrors(file)).toBe('');
});

test.skipIf(unable !== undefined)('without room for the copy the record stays plain', async () => {
  const disk = await SmallDisk.mount('64m');
  const left = statSync(bframesFlv).size * 1.5;
  const giveBack = disk.fill(left);
  const record_dir = join(disk.path, 'records');
  const { order, errors } = await recordOf({
    ...FASTSTART,
    record_dir,
    disk_stop_free: '64K',
    disk_warn_free: '64K',
  });
  expect(order).toEqual(['ftyp', 'mdat', 'moov']);
  expect(errors).toBe('');
  expect(server.allLogged('index stays at the end of a record')).toHaveLength(1);
  expect(server.logged('disk is full: recordings end, and wait for room')).toBeUndefined();
  giveBack();
  await server.close();
  disk.unmount();
});
