import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { soundOf } from '../support/beeps.ts';
import type { Sound } from '../support/beeps.ts';
import { decodeErrors, packetsOf, probe } from '../support/packets.ts';
import { makeAudio, makeVideo, only, play } from '../support/rtcMedia.ts';
import type { Clip } from '../support/rtcMedia.ts';
import { codecsOf, expectBytes, recordClips, rtcStudio } from '../support/rtcStudio.ts';

const run = promisify(execFile);
const SECOND_US = 1_000_000;
const SECONDS = 44;
const H264 = makeVideo({ codec: 'h264', seconds: SECONDS, size: '160x90' });
const VP8 = makeVideo({ codec: 'vp8', seconds: SECONDS, size: '160x90' });
const OPUS = makeAudio({ codec: 'opus', seconds: SECONDS });
const PCMU = makeAudio({ codec: 'pcmu', seconds: SECONDS });

const between =
  (fromS: number, toS: number) =>
  ({ dts }: { readonly dts: number }): boolean =>
    dts >= fromS * SECOND_US && dts < toS * SECOND_US;

/** Distance of each beep from the whole second nearest to it, when the file begins at second `firstS`. */
function expectInTime({ beepsMs }: Sound, count: number): void {
  expect(beepsMs).toHaveLength(count);
  for (const ms of beepsMs) expect(Math.abs(ms - Math.round(ms / 1000) * 1000)).toBeLessThan(40);
}

/** How far, in seconds, a packet lies in the file behind one of another time that comes before it. */
async function worstInterleaving(file: string): Promise<number> {
  const { stdout } = await run(
    'ffprobe',
    ['-v', 'error', '-show_entries', 'packet=pts_time', '-of', 'csv=p=0', file],
    { maxBuffer: 1 << 26 },
  );
  let newest = 0;
  let worst = 0;
  for (const line of stdout.split('\n').filter((each) => each !== '')) {
    newest = Math.max(newest, Number.parseFloat(line));
    worst = Math.max(worst, newest - Number.parseFloat(line));
  }
  return worst;
}

test.each([
  ['H.264 with Opus', H264, OPUS],
  ['H.264 with G.711', H264, PCMU],
  ['VP8 with Opus', VP8, OPUS],
] as const)(
  '%s, muted for 30 s: one file, the hole is silence where it belongs, and the sound is in time afterwards',
  async (_, video, audio) => {
    const muted = only(audio, (sample) => !between(4.5, 34.5)(sample));
    const [file = '', ...more] = await recordClips([video, muted]);
    expect(more).toEqual([]);
    await expectBytes([file], 'v', [video]);
    const sound = await soundOf(file);
    expectInTime(sound, 5 + 9);
    expect(sound.endMs).toBeGreaterThan((SECONDS - 0.03) * 1000);
    expect(await worstInterleaving(file)).toBeLessThan(1);
  },
);

test('muted for 30 s, parts by time: the sound is in every part, and no part is cut for it', async () => {
  const muted = only(OPUS, (sample) => !between(4.5, 34.5)(sample));
  const files = await recordClips([H264, muted], { rotation: { kind: 'time', seconds: 11 } });
  expect(files).toHaveLength(4);
  await expectBytes(files, 'v', [H264]);
  for (const file of files) {
    expect(await codecsOf(file)).toEqual(['h264', 'aac']);
    const { beepsMs, endMs } = await soundOf(file);
    expect(Math.abs(endMs - 11_000)).toBeLessThan(60);
    for (const ms of beepsMs) expect(Math.abs(ms - Math.round(ms / 1000) * 1000)).toBeLessThan(40);
  }
});

test('muted and copied to Matroska: the hole stays a hole', async () => {
  const muted = only(OPUS, (sample) => !between(4.5, 34.5)(sample));
  const formats = {
    containers: { h264: 'mkv' },
    h264ToTs: false,
    webmAudio: 'vorbis',
    mp4Audio: 'aac',
  } as const;
  const [file = ''] = await recordClips([H264, muted], { formats });
  await expectBytes([file], 'a', [muted]);
  expectInTime(await soundOf(file), 5 + 9);
});

test.each([
  ['H.264', H264],
  ['VP8', VP8],
] as const)('%s that is off for 30 s: one file, picture and sound fit before and after', async (_, video) => {
  const off = only(video, (sample) => !between(5, 35)(sample));
  const [file = '', ...more] = await recordClips([off, OPUS]);
  expect(more).toEqual([]);
  await expectBytes([file], 'v', [off]);
  const pictures = await packetsOf(file, 'v');
  const first = pictures[0]!.pts;
  pictures.forEach(({ pts }, i) => {
    expect(Math.abs(pts - first - off.samples[i]!.pts / 1000)).toBeLessThan(5);
  });
  expectInTime(await soundOf(file), SECONDS);
});

/** Plays the early clips, waits for the first child, then plays the rest. */
async function record(early: readonly Clip[], later: readonly Clip[]) {
  const studio = await rtcStudio({ trackWaitMs: 150 });
  const stream = studio.publish();
  stream.expected = { audio: true, video: true };
  play(stream, early);
  await studio.logged('child started');
  play(stream, later);
  await studio.end(stream);
  expect(studio.complaints()).toEqual([]);
  for (const { path } of studio.parts) expect(await decodeErrors(path)).toBe('');
  return studio.parts;
}

test.each([
  ['H.264', H264],
  ['VP8', VP8],
] as const)('%s, audio that was announced and never comes: the wait loses no frame', async (_, video) => {
  const [part, ...more] = await record([only(video, between(0, 2))], [only(video, between(2, 6))]);
  expect(more).toEqual([]);
  await expectBytes([part!.path], 'v', [only(video, between(0, 6))]);
  expect(part!.audioCodec).toBeUndefined();
});

test.each([
  ['H.264', H264],
  ['VP8', VP8],
] as const)('%s, audio 5 s late: a part with both begins at the next key frame', async (_, video) => {
  const lateAudio = only(OPUS, between(5.2, 11.9));
  const parts = await record([only(video, between(0, 3))], [only(video, between(3, 12)), lateAudio]);
  expect(parts.map(({ stopReason }) => stopReason)).toEqual(['track-change', 'publisher-left']);
  await expectBytes(
    parts.map(({ path }) => path),
    'v',
    [only(video, between(0, 12))],
  );
  const [, second] = parts;
  // The part begins with the sound at 5.2 s, its first picture is at 6 s.
  const sound = await soundOf(second!.path);
  expect(Math.abs(sound.startMs + 800)).toBeLessThan(30);
  expectInTime(sound, 6);
});

test('video 5 s late: a part with both begins at its first key frame', async () => {
  const video = only(VP8, between(5, 12));
  const parts = await record([only(OPUS, between(0, 3))], [only(OPUS, between(3, 11.9)), video]);
  expect(parts.map(({ container, stopReason }) => [container, stopReason])).toEqual([
    ['mp4', 'track-change'],
    ['webm', 'publisher-left'],
  ]);
  await expectBytes([parts[1]!.path], 'v', [video]);
  // The beep at the seam is cut in two; the six after it are whole.
  const { beepsMs, ...sound } = await soundOf(parts[1]!.path);
  expectInTime({ ...sound, beepsMs: beepsMs.slice(1) }, 6);
  const [first] = parts;
  expect(Number((await probe(first!.path)).format.duration)).toBeCloseTo(5, 1);
});
