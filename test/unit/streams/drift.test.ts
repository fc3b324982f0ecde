import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Drift } from '../../../src/streams/drift.ts';

const FRAME_MS = 40;

/** Numbers from 0 to 1 that are the same in each run. */
function randoms(seed: number): () => number {
  let state = seed + 1;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

interface Sending {
  readonly ppm: number;
  readonly seconds: number;
  /** How late the frame of this media time comes, ms. */
  readonly late?: (mediaMs: number) => number;
  readonly fromMs?: number;
}

/** Sends frames from a clock that is wrong by `ppm`. */
function send(drift: Drift, { ppm, seconds, late = () => 0, fromMs = 0 }: Sending): void {
  for (let mediaMs = 0; mediaMs < seconds * 1000; mediaMs += FRAME_MS) {
    drift.sample(mediaMs * 1000, fromMs + mediaMs / (1 + ppm / 1e6) + late(mediaMs));
  }
}

function driftOf(sending: Sending): number | undefined {
  const drift = new Drift();
  send(drift, sending);
  return drift.ppm;
}

test('clocks that are wrong are found wrong by as much, for hours', () => {
  for (const ppm of [-5_000, -200, 0, 50, 200, 5_000]) {
    for (const seconds of [80, 3_600, 20_000]) {
      expect(Math.abs(driftOf({ ppm, seconds })! - ppm)).toBeLessThanOrEqual(1 + Math.abs(ppm) / 1000);
    }
  }
});

test('a minute of media is needed', () => {
  expect(driftOf({ ppm: 200, seconds: 59 })).toBeUndefined();
  expect(driftOf({ ppm: 200, seconds: 62 })).toBe(200);
});

test('jitter, and reads in batches, tell little after a minute and nothing after ten', () => {
  fc.assert(
    fc.property(fc.nat(1e6), fc.integer({ min: -500, max: 500 }), (seed, ppm) => {
      const random = randoms(seed);
      // Read each 300 ms, by a timer of its own, over a network that takes up to 30 ms.
      const late = (mediaMs: number): number => {
        const atMs = mediaMs + random() * 30;
        return Math.ceil(atMs / 301.3) * 301.3 - mediaMs;
      };
      expect(Math.abs(driftOf({ ppm, seconds: 70, late })! - ppm)).toBeLessThan(300);
      expect(Math.abs(driftOf({ ppm, seconds: 640, late })! - ppm)).toBeLessThan(30);
    }),
    { numRuns: 40, seed: 7 },
  );
});

test('neither do stalls that are made good', () => {
  const stall = (fromMs: number, mediaMs: number): number =>
    mediaMs >= fromMs && mediaMs < fromMs + 15_000 ? fromMs + 15_000 - mediaMs : 0;
  const late = (mediaMs: number): number => stall(20_000, mediaMs) + stall(150_000, mediaMs);
  expect(Math.abs(driftOf({ ppm: 200, seconds: 300, late })! - 200)).toBeLessThan(5);
});

test('a pause of the publisher is no drift', () => {
  const drift = new Drift();
  for (let ms = 0; ms < 300_000; ms += FRAME_MS) if (ms < 60_000 || ms > 200_000) drift.sample(ms * 1000, ms);
  expect(drift.ppm).toBe(0);
});

test.each([2, 1.05, 0.5])('media that is sent at %d times real time has none', (speed) => {
  const drift = new Drift();
  for (let ms = 0; ms < 200_000; ms += 20) drift.sample(ms * speed * 1000, ms);
  expect(drift.ppm).toBeUndefined();
});

test('after a leap was mended the measurement begins anew, and what was known stays until then', () => {
  const drift = new Drift();
  send(drift, { ppm: 100, seconds: 100 });
  drift.restart();
  send(drift, { ppm: -300, seconds: 50, fromMs: 100_500 });
  expect(drift.ppm).toBe(100);
  drift.restart();
  send(drift, { ppm: -300, seconds: 70, fromMs: 151_500 });
  expect(drift.ppm).toBe(-300);
});
