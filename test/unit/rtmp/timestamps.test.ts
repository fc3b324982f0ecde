import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MediaClock, Unwrapper } from '../../../src/ingest/rtmp/timestamps.ts';
import { Timeline } from '../../../src/streams/timeline.ts';

test('times go on over any number of wraps, and steps back are steps back', () => {
  const step = fc.oneof(fc.integer({ min: -500, max: 5_000 }), fc.integer({ min: 1, max: 2 ** 31 - 1 }));
  fc.assert(
    fc.property(fc.nat(2 ** 32 - 1), fc.array(step, { maxLength: 60 }), (start, steps) => {
      const unwrapper = new Unwrapper();
      expect(unwrapper.milliseconds(start)).toBe(0);
      let elapsed = 0;
      for (const each of steps) {
        elapsed += each;
        const timestamp = (((start + elapsed) % 2 ** 32) + 2 ** 32) % 2 ** 32;
        expect(unwrapper.milliseconds(timestamp)).toBe(elapsed);
      }
    }),
    { seed: 4, numRuns: 300 },
  );
});

test('crossing 2^24 ms and 2^32 ms is no leap', () => {
  const leaps: unknown[] = [];
  const onLeap = (leap: unknown): void => void leaps.push(leap);
  const clock = (): MediaClock =>
    new MediaClock(new Timeline({ bounds: { forwardMs: 1000, backMs: 100 }, onLeap, nowMs: () => 0 }));
  const [long, wrapping] = [clock(), clock()];
  const times = [0xfffffe, 0x1000000, 0x1000028].map((timestamp) => long.dts(1, timestamp));
  expect(times).toEqual([0, 2_000, 42_000]);
  expect([0xfffffff0, 0x10, 0x20].map((timestamp) => wrapping.dts(1, timestamp))).toEqual([
    0, 32_000, 48_000,
  ]);
  // Audio that is interleaved loosely, at its own pace.
  expect([0x8, 0x18].map((timestamp) => wrapping.dts(2, timestamp))).toEqual([24_000, 40_000]);
  expect(leaps).toEqual([]);
});
