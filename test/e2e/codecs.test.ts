import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { expectSamePackets } from '../support/compare.ts';
import { decodeErrors, packetsOf, probe } from '../support/packets.ts';
import { publishFile } from '../support/publishers.ts';
import { RtmpClient } from '../support/rtmpClient.ts';
import { TestServer } from '../support/server.ts';
import { readIvf, readMp4Track } from '../unit/media/support/sources.ts';

const { bframesFlv } = inject('media');
const { ffmpeg7 } = inject('peers');
const ffmpeg = inject('ffmpeg');
const folder = mkdtempSync(join(tmpdir(), 'recorderd-codecs-'));
let server: TestServer;

beforeEach(async () => {
  server = await TestServer.start({
    record_flash_published_streams: true,
    stream_record_policy: 'streamName',
  });
});
afterEach(async () => server.close());

/** Makes a source of the 12 s test video and audio in other codecs. */
function make(name: string, args: readonly string[]): string {
  const path = join(folder, name);
  execFileSync(ffmpeg, ['-v', 'error', '-nostdin', '-y', '-i', bframesFlv, '-t', '4', ...args, path]);
  return path;
}

/** Publishes `source` and gives the path of its only record. */
async function record(source: string, publisher?: string): Promise<string> {
  const options = publisher === undefined ? {} : { ffmpeg: publisher };
  expect(await publishFile(source, server.rtmpUrl('cam'), options).ended).toEqual({ code: 0, stderr: '' });
  const [name] = await server.recordsFinished(1);
  const file = join(server.recordsDir, name!);
  expect(await decodeErrors(file)).toBe('');
  return file;
}

async function codecsOf(file: string): Promise<string[]> {
  return (await probe(file)).streams.map((stream) => stream.codec_name).sort();
}

test('MP3 beside H.264 is copied into MP4', async () => {
  const source = make('mp3.flv', ['-c:v', 'copy', '-c:a', 'libmp3lame', '-b:a', '128k']);
  const file = await record(source);
  expect(await codecsOf(file)).toEqual(['h264', 'mp3']);
  await expectSamePackets(source, [file], 'a');
  await expectSamePackets(source, [file], 'v');
});

test.each([
  ['Speex', ['-c:a', 'libspeex', '-ar', '16000', '-ac', '1']],
  ['G.711 A-law', ['-c:a', 'pcm_alaw', '-ar', '8000', '-ac', '1']],
  ['G.711 µ-law', ['-c:a', 'pcm_mulaw', '-ar', '8000', '-ac', '1']],
])('%s becomes AAC, the video is copied', async (_, args) => {
  const source = make('legacy.flv', ['-c:v', 'copy', ...args]);
  const file = await record(source);
  expect(await codecsOf(file)).toEqual(['aac', 'h264']);
  await expectSamePackets(source, [file], 'v');
  const audio = (await probe(file)).streams.find((stream) => stream.codec_type === 'audio');
  expect(audio).toMatchObject({ sample_rate: '44100', channels: 1 });
  const heard = await packetsOf(file, 'a');
  expect(heard.at(-1)!.pts - heard[0]!.pts).toBeGreaterThan(3800);
});

test('audio alone becomes MP4 with AAC, copied or transcoded', async () => {
  const aac = make('aac.flv', ['-vn', '-c:a', 'copy']);
  const file = await record(aac);
  expect(await codecsOf(file)).toEqual(['aac']);
  await expectSamePackets(aac, [file], 'a');
  await publishFile(make('mp3only.flv', ['-vn', '-c:a', 'libmp3lame']), server.rtmpUrl('radio')).ended;
  await server.recordsFinished(2);
  expect(await codecsOf(join(server.recordsDir, 'radio.mp4'))).toEqual(['aac']);
});

test('video alone', async () => {
  const source = make('video.flv', ['-an', '-c:v', 'copy']);
  const file = await record(source);
  expect(await codecsOf(file)).toEqual(['h264']);
  await expectSamePackets(source, [file], 'v');
});

// Containers by FFmpeg's names: MP4 is mov,mp4,…; WebM is matroska,webm. The tag of HEVC is Apple's.
test.skipIf(ffmpeg7 === null).each([
  ['hevc', ['-c:v', 'libx265', '-x265-params', 'log-level=none:bframes=2'], 'cam.mp4', 'hvc1'],
  ['av1', ['-c:v', 'libaom-av1', '-cpu-used', '8', '-usage', 'realtime', '-b:v', '300k'], 'cam.mp4', 'av01'],
  [
    'vp9',
    ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-b:v', '300k'],
    'cam.mp4',
    'vp09',
  ],
] as const)('enhanced RTMP: %s with AAC from a current ffmpeg', async (codec, args, name, tag) => {
  const source = make(`${codec}.mkv`, [...args, '-g', '50', '-vf', 'scale=320:180', '-c:a', 'copy']);
  const file = await record(source, ffmpeg7!);
  expect(server.records()).toEqual([name]);
  const video = (await probe(file)).streams.find((stream) => stream.codec_type === 'video');
  expect(video).toMatchObject({ codec_name: codec, codec_tag_string: tag, width: 320 });
  const sent = await packetsOf(source, 'v');
  expect((await packetsOf(file, 'v')).length).toBe(sent.length);
  await expectSamePackets(source, [file], 'a');
});

/** `OpusHead` of RFC 7845, 5.1, for stereo. */
const OPUS_HEAD = Buffer.concat([
  Buffer.from('OpusHead'),
  Buffer.from('01023801', 'hex'),
  Buffer.from('80bb0000000000', 'hex'),
]);

test('enhanced RTMP: VP9 with Opus is copied into WebM', async () => {
  const client = await RtmpClient.publishing(server.port('rtmp'), 'cam');
  const vp9 = make('vp9.ivf', [
    '-an',
    '-c:v',
    'libvpx-vp9',
    '-deadline',
    'realtime',
    '-cpu-used',
    '8',
    '-b:v',
    '300k',
  ]);
  const opus = make('opus.mp4', ['-vn', '-c:a', 'libopus', '-ar', '48000', '-strict', '-2']);
  const video = readIvf(readFileSync(vp9), 1).map((sample) => ({
    ...sample,
    head: sample.key ? 0x91 : 0xa1,
  }));
  const audio = readMp4Track(readFileSync(opus), 2).samples.map((sample) => ({ ...sample, head: 0x91 }));
  client.video(
    0,
    Buffer.concat([Buffer.from([0x90]), Buffer.from('vp09'), Buffer.from('0100000000140801', 'hex')]),
  );
  client.audio(0, Buffer.concat([Buffer.from([0x90]), Buffer.from('Opus'), OPUS_HEAD]));
  for (const { trackId, dts, head, data } of [...video, ...audio].sort((a, b) => a.dts - b.dts)) {
    const body = Buffer.concat([Buffer.from([head]), Buffer.from(trackId === 1 ? 'vp09' : 'Opus'), data]);
    client[trackId === 1 ? 'video' : 'audio'](Math.max(0, Math.round(dts / 1000)), body);
  }
  client.end();
  expect(await server.recordsFinished(1)).toEqual(['cam.webm']);
  const file = join(server.recordsDir, 'cam.webm');
  expect(await codecsOf(file)).toEqual(['opus', 'vp9']);
  for (const [kind, sent] of [
    ['v', video],
    ['a', audio],
  ] as const) {
    const md5s = sent.map(({ data }) => createHash('md5').update(data).digest('hex'));
    expect((await packetsOf(file, kind)).map((packet) => packet.md5)).toEqual(md5s);
  }
  expect(await decodeErrors(file)).toBe('');
});

test('record_formats and record_h264_to_ts choose the container', async () => {
  for (const [settings, extension, format] of [
    [{ record_formats: 'h264-mkv' }, 'mkv', 'matroska,webm'],
    [{ record_formats: 'h264-webm' }, 'webm', 'matroska,webm'],
    [{ record_h264_to_ts: true }, 'ts', 'mpegts'],
  ] as const) {
    await server.close();
    server = await TestServer.start({
      record_flash_published_streams: true,
      stream_record_policy: 'streamName',
      ...settings,
    });
    const file = await record(make('short.flv', ['-c', 'copy']));
    expect(server.records()).toEqual([`cam.${extension}`]);
    expect((await probe(file)).format.format_name).toBe(format);
    expect((await packetsOf(file, 'v')).length).toBe(
      (await packetsOf(join(folder, 'short.flv'), 'v')).length,
    );
  }
});
