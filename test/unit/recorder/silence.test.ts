import { expect, test } from 'vitest';
import type { AudioCodec } from '../../../src/domain/codec.ts';
import { Silence } from '../../../src/recorder/silence.ts';
import { AUDIO, frame, sound, VIDEO } from './support.ts';

const AAC = { container: 'mp4', audio: 'aac' } as const;
const tracksWith = (codec: AudioCodec) => [VIDEO, { ...AUDIO, codec, channels: 2 }];

test('fills half a second behind the video once audio is away for longer than 0.8 s, and stops when it comes back', () => {
  const silence = Silence.for(tracksWith('opus'), AAC)!;
  expect(silence.before(sound(0))).toBeUndefined();
  const filled: number[] = [];
  for (let ms = 0; ms < 10_000; ms += 40) {
    const sample = silence.before(frame(ms));
    if (sample === undefined) continue;
    expect(sample).toMatchObject({ trackId: AUDIO.id, key: true, dts: sample.pts });
    expect(ms - sample.dts / 1000).toBe(500);
    filled.push(sample.dts / 1000);
  }
  expect(filled[0]).toBe(340);
  expect(filled.length).toBeGreaterThan(25);
  expect(filled.slice(1).every((ms, i) => ms - filled[i]! >= 300 && ms - filled[i]! <= 340)).toBe(true);
  expect(silence.before(sound(10_000))).toBeUndefined();
  for (let ms = 10_000; ms <= 10_800; ms += 40) expect(silence.before(frame(ms))).toBeUndefined();
});

test('audio that a child declares and that never comes is silence from the start', () => {
  const silence = Silence.for(tracksWith('opus'), AAC)!;
  expect(silence.before(frame(20_000))).toBeUndefined();
  expect(silence.before(frame(20_800))).toBeUndefined();
  expect(silence.before(frame(20_840))?.dts).toBe(20_340_000);
});

test('pauses of DTX are left to FFmpeg, and late audio does not move time back', () => {
  const silence = Silence.for(tracksWith('opus'), AAC)!;
  for (let ms = 0; ms < 10_000; ms += 40) {
    if (ms % 400 === 0) expect(silence.before(sound(ms))).toBeUndefined();
    expect(silence.before(frame(ms))).toBeUndefined();
  }
  expect(silence.before(sound(5000))).toBeUndefined();
  expect(silence.before(frame(10_040))).toBeUndefined();
});

test.each([
  ['pcma', 'd5'],
  ['pcmu', 'ff'],
] as const)('%s: 20 ms of its zero level in each channel', (codec, zero) => {
  const silence = Silence.for(tracksWith(codec), AAC)!;
  silence.before(sound(0));
  expect(silence.before(frame(2000))?.data.toString('hex')).toBe(zero.repeat(320));
});

test('copied audio, codecs that lose nothing, and audio alone need none', () => {
  expect(Silence.for(tracksWith('opus'), { container: 'mkv', audio: 'copy' })).toBeUndefined();
  expect(Silence.for(tracksWith('speex'), AAC)).toBeUndefined();
  expect(Silence.for([{ ...AUDIO, codec: 'opus' }], AAC)).toBeUndefined();
  expect(Silence.for([VIDEO], AAC)).toBeUndefined();
});

test('where no track had media it fills the hole in steps below a second, as long as that takes FFmpeg no time', () => {
  const silence = Silence.for(tracksWith('opus'), AAC)!;
  silence.before(sound(1000));
  expect(silence.reaches(61_000_000)).toBe(true);
  expect(silence.reaches(61_000_001)).toBe(false);
  const times = [1000, ...[...silence.across(20_000_000)].map(({ dts }) => dts / 1000), 20_000];
  for (const [i, ms] of times.slice(1).entries()) {
    expect(ms - times[i]!).toBeGreaterThan(200);
    expect(ms - times[i]!).toBeLessThanOrEqual(800);
  }
  expect([...silence.across(20_000_000)]).toEqual([]);
  expect(silence.before(frame(20_000))).toBeUndefined();
});
