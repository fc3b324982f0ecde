import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import { expectSamePackets } from '../support/compare.ts';
import { eventually } from '../support/eventually.ts';
import { flvTags } from '../support/flvTags.ts';
import type { FlvTag } from '../support/flvTags.ts';
import { hookInto } from '../support/hook.ts';
import { decodeErrors, packetsOf, probe } from '../support/packets.ts';
import { RtmpClient } from '../support/rtmpClient.ts';
import { TestServer } from '../support/server.ts';

const { bframesFlv } = inject('media');
const RECORD_ALL = { record_flash_published_streams: true, stream_record_policy: 'streamName' };
const tags = flvTags(bframesFlv);
let server: TestServer;

afterEach(async () => server.close());

function send(client: RtmpClient, some: readonly FlvTag[], addMs = 0): void {
  for (const tag of some) client[tag.kind](tag.timeMs + addMs, tag.body);
}

const pathOf = (name: string): string => join(server.recordsDir, name);
const recordingsEnded = (count = 1) =>
  eventually(() => server.allLogged('recording ended')[count - 1], `${count} recordings ended`, 30_000);

async function publish(some: readonly FlvTag[], name = 'cam'): Promise<void> {
  const client = await RtmpClient.publishing(server.port('rtmp'), name);
  send(client, some);
  client.end();
}

async function md5s(name: string, kind: 'v' | 'a'): Promise<string[]> {
  return (await packetsOf(pathOf(name), kind)).map((packet) => packet.md5);
}

const PARTS = (extension: string): string[] =>
  ['cam_1', 'cam_2', 'cam'].map((name) => `${name}.${extension}`);

test.each([
  ['mkv', { record_formats: 'h264-mkv' }],
  ['webm', { record_formats: 'h264-webm' }],
])('parts by time in %s: their union is the source', async (extension, formats) => {
  server = await TestServer.start({ ...RECORD_ALL, ...formats, record_rotation: 4 });
  await publish(tags);
  await recordingsEnded();
  expect(server.records()).toEqual(PARTS(extension).sort());
  const files = PARTS(extension).map(pathOf);
  await expectSamePackets(bframesFlv, files, 'v');
  for (const file of files) expect(await decodeErrors(file)).toBe('');
  if (extension === 'mkv') await expectSamePackets(bframesFlv, files, 'a');
});

test('parts by time in MPEG-TS: no packet is lost or doubled', async () => {
  server = await TestServer.start({ ...RECORD_ALL, record_h264_to_ts: true, record_rotation: 4 });
  await publish(tags);
  await recordingsEnded();
  expect(server.records()).toEqual(PARTS('ts').sort());
  const counts = { v: 0, a: 0 };
  for (const name of PARTS('ts')) {
    expect(await decodeErrors(pathOf(name))).toBe('');
    for (const kind of ['v', 'a'] as const) counts[kind] += (await packetsOf(pathOf(name), kind)).length;
  }
  const [video, audio] = [await packetsOf(bframesFlv, 'v'), await packetsOf(bframesFlv, 'a')];
  expect(counts).toEqual({ v: video.length, a: audio.length });
});

test('audio alone by time: cut at any frame, the hook runs in order', async () => {
  const hook = hookInto();
  const quick = { record_track_wait_ms: 100, on_record_hook_script: hook.script };
  server = await TestServer.start({ ...RECORD_ALL, ...quick, record_rotation: 4 });
  await publish(tags.filter((tag) => tag.kind === 'audio'));
  await recordingsEnded();
  // The source has one frame more than twelve seconds.
  const parts = ['cam_1.mp4', 'cam_2.mp4', 'cam_3.mp4', 'cam.mp4'];
  await eventually(() => (hook.calls().length === parts.length ? true : undefined), 'a hook for each part');
  expect(hook.calls()).toEqual(parts.map((name) => ['cam', pathOf(name)]));
  await expectSamePackets(bframesFlv, parts.map(pathOf), 'a');
  for (const name of parts) expect(Number((await probe(pathOf(name))).format.start_time)).toBe(0);
});

test('video alone for half a second is there whole, though the recording waited for sound', async () => {
  server = await TestServer.start({ ...RECORD_ALL, record_track_wait_ms: 20_000 });
  const some = tags.filter((tag) => tag.kind === 'video' && tag.timeMs < 500);
  await publish(some);
  await recordingsEnded();
  expect(server.records()).toEqual(['cam.mp4']);
  const source = (await packetsOf(bframesFlv, 'v')).map((packet) => packet.md5);
  expect(await md5s('cam.mp4', 'v')).toEqual(source.slice(0, some.filter((tag) => !tag.isHeader).length));
  expect(await decodeErrors(pathOf('cam.mp4'))).toBe('');
});

test('one recording on demand with a rotation, a template, a fixed name of its own', async () => {
  server = await TestServer.start({ stream_record_policy: 'streamName' });
  const client = await RtmpClient.publishing(server.port('rtmp'), 'cam');
  send(
    client,
    tags.filter((tag) => tag.timeMs < 500),
  );
  const mediaSessionId = await eventually(async () => {
    const [stream] = ((await server.rest('/stream/find_all')).json ?? []) as Record<string, unknown>[];
    return stream?.['hasAudio'] === true && stream['hasVideo'] === true
      ? stream['mediaSessionId']
      : undefined;
  }, 'the stream');
  for (const [force, name] of [
    [false, 'recordStream.mp4'],
    [false, 'recordStream-2.mp4'],
    ['true', 'recordStream.mp4'],
  ] as const) {
    const before = server.records().includes(name) ? statSync(pathOf(name)).ino : 0;
    const body = { mediaSessionId, fileName: 'recordStream.mp4', force };
    expect((await server.rest('/stream/startRecording', body)).status).toBe(200);
    expect((await server.rest('/recorder/find_all')).json).toMatchObject([{ fileName: 'recordStream.mp4' }]);
    expect((await server.rest('/stream/stopRecording', { mediaSessionId })).status).toBe(200);
    expect(statSync(pathOf(name)).ino).not.toBe(before);
  }
  const config = { fileTemplate: 'parts-of-{streamName}', rotation: '4' };
  expect((await server.rest('/recorder/startup', { mediaSessionId, config })).status).toBe(200);
  send(
    client,
    tags.filter((tag) => tag.timeMs >= 500),
  );
  client.end();
  await recordingsEnded(4);
  const parts = ['parts-of-cam_1.mp4', 'parts-of-cam_2.mp4', 'parts-of-cam.mp4'];
  expect(server.records()).toEqual([...parts, 'recordStream-2.mp4', 'recordStream.mp4'].sort());
  for (const kind of ['v', 'a'] as const) await expectSamePackets(bframesFlv, parts.map(pathOf), kind);
});

test('sound that is off for a while during rotation: every part decodes, no picture is lost', async () => {
  server = await TestServer.start({ ...RECORD_ALL, record_rotation: 4 });
  const client = await RtmpClient.publishing(server.port('rtmp'), 'cam');
  const isOn = (tag: FlvTag): boolean => tag.kind === 'video' || tag.isHeader;
  send(
    client,
    tags.filter((tag) => isOn(tag) || tag.timeMs < 1000),
  );
  const again = tags.filter((tag) => !tag.isHeader && (tag.kind === 'video' || tag.timeMs >= 5000));
  send(client, again, 12_000);
  client.end();
  await recordingsEnded();
  const parts = server.allLogged('part finished').map((line) => String(line['file']).split('/').at(-1)!);
  const video: string[] = [];
  for (const name of parts) {
    expect(await decodeErrors(pathOf(name))).toBe('');
    video.push(...(await md5s(name, 'v')));
  }
  const source = (await packetsOf(bframesFlv, 'v')).map((packet) => packet.md5);
  expect(video).toEqual([...source, ...source]);
  expect(parts.at(-1)).toBe('cam.mp4');
  const last = (await packetsOf(bframesFlv, 'a')).map((packet) => packet.md5).at(-1);
  expect((await md5s('cam.mp4', 'a')).at(-1)).toBe(last);
});

/** What the server holds open, and the processes it has started. */
function held(): { descriptors: number; children: number } {
  const children = readdirSync('/proc').filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/status`, 'utf8').includes(`\nPPid:\t${server.pid}\n`)
      );
    } catch {
      return false;
    }
  });
  return { descriptors: readdirSync(`/proc/${server.pid}/fd`).length, children: children.length };
}

test('after thirty short streams nothing is left: no descriptor, no process, no folder', async () => {
  server = await TestServer.start(RECORD_ALL);
  const some = tags.filter((tag) => tag.timeMs < 300);
  await publish(some, 'first');
  await recordingsEnded();
  const before = held();
  for (let round = 0; round < 3; round++) {
    await Promise.all(Array.from({ length: 10 }, (_, i) => publish(some, `cam${round}${i}`)));
    await recordingsEnded(1 + (round + 1) * 10);
  }
  expect(server.records()).toHaveLength(31);
  await eventually(() => {
    const now = held();
    return now.descriptors <= before.descriptors && now.children === 0 ? true : undefined;
  }, 'nothing is held');
  expect(readdirSync(join(server.recordsDir, '.work'))).toEqual(['hooks']);
});
