import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MediaClock } from '../../../src/ingest/rtmp/timestamps.ts';

test('times go on over any number of wraps, and small steps back are kept', () => {
  const step = fc.oneof(fc.integer({ min: -500, max: 5_000 }), fc.integer({ min: 1, max: 2 ** 31 - 1 }));
  fc.assert(
    fc.property(fc.nat(2 ** 32 - 1), fc.array(step, { maxLength: 60 }), (start, steps) => {
      const clock = new MediaClock();
      expect(clock.microseconds(start)).toBe(0);
      let elapsed = 0;
      for (const each of steps) {
        elapsed += each;
        const timestamp = (((start + elapsed) % 2 ** 32) + 2 ** 32) % 2 ** 32;
        expect(clock.microseconds(timestamp)).toBe(elapsed * 1000);
      }
    }),
    { seed: 4, numRuns: 300 },
  );
});

test('crossing 2^24 ms and 2^32 ms is no jump', () => {
  const clock = new MediaClock();
  const times = [0xfffffe, 0x1000000, 0x1000028].map((timestamp) => clock.microseconds(timestamp));
  expect(times).toEqual([0, 2_000, 42_000]);
  const wrapping = new MediaClock();
  expect([0xfffffff0, 0x10, 0x8].map((timestamp) => wrapping.microseconds(timestamp))).toEqual([
    0, 32_000, 24_000,
  ]);
});
