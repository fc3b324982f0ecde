import { describe, expect, test } from 'vitest';
import type { Sample } from '../../../src/domain/media.ts';
import { UnsettledSamples } from '../../../src/recorder/unsettled.ts';
import { AUDIO, frame, keyFrame, sound, VIDEO } from './support.ts';

const MB = 1 << 20;
const NOTHING_ON_DISK = (): boolean => false;
const times = (samples: readonly Sample[]): number[] => samples.map(({ dts }) => dts / 1000);

/** A group of pictures of two seconds that begins at `ms`. */
const group = (ms: number): Sample[] => [keyFrame(ms), sound(ms), frame(ms + 1000), sound(ms + 1000)];

describe('media that a child may not have on disk', () => {
  test('is kept from a key frame on, until the child has long taken it', () => {
    const unsettled = new UnsettledSamples(VIDEO.id, 64 * MB);
    for (const ms of [0, 2000, 4000]) for (const sample of group(ms)) unsettled.push(sample);
    unsettled.written(MB, MB);
    expect(times(unsettled.missing(NOTHING_ON_DISK))[0]).toBe(0);
    unsettled.push(keyFrame(6000));
    // Written at once with the frame that ended it, but still in the pipe.
    unsettled.written(2 * MB, MB);
    expect(times(unsettled.missing(NOTHING_ON_DISK))[0]).toBe(0);
    unsettled.written(2 * MB, 2 * MB);
    // 3 s before the newest key frame everything is in the file.
    expect(times(unsettled.missing(NOTHING_ON_DISK))[0]).toBe(2000);
  });

  test('is given again from the newest key frame before the first sample that is missing', () => {
    const unsettled = new UnsettledSamples(VIDEO.id, 64 * MB);
    for (const ms of [0, 2000, 4000]) for (const sample of group(ms)) unsettled.push(sample);
    const from = (firstMissing: (sample: Sample) => boolean): number | undefined =>
      times(unsettled.missing((sample) => !firstMissing(sample)))[0];
    expect(from(({ dts }) => dts >= 5_000_000)).toBe(4000);
    expect(from(({ dts }) => dts >= 3_000_000)).toBe(2000);
    // Sound is behind.
    expect(from(({ dts, trackId }) => trackId === AUDIO.id && dts >= 1_000_000)).toBe(0);
    expect(from(() => false)).toBeUndefined();
  });

  test('has a bound, beyond which whole groups are given up, and is usable again at the next key frame', () => {
    const unsettled = new UnsettledSamples(VIDEO.id, 1000);
    for (const sample of [keyFrame(0, 400), frame(40, 400), keyFrame(80, 400)]) unsettled.push(sample);
    expect(times(unsettled.missing(NOTHING_ON_DISK))).toEqual([80]);
    for (const sample of [frame(120, 400), frame(160, 400), frame(200, 1)]) unsettled.push(sample);
    expect(unsettled.missing(NOTHING_ON_DISK)).toEqual([]);
    for (const sample of [keyFrame(240, 1), frame(280, 1)]) unsettled.push(sample);
    expect(times(unsettled.missing(NOTHING_ON_DISK))).toEqual([240, 280]);
  });

  test('without video can begin anywhere, in steps of half a second', () => {
    const unsettled = new UnsettledSamples(undefined, 64 * MB);
    for (let ms = 0; ms < 2000; ms += 100) unsettled.push(sound(ms));
    expect(times(unsettled.missing(({ dts }) => dts < 1_300_000))[0]).toBe(1000);
  });
});
