import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { decodeErrors, packetsOf } from '../support/packets.ts';
import type { Packet } from '../support/packets.ts';
import { publishFile } from '../support/publishers.ts';
import type { PublisherProcess } from '../support/publishers.ts';
import { RtmpClient } from '../support/rtmpClient.ts';
import { TestServer } from '../support/server.ts';
import { h264Source } from '../support/shortSource.ts';

const { bframesFlv } = inject('media');
let server: TestServer;
let publisher: PublisherProcess;
let mediaSessionId: string;

async function findStream(name: string): Promise<Record<string, unknown> | undefined> {
  const answer = await server.rest('/stream/find', { name });
  return answer.status === 200 ? (answer.json as Record<string, unknown>[])[0] : undefined;
}

beforeEach(async () => {
  // A publisher that falls silent stays.
  server = await TestServer.start({ stream_record_policy: 'streamName', rtmp_publisher_timeout: 600 });
  publisher = publishFile(bframesFlv, server.rtmpUrl('cam?key=v1'));
  const stream = await eventually(
    async () =>
      await findStream('cam').then((found) =>
        found?.['hasAudio'] === true && found['hasVideo'] === true ? found : undefined,
      ),
    'stream is live',
  );
  mediaSessionId = String(stream['mediaSessionId']);
});

afterEach(async () => {
  publisher.kill('SIGKILL');
  await server.close();
});

/** Waits until the stream has run for a while, seen in its own media clock. */
async function untilRecordedFor(ms: number): Promise<void> {
  await eventually(async () => {
    const info = (await findStream('cam'))?.['streamInfo'] as { recordTimestamp: number | null } | undefined;
    return (info?.recordTimestamp ?? 0) >= ms ? true : undefined;
  }, `recorded for ${ms} ms`);
}

/** Index of the first packet of `part` in `source`, where all of `part` must follow without a gap. */
function placeIn(source: readonly Packet[], part: readonly Packet[]): number {
  const start = source.findIndex((packet) => packet.md5 === part[0]?.md5);
  expect(start).toBeGreaterThanOrEqual(0);
  expect(part.map((packet) => packet.md5)).toEqual(
    source.slice(start, start + part.length).map((packet) => packet.md5),
  );
  return start;
}

test('the stream shows WCS fields; nothing is recorded until asked', async () => {
  const stream = await findStream('cam');
  expect(stream).toMatchObject({
    appKey: 'flashStreamingApp',
    name: 'cam',
    published: true,
    status: 'PUBLISHING',
    mediaProvider: 'Flash',
    record: false,
    recordName: null,
    hasVideo: true,
    hasAudio: true,
    videoCodec: 'H264',
    audioCodec: 'AAC',
    width: 640,
    height: 360,
    custom: { key: 'v1' },
  });
  expect(stream?.['sessionId']).toMatch(/^\/127\.0\.0\.1:\d+\/127\.0\.0\.1:\d+$/);
  expect(mediaSessionId).toMatch(/^[0-9a-f-]{36}$/);
  expect((await server.rest('/recorder/find_all')).status).toBe(404);
  expect((await server.rest('/recorder/find_all', {})).status).toBe(404);
  const connections = await server.rest('/connection/find_all');
  expect(connections.json).toMatchObject([{ appKey: 'flashStreamingApp', sessionId: stream?.['sessionId'] }]);
  expect((connections.json as { sipLogin: string }[])[0]!.sipLogin).toMatch(/^[A-Za-z0-9]{20}$/);
  expect(server.records()).toEqual([]);
});

test('start in mid-stream takes the cached GOP; stop makes the file final before it answers', async () => {
  const start = await server.rest('/stream/startRecording', { mediaSessionId });
  expect(start).toMatchObject({ status: 200, text: '' });
  expect((await server.rest('/recorder/find_all')).json).toEqual([{ fileName: 'cam.mp4', mediaSessionId }]);
  await untilRecordedFor(1500);
  expect(await server.rest('/stream/stopRecording', { mediaSessionId })).toMatchObject({
    status: 200,
    text: '',
  });
  expect(server.records()).toEqual(['cam.mp4']);
  const file = join(server.recordsDir, 'cam.mp4');
  const video = await packetsOf(file, 'v');
  const at = placeIn(await packetsOf(bframesFlv, 'v'), video);
  expect(at % 50).toBe(0);
  expect(await decodeErrors(file)).toBe('');
  expect((await server.rest('/stream/stopRecording', { mediaSessionId })).status).toBe(404);
});

test('a start on a recorded stream ends that recording and begins at the same key frame', async () => {
  await server.rest('/recorder/startup', {
    mediaSessionId,
    config: { fileTemplate: 'first-{mediaSessionId}' },
  });
  await untilRecordedFor(300);
  const config = { fileTemplate: 'second-{streamName}', rotation: '0' };
  expect((await server.rest('/recorder/startup', { mediaSessionId, config })).status).toBe(200);
  expect((await publisher.ended).code).toBe(0);
  const names = await server.recordsFinished(2);
  expect(names).toEqual([`first-${mediaSessionId}.mp4`, 'second-cam.mp4']);
  const source = { v: await packetsOf(bframesFlv, 'v'), a: await packetsOf(bframesFlv, 'a') };
  for (const kind of ['v', 'a'] as const) {
    const parts = await Promise.all(names.map((name) => packetsOf(join(server.recordsDir, name), kind)));
    const first = placeIn(source[kind], parts[0]!);
    expect(placeIn(source[kind], parts[1]!)).toBe(first + parts[0]!.length);
    expect(first + parts[0]!.length + parts[1]!.length).toBe(source[kind].length);
  }
});

test('terminate ends the stream and its recording, unknown sessions are 404', async () => {
  await server.rest('/recorder/startup', { mediaSessionId });
  await untilRecordedFor(300);
  expect((await server.rest('/stream/terminate', { mediaSessionId })).status).toBe(200);
  await server.recordsFinished(1);
  await eventually(
    async () => ((await server.rest('/stream/find_all')).status === 404 ? true : undefined),
    'no stream',
  );
  expect((await publisher.ended).code).not.toBe(0);
  for (const path of [
    '/stream/terminate',
    '/stream/startRecording',
    '/recorder/startup',
    '/recorder/terminate',
  ]) {
    expect((await server.rest(path, { mediaSessionId })).status).toBe(404);
  }
});

/** Bytes of the working files, which are fragmented MP4. */
function working(): Buffer {
  const work = join(server.recordsDir, '.work');
  const files = readdirSync(work, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.mp4'),
  );
  return Buffer.concat(files.map((name) => readFileSync(join(work, name))));
}

test('a start right behind a key frame has media in its file before as much came as a fragment has', async () => {
  const client = await RtmpClient.publishing(server.port('rtmp'), 'young');
  // 360 ms from the key frame on, and then nothing.
  const source = h264Source(bframesFlv, 10);
  for (const { kind, timeMs, body } of source.tags) client[kind](timeMs, body);
  const { mediaSessionId: young } = await eventually(async () => {
    const found = await findStream('young');
    return found?.['hasAudio'] === true && found['hasVideo'] === true ? found : undefined;
  }, 'stream is live');
  expect((await server.rest('/stream/startRecording', { mediaSessionId: young })).status).toBe(200);
  await eventually(
    () => (working().includes('mdat') ? true : undefined),
    'a fragment is in the working file',
  );
  client.end();
  await server.recordsFinished(1);
  const video = await packetsOf(join(server.recordsDir, 'young.mp4'), 'v');
  expect(video.map(({ md5 }) => md5)).toEqual(
    (await packetsOf(bframesFlv, 'v')).slice(0, 10).map(({ md5 }) => md5),
  );
});
