import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { VideoTrack } from '../../src/domain/media.ts';
import { soundOf } from '../support/beeps.ts';
import { probe } from '../support/packets.ts';
import { makeAudio, makeVideo, only, play, shifted } from '../support/rtcMedia.ts';
import type { Clip } from '../support/rtcMedia.ts';
import { expectBytes, FORMATS, recordClips, rtcStudio } from '../support/rtcStudio.ts';

const run = promisify(execFile);
const SIZES = ['320x180', '640x360', '160x90'] as const;

/** Two seconds of each size, one after the other, on one track whose configuration changes. */
function changing(codec: 'vp8' | 'h264'): Clip<VideoTrack>[] {
  return SIZES.map((size, i) => shifted(makeVideo({ codec, size, seconds: 2 }), i * 2_000_000));
}
const H264 = changing('h264');
const VP8 = changing('vp8');
const AUDIO = makeAudio({ codec: 'opus', seconds: 6 });

/** Sizes of the decoded pictures of a file, each named once for a run of equal ones. */
async function sizesOf(file: string): Promise<string[]> {
  const { stdout } = await run(
    'ffprobe',
    [
      '-v',
      'error',
      '-select_streams',
      'v',
      '-show_entries',
      'frame=width,height',
      '-of',
      'csv=p=0:s=x',
      file,
    ],
    { maxBuffer: 1 << 26 },
  );
  const sizes = stdout
    .split('\n')
    .map((line) => line.replace(/x$/, ''))
    .filter((line) => line !== '');
  return sizes.filter((size, i) => size !== sizes[i - 1]);
}

const videoOf = async (file: string) =>
  (await probe(file)).streams.find(({ codec_type }) => codec_type === 'video');

test('the test media has its parameter sets in each key frame', () => {
  const nalTypes = (data: Buffer): number[] => {
    const types: number[] = [];
    for (let at = 0; at < data.length; at += 4 + data.readUInt32BE(at))
      types.push(data.readUInt8(at + 4) & 31);
    return types;
  };
  for (const { samples } of H264) {
    const keys = samples.filter(({ key }) => key);
    expect(keys).toHaveLength(2);
    for (const { data } of keys) expect(nalTypes(data)).toEqual(expect.arrayContaining([7, 8, 5]));
  }
  expect(new Set(H264.map(({ track }) => track.config.toString('hex'))).size).toBe(3);
});

test.each([
  ['H.264 in MP4', H264, 'mp4'],
  ['H.264 in Matroska', H264, 'mkv'],
  ['H.264 in WebM', H264, 'webm'],
  ['VP8 in WebM', VP8, 'webm'],
  ['VP8 in Matroska', VP8, 'mkv'],
] as const)('%s: one file holds every size and every frame', async (_, clips, container) => {
  const formats = {
    ...FORMATS,
    containers: { h264: container, vp8: container === 'mp4' ? 'webm' : container },
  };
  const files = await recordClips([...clips, AUDIO], { formats });
  expect(files).toHaveLength(1);
  await expectBytes(files, 'v', clips);
  expect(await sizesOf(files[0]!)).toEqual(SIZES);
  expect(await videoOf(files[0]!)).toMatchObject({ width: 320 });
  if (container === 'mp4') expect((await videoOf(files[0]!))?.codec_tag_string).toBe('avc1');
  const { beepsMs } = await soundOf(files[0]!);
  beepsMs.forEach((ms, second) => expect(Math.abs(ms - second * 1000)).toBeLessThan(25));
});

test('H.264 in MPEG-TS: one file holds every size and every frame', async () => {
  const files = await recordClips([...H264, AUDIO], { formats: { ...FORMATS, h264ToTs: true } });
  expect(files).toHaveLength(1);
  expect(await sizesOf(files[0]!)).toEqual(SIZES);
});

test.each([
  ['H.264, parts by time', H264, { kind: 'time', seconds: 3 }],
  ['VP8, parts by time', VP8, { kind: 'time', seconds: 3 }],
] as const)(
  '%s: parts are cut where they are due, not where the size changes',
  async (_, clips, rotation) => {
    const files = await recordClips([...clips, AUDIO], { rotation });
    expect(files).toHaveLength(2);
    await expectBytes(files, 'v', clips);
    expect(await sizesOf(files[0]!)).toEqual(['320x180', '640x360']);
    expect(await sizesOf(files[1]!)).toEqual(['640x360', '160x90']);
  },
);

test.each([
  ['H.264', H264],
  ['VP8', VP8],
] as const)('%s, parts by size: each part declares the size it begins with', async (_, clips) => {
  const all = clips.flatMap(({ samples }) => samples).reduce((sum, { data }) => sum + data.length, 0);
  const files = await recordClips([...clips, AUDIO], {
    rotation: { kind: 'size', bytes: Math.round(all / 4) },
  });
  expect(files.length).toBeGreaterThan(1);
  await expectBytes(files, 'v', clips);
  for (const file of files) {
    const [first = ''] = await sizesOf(file);
    expect(`${(await videoOf(file))?.width ?? 0}`).toBe(first.split('x')[0]);
  }
});

test.each([
  ['H.264', H264],
  ['VP8', VP8],
] as const)('%s: a recording that starts later declares the newest size', async (_, clips) => {
  const studio = await rtcStudio();
  const stream = studio.publish();
  stream.expected = { audio: false, video: true };
  play(stream, clips.slice(0, 2));
  studio.recordings.start(stream, { fileName: 'late' });
  play(stream, clips.slice(2));
  await studio.end(stream, 2);
  const late = studio.parts.find(({ path }) => path.includes('late'))!;
  expect(await videoOf(late.path)).toMatchObject({ width: 160 });
  expect(await sizesOf(late.path)).toEqual(['160x90']);
  await expectBytes([late.path], 'v', [clips[2]!]);
});

test('a size that changes while the recording waits for sound: the file declares its first', async () => {
  const studio = await rtcStudio();
  const stream = studio.publish();
  stream.expected = { audio: true, video: true };
  play(stream, [...H264, only(AUDIO, ({ dts }) => dts > 5_000_000)]);
  await studio.end(stream);
  const [part, ...more] = studio.parts;
  expect(more).toEqual([]);
  expect(await videoOf(part!.path)).toMatchObject({ width: 320 });
  await expectBytes([part!.path], 'v', H264);
  expect(await sizesOf(part!.path)).toEqual(SIZES);
});

test('without parameter sets in the key frames a new configuration begins a new part', async () => {
  const outOfBand = H264.map(({ track, samples }): Clip<VideoTrack> => {
    const { id, kind, codec, config, width, height } = track;
    return { track: { id, kind, codec, config, width, height }, samples };
  });
  const files = await recordClips([...outOfBand, AUDIO]);
  expect(files).toHaveLength(3);
  await expectBytes(files, 'v', outOfBand);
  expect((await Promise.all(files.map(sizesOf))).flat()).toEqual(SIZES);
});
