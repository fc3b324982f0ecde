import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { flvTags } from '../support/flvTags.ts';
import type { FlvTag } from '../support/flvTags.ts';
import { decodeErrors, packetsOf, probe } from '../support/packets.ts';
import { RtmpClient } from '../support/rtmpClient.ts';
import { TestServer } from '../support/server.ts';

const { bframesFlv, hdFlv } = inject('media');
const ffmpeg = inject('ffmpeg');
const folder = mkdtempSync(join(tmpdir(), 'recorderd-changes-'));
/** Two groups of pictures. */
const CHANGE_MS = 4_000;
let server: TestServer;
let client: RtmpClient;

afterEach(async () => server.close());

/** Neither a configuration nor the end of the sequence. */
const isPicture = (tag: FlvTag): boolean => tag.kind === 'video' && tag.body[1] === 1;
const before = (tag: FlvTag): boolean => tag.timeMs < CHANGE_MS;

async function publishing(): Promise<void> {
  server = await TestServer.start({
    record_flash_published_streams: true,
    stream_record_policy: 'streamName',
  });
  client = await RtmpClient.publishing(server.port('rtmp'), 'cam');
}

function send(some: readonly FlvTag[], addMs = 0): void {
  for (const tag of some) client[tag.kind](tag.timeMs + addMs, tag.body);
}

/** Ends the stream. @returns the paths of the parts, in order, each of which decodes without a word. */
async function parts(): Promise<string[]> {
  client.end();
  await eventually(() => server.logged('recording ended'), 'the end');
  const files = server.allLogged('part finished').map((line) => String(line['file']));
  for (const file of files) expect(await decodeErrors(file)).toBe('');
  return files;
}

async function md5s(files: readonly string[], kind: 'v' | 'a'): Promise<string[]> {
  const all = await Promise.all(files.map((file) => packetsOf(file, kind)));
  return all.flat().map(({ md5 }) => md5);
}

test('another picture size in mid-stream begins a part; no frame is lost', async () => {
  await publishing();
  send(flvTags(bframesFlv).filter(before));
  send(flvTags(hdFlv), CHANGE_MS);
  const files = await parts();
  const widths = await Promise.all(
    files.map(async (file) => (await probe(file)).streams.find((each) => each.codec_type === 'video')?.width),
  );
  expect(widths).toEqual([640, 1280]);
  const first = flvTags(bframesFlv).filter((tag) => before(tag) && !tag.isHeader);
  for (const kind of ['v', 'a'] as const) {
    const count = first.filter((tag) => tag.kind === (kind === 'v' ? 'video' : 'audio')).length;
    expect(await md5s(files, kind)).toEqual([
      ...(await md5s([bframesFlv], kind)).slice(0, count),
      ...(await md5s([hdFlv], kind)),
    ]);
  }
});

test('AAC that goes from 44.1 kHz stereo to 48 kHz mono begins a part; no frame is lost', async () => {
  const mono = join(folder, 'mono.flv');
  execFileSync(ffmpeg, [
    ...['-v', 'error', '-nostdin', '-y', '-i', bframesFlv, '-t', '4', '-c:v', 'copy'],
    ...['-c:a', 'aac', '-ar', '48000', '-ac', '1', mono],
  ]);
  await publishing();
  send(flvTags(bframesFlv).filter(before));
  // The encoder starts its sound anew, its picture goes on.
  send(
    flvTags(mono).filter((tag) => tag.kind === 'audio' || !tag.isHeader),
    CHANGE_MS,
  );
  const files = await parts();
  const shapes = await Promise.all(
    files.map(async (file) => {
      const audio = (await probe(file)).streams.find((each) => each.codec_type === 'audio');
      return [audio?.sample_rate, audio?.channels];
    }),
  );
  expect(shapes).toEqual([
    ['44100', 2],
    ['48000', 1],
  ]);
  const first = flvTags(bframesFlv).filter((tag) => before(tag) && !tag.isHeader && tag.kind === 'audio');
  expect(await md5s(files, 'a')).toEqual([
    ...(await md5s([bframesFlv], 'a')).slice(0, first.length),
    ...(await md5s([mono], 'a')),
  ]);
  const pictures = [...flvTags(bframesFlv).filter(before), ...flvTags(mono)].filter(isPicture);
  expect((await packetsOf(files[0]!, 'v')).length + (await packetsOf(files[1]!, 'v')).length).toBe(
    pictures.length,
  );
});

test('a stream that begins within a group of pictures, and has a hole in its sound, decodes from its first key frame', async () => {
  await publishing();
  const tags = flvTags(bframesFlv);
  const firstKey = tags.find((tag) => tag.timeMs > 0 && tag.kind === 'video' && tag.body[0] === 0x17)!.timeMs;
  const sent = tags.filter((tag) => {
    const isHole = tag.kind === 'audio' && tag.timeMs >= 5_000 && tag.timeMs < 7_000;
    return tag.isHeader || (tag.timeMs >= 500 && !isHole);
  });
  send(sent);
  const [file, ...others] = await parts();
  expect(others).toEqual([]);
  const video = await packetsOf(file!, 'v');
  const audio = await packetsOf(file!, 'a');
  expect(video.length).toBe(sent.filter((tag) => isPicture(tag) && tag.timeMs >= firstKey).length);
  expect(audio.length).toBe(sent.filter((tag) => tag.kind === 'audio' && !tag.isHeader).length);
  const holes = audio.slice(1).map((packet, i) => packet.dts - audio[i]!.dts);
  expect(Math.max(...holes)).toBeGreaterThan(1_990);
  expect(Math.max(...holes)).toBeLessThan(2_050);
});
