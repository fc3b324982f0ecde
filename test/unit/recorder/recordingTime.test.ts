import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RecordingTime } from '../../../src/recorder/recordingTime.ts';
import { AUDIO, frame, keyFrame, sound, VIDEO } from './support.ts';

test('the first publication keeps its times, and its samples are not copied', () => {
  const time = new RecordingTime(true, () => 0);
  for (const sample of [frame(-10), keyFrame(0), sound(5), frame(40)])
    expect(time.place(sample)).toBe(sample);
});

test('the time away is kept as it really passed, whatever the publications count from', () => {
  let nowMs = 1000;
  const time = new RecordingTime(true, () => nowMs);
  // Faster than real time, so that the clock tells the hole and not the media.
  for (const ms of [0, 40, 80]) time.place(keyFrame(ms));
  nowMs += 5000;
  time.begin();
  expect(time.place(keyFrame(700_000))?.dts).toBe(5_080_000);
  expect(time.awayMs).toBe(5000);
  expect(time.place(frame(700_040))).toMatchObject({ dts: 5_120_000, pts: 5_120_000 });
});

test('squeezed: the next picture comes where the next one of the old stream would have been', () => {
  const time = new RecordingTime(false, () => 0);
  for (const ms of [0, 40, 80]) time.place(keyFrame(ms));
  time.begin();
  expect(time.place(keyFrame(0))?.dts).toBe(120_000);
});

test('no picture is presented at the time of one that came before, though decoding is ahead', () => {
  const time = new RecordingTime(false, () => 0);
  time.place({ ...keyFrame(0), pts: 80_000 });
  // Killed before the two pictures that this one refers to.
  time.place({ ...frame(40), pts: 200_000 });
  time.begin();
  expect(time.place({ ...keyFrame(0), pts: 80_000 })).toMatchObject({ dts: 160_000, pts: 240_000 });
});

test('of the next publication nothing is taken that refers to a lost picture; sound is', () => {
  const time = new RecordingTime(false, () => 0);
  for (const sample of [keyFrame(0), sound(0), frame(40)]) time.place(sample);
  time.begin();
  expect(time.place(frame(0))).toBeUndefined();
  expect(time.place(sound(10))).toBeDefined();
  expect(time.place(frame(40))).toBeUndefined();
  expect(time.place(keyFrame(80))).toBeDefined();
  expect(time.place(frame(120))).toBeDefined();
});

const step = fc.record({
  id: fc.constantFrom(VIDEO.id, AUDIO.id),
  stepUs: fc.integer({ min: 1000, max: 100_000 }),
});
const publication = fc.record({
  startsUs: fc.record({
    video: fc.integer({ min: -500_000, max: 9e12 }),
    skew: fc.integer({ min: -500_000, max: 0 }),
  }),
  steps: fc.array(step, { minLength: 1, maxLength: 60 }),
  delayUs: fc.integer({ min: 0, max: 200_000 }),
  awayMs: fc.integer({ min: 0, max: 3_600_000 }),
});

test.each([true, false])('whatever comes, each track goes on in order (keeps the gap: %s)', (keepsGap) => {
  fc.assert(
    fc.property(fc.array(publication, { minLength: 1, maxLength: 5 }), (publications) => {
      let nowMs = 0;
      const time = new RecordingTime(keepsGap, () => nowMs);
      const lastUs = new Map<number, number>();
      for (const [n, { startsUs, steps, delayUs, awayMs }] of publications.entries()) {
        if (n > 0) time.begin();
        nowMs += awayMs;
        const dts = new Map([
          [VIDEO.id, startsUs.video],
          [AUDIO.id, startsUs.video + startsUs.skew],
        ]);
        let newestUs = Math.max(...lastUs.values());
        const isFirst = new Set<number>();
        for (const { id, stepUs } of steps) {
          const us = (dts.get(id) ?? 0) + stepUs;
          dts.set(id, us);
          const placed = time.place({ ...keyFrame(0), trackId: id, dts: us, pts: us + delayUs })!;
          const before = lastUs.get(id);
          if (n > 0 && before !== undefined) expect(placed.dts - before).toBeGreaterThanOrEqual(1000);
          expect(placed.pts - placed.dts).toBe(delayUs);
          if (n > 0 && isFirst.size === 0) {
            expect(placed.dts).toBeGreaterThan(newestUs);
            if (keepsGap) expect(placed.dts - newestUs).toBeGreaterThanOrEqual(awayMs * 1000);
            // Squeezed: no more than the last sample of each track takes, at most a second, and its delay.
            else expect(placed.dts - newestUs).toBeLessThanOrEqual(1_000_000 + 200_000);
          }
          isFirst.add(id);
          lastUs.set(id, placed.dts);
          newestUs = Math.max(newestUs, placed.dts);
        }
      }
    }),
  );
});
