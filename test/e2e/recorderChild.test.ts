import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, inject, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { flvTags } from '../support/flvTags.ts';
import type { FlvTag } from '../support/flvTags.ts';
import { decodeErrors, packetsOf } from '../support/packets.ts';
import { RtmpClient } from '../support/rtmpClient.ts';
import { TestServer } from '../support/server.ts';

const { bframesFlv, hdFlv } = inject('media');
const RECORD_ALL = { record_flash_published_streams: true, stream_record_policy: 'streamName' };
const tags = flvTags(bframesFlv);
let server: TestServer;

afterEach(async () => server.close());

function send(client: RtmpClient, some: readonly FlvTag[], addMs = 0): void {
  for (const tag of some) client[tag.kind](tag.timeMs + addMs, tag.body);
}

/** Waits until the child's file holds at least this much. */
async function written(bytes: number, extension = 'mp4'): Promise<void> {
  const recordingId = String(server.logged('recording started')?.['recordingId']);
  const file = join(server.recordsDir, '.work', recordingId, `000-000000.${extension}`);
  await eventually(() => {
    const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    return size >= bytes ? true : undefined;
  }, `${bytes} bytes written`);
}

const bytesOf = (some: readonly FlvTag[]): number => some.reduce((sum, tag) => sum + tag.body.length, 0);
const pidOf = (index: number): number => Number(server.allLogged('child started')[index]!['pid']);
const logged = (message: string, count = 1) =>
  eventually(() => server.allLogged(message)[count - 1], `${count} × ${message}`);

async function md5s(name: string, kind: 'v' | 'a'): Promise<string[]> {
  return (await packetsOf(join(server.recordsDir, name), kind)).map((packet) => packet.md5);
}

async function expectSilentDecode(names: readonly string[]): Promise<void> {
  for (const name of names) expect(await decodeErrors(join(server.recordsDir, name))).toBe('');
}

/** The files hold every packet of the source once, in this order, and decode without a message. */
async function expectSource(names: readonly string[]): Promise<void> {
  await expectSilentDecode(names);
  for (const kind of ['v', 'a'] as const) {
    const source = (await packetsOf(bframesFlv, kind)).map((packet) => packet.md5);
    const found = await Promise.all(names.map((name) => md5s(name, kind)));
    expect(found.flat(), `${names.join(' ')} ${kind}`).toEqual(source);
  }
}

describe('kill -9 of the child', () => {
  // Key frames are 2 s apart.
  test.each([1000, 1900, 2100, 2600, 3900, 6300])(
    'after %i ms of media: two parts that decode and together hold every packet of the source once',
    async (killMs) => {
      server = await TestServer.start(RECORD_ALL);
      const client = await RtmpClient.publishing(server.port('rtmp'), 'cam');
      const early = tags.filter((tag) => tag.timeMs < killMs);
      send(client, early);
      // What is not on disk by then is in the child, in the pipe, or waits for the next batch.
      await written(bytesOf(early.filter((tag) => tag.timeMs < killMs - 1500)) || 1);
      process.kill(pidOf(0), 'SIGKILL');
      await logged('child is replaced');
      send(
        client,
        tags.filter((tag) => tag.timeMs >= killMs),
      );
      client.end();
      await logged('recording ended');
      // Less than a group of pictures is given again as a whole.
      const parts = server.records();
      expect(parts).toEqual(parts.length === 1 ? ['cam.mp4'] : ['cam.mp4', 'cam_1.mp4']);
      await expectSource(parts.toReversed());
      const finished = server.allLogged('part finished').map((line) => line['last']);
      expect(finished).toEqual(parts.length === 1 ? [true] : [false, true]);
    },
  );

  test('at its end, with input that it never took: what its file lacks is in one more part', async () => {
    server = await TestServer.start({ ...RECORD_ALL, record_stop_timeout: 1 });
    const client = await RtmpClient.publishing(server.port('rtmp'), 'cam');
    send(
      client,
      tags.filter((tag) => tag.timeMs < 5000),
    );
    await written(bytesOf(tags.filter((tag) => tag.timeMs < 3000)));
    process.kill(pidOf(0), 'SIGSTOP');
    send(
      client,
      tags.filter((tag) => tag.timeMs >= 5000),
    );
    client.end();
    await logged('recording ended');
    expect(server.records()).toEqual(['cam.mp4', 'cam_1.mp4']);
    await expectSource(['cam_1.mp4', 'cam.mp4']);
    expect(server.allLogged('part finished').map((line) => line['stopReason'])).toEqual([
      'child-died',
      'publisher-left',
    ]);
  });

  test('of a Matroska recording: no packet is missing, and the end of the first part begins the second', async () => {
    server = await TestServer.start({ ...RECORD_ALL, record_formats: 'h264-mkv' });
    const client = await RtmpClient.publishing(server.port('rtmp'), 'cam');
    const early = tags.filter((tag) => tag.timeMs < 7000);
    send(client, early);
    await written(bytesOf(early.filter((tag) => tag.timeMs < 5000)), 'mkv');
    process.kill(pidOf(0), 'SIGKILL');
    await logged('child is replaced');
    send(
      client,
      tags.filter((tag) => tag.timeMs >= 7000),
    );
    client.end();
    await logged('recording ended');
    expect(server.records()).toEqual(['cam.mkv', 'cam_1.mkv']);
    await expectSilentDecode(['cam_1.mkv', 'cam.mkv']);
    for (const kind of ['v', 'a'] as const) {
      const source = (await packetsOf(bframesFlv, kind)).map((packet) => packet.md5);
      const [first, second] = [await md5s('cam_1.mkv', kind), await md5s('cam.mkv', kind)];
      expect(first).toEqual(source.slice(0, first.length));
      expect(second).toEqual(source.slice(-second.length));
      expect(first.length + second.length).toBeGreaterThanOrEqual(source.length);
    }
  });
});

test('a child that hangs is killed, and replaced by one that goes on behind it', async () => {
  const limits = { record_buffer_max_bytes: 1_048_576, record_stop_timeout: 1 };
  server = await TestServer.start({ ...RECORD_ALL, ...limits });
  const hd = flvTags(hdFlv);
  const media = hd.filter((tag) => !tag.isHeader);
  const client = await RtmpClient.publishing(server.port('rtmp'), 'cam');
  send(
    client,
    hd.filter((tag) => tag.timeMs < 1000),
  );
  await written(1);
  process.kill(pidOf(0), 'SIGSTOP');
  send(
    client,
    media.filter((tag) => tag.timeMs >= 1000),
  );
  send(client, media, 4000);
  await logged('child is replaced');
  send(client, media, 8000);
  client.end();
  await logged('recording ended');
  expect(server.allLogged('child takes no data and is killed')).toHaveLength(1);
  expect(server.records()).toEqual(['cam.mp4', 'cam_1.mp4']);
  await expectSilentDecode(['cam_1.mp4', 'cam.mp4']);
  const source = (await packetsOf(hdFlv, 'v')).map((packet) => packet.md5);
  const second = await md5s('cam.mp4', 'v');
  expect(second.length % 50).toBe(0);
  expect(second.slice(-100)).toEqual(source);
});

test('an FFmpeg that is gone: the recording is given up in the log, the stream goes on, a later start works', async () => {
  const program = join(mkdtempSync(join(tmpdir(), 'recorderd-test-')), 'ffmpeg');
  const install = (): void => writeFileSync(program, '#!/bin/sh\nexec ffmpeg "$@"\n', { mode: 0o755 });
  install();
  server = await TestServer.start({ ...RECORD_ALL, record_ffmpeg_path: program });
  rmSync(program);
  const client = await RtmpClient.publishing(server.port('rtmp'), 'cam');
  send(
    client,
    tags.filter((tag) => tag.timeMs < 5000),
  );
  await logged('recording is given up after repeated child failures');
  expect(JSON.stringify(server.allLogged('child failed').map((line) => line['lastLines']))).toContain(
    'ENOENT',
  );
  expect((await server.rest('/recorder/find_all')).status).toBe(404);
  const [stream] = (await server.rest('/stream/find_all')).json as {
    mediaSessionId: string;
    record: boolean;
  }[];
  expect(stream).toMatchObject({ record: false });
  install();
  const { mediaSessionId } = stream!;
  expect((await server.rest('/recorder/startup', { mediaSessionId })).status).toBe(200);
  send(
    client,
    tags.filter((tag) => tag.timeMs >= 5000),
  );
  client.end();
  await logged('recording ended', 2);
  expect(server.records()).toEqual(['cam.mp4']);
  const source = (await packetsOf(bframesFlv, 'v')).map((packet) => packet.md5);
  const recorded = await md5s('cam.mp4', 'v');
  // From the key frame that was cached at the start.
  expect(recorded.length % 50).toBe(0);
  expect(recorded.length).toBeGreaterThanOrEqual(200);
  expect(recorded).toEqual(source.slice(-recorded.length));
  expect(readdirSync(join(server.recordsDir, '.work'))).toEqual(['hooks']);
});

/** Leaves the server this many free file descriptors; undefined lifts the limit again. */
function leaveDescriptors(free: number | undefined): void {
  const open = new Set(readdirSync(`/proc/${server.pid}/fd`).map(Number));
  let limit = 0;
  for (let left = free ?? 0; left > 0; limit++) if (!open.has(limit)) left--;
  // The hard limit stays, so that the soft one can be lifted.
  execFileSync('prlimit', ['--pid', String(server.pid), `--nofile=${free === undefined ? 1024 : limit}:`]);
}

test('without a file descriptor for a child the server lives and the other recordings go on', async () => {
  server = await TestServer.start(RECORD_ALL);
  const first = await RtmpClient.publishing(server.port('rtmp'), 'first');
  const second = await RtmpClient.publishing(server.port('rtmp'), 'second');
  const early = tags.filter((tag) => tag.timeMs < 1000);
  const late = tags.filter((tag) => tag.timeMs >= 1000);
  send(first, early);
  await logged('child started');
  leaveDescriptors(1);
  send(second, early);
  await logged('child failed');
  leaveDescriptors(undefined);
  send(first, late);
  send(second, late);
  first.end();
  second.end();
  await logged('recording ended', 2);
  expect(JSON.stringify(server.allLogged('child failed'))).toContain('no file descriptor is left');
  expect(server.records()).toContain('first.mp4');
  const source = (await packetsOf(bframesFlv, 'v')).map((packet) => packet.md5);
  expect(await md5s('first.mp4', 'v')).toEqual(source);
  // What was tried twice without success is lost; the next group of pictures is not.
  const recorded = await md5s('second.mp4', 'v');
  expect(recorded.length).toBeGreaterThanOrEqual(source.length - 50);
  expect(recorded).toEqual(source.slice(-recorded.length));
});
