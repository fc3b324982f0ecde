import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Timeline } from '../../../src/streams/timeline.ts';
import type { Leap } from '../../../src/streams/timeline.ts';

const BOUNDS = { forwardMs: 10_000, backMs: 1_000 };
const VIDEO = 1;
const AUDIO = 2;
const HOUR_MS = 3_600_000;

/** A timeline with a clock of its own. */
class Clock {
  ms = 1_000;
  readonly leaps: Leap[] = [];
  readonly timeline = new Timeline({
    bounds: BOUNDS,
    onLeap: (leap) => this.leaps.push(leap),
    nowMs: () => this.ms,
  });

  /** Stream time of a sample that comes `laterMs` after the one before, milliseconds. */
  place(trackId: number, dtsMs: number, laterMs = 0): number {
    this.ms += laterMs;
    return (dtsMs * 1000 + this.timeline.offsetUs(trackId, dtsMs * 1000)) / 1000;
  }

  /** Video each 40 ms and audio each 20 ms for `lengthMs`, in order of time. @returns stream times by track. */
  stretch(fromMs: number, lengthMs: number, isRealTime = true): { video: number[]; audio: number[] } {
    const [video, audio]: [number[], number[]] = [[], []];
    for (let at = 0; at < lengthMs; at += 20) {
      if (at % 40 === 0) video.push(this.place(VIDEO, fromMs + at));
      audio.push(this.place(AUDIO, fromMs + at + 5, isRealTime ? 20 : 0));
    }
    return { video, audio };
  }
}

/** `count` times from `fromMs` on. */
const evenly = (fromMs: number, count: number, stepMs: number): number[] =>
  Array.from({ length: count }, (_, i) => fromMs + i * stepMs);

describe('connections', () => {
  test('the first begins at 0 with the first sample, and tracks keep their distance', () => {
    const clock = new Clock();
    expect([clock.place(2, 5_000), clock.place(1, 4_920), clock.place(1, 4_960, 40)]).toEqual([0, -80, -40]);
  });

  test('a new one goes on where real time is', () => {
    const clock = new Clock();
    clock.place(1, 77_000);
    expect(clock.place(1, 78_000, 1000)).toBe(1000);
    clock.timeline.begin();
    expect(clock.place(2, 5, 4000)).toBe(5000);
    expect(clock.place(1, 45, 10)).toBe(5040);
  });

  test('a new one never goes back', () => {
    const clock = new Clock();
    clock.place(1, 0);
    const last = clock.place(1, 900, 10);
    clock.timeline.begin();
    expect(clock.place(1, 0, 20)).toBeGreaterThan(last);
  });
});

describe('leaps', () => {
  test.each([
    ['in real time', true],
    ['faster than real time', false],
  ])('%s: an hour forward and half an hour back leave every frame at its usual distance', (_, isRealTime) => {
    const clock = new Clock();
    const parts = [0, 2_000 + HOUR_MS, 4_000 + HOUR_MS / 2].map((from) =>
      clock.stretch(from, 2_000, isRealTime),
    );
    expect(parts.flatMap(({ video }) => video)).toEqual(evenly(0, 150, 40));
    expect(parts.flatMap(({ audio }) => audio)).toEqual(evenly(5, 300, 20));
    expect(clock.leaps.map(({ byMs }) => byMs)).toEqual([HOUR_MS, -HOUR_MS / 2]);
    expect(clock.timeline.leaps).toBe(2);
  });

  test('the same leap twice is told twice', () => {
    const clock = new Clock();
    const parts = [0, 1_000 + HOUR_MS, 2_000 + 2 * HOUR_MS].map((from) => clock.stretch(from, 1_000));
    expect(parts.flatMap(({ video }) => video)).toEqual(evenly(0, 75, 40));
    expect(clock.leaps.map(({ byMs }) => byMs)).toEqual([HOUR_MS, HOUR_MS]);
  });

  test('a pause of the publisher stays, though its clock begins anew', () => {
    const clock = new Clock();
    clock.stretch(500_000, 2_000);
    expect(clock.place(VIDEO, 0, 5_000)).toBe(7_000);
    expect(clock.place(AUDIO, 5)).toBe(7_005);
    expect(clock.leaps).toEqual([{ trackId: VIDEO, byMs: -507_000, passedMs: 5_040 }]);
  });

  test('a wait of a publisher that is ahead of real time is no pause of its media', () => {
    const clock = new Clock();
    clock.stretch(0, 20_000, false);
    expect(clock.place(VIDEO, HOUR_MS, 5_000)).toBe(20_000);
  });

  test('a track that comes late follows the leap of the other one', () => {
    const clock = new Clock();
    clock.place(VIDEO, 0);
    clock.place(VIDEO, 40, 40);
    expect(clock.place(VIDEO, HOUR_MS + 80, 40)).toBe(80);
    expect(clock.place(AUDIO, HOUR_MS + 100, 20)).toBe(100);
    expect(clock.leaps).toHaveLength(1);
  });

  test('sound that was muted comes back beside the picture, however fast both are sent', () => {
    const clock = new Clock();
    clock.stretch(0, 1_000, false);
    for (let at = 1_000; at < 20_000; at += 40) clock.place(VIDEO, at);
    expect(clock.place(AUDIO, 20_005)).toBe(20_005);
    expect(clock.leaps).toEqual([]);
  });

  test('and so it does after a leap in the meantime', () => {
    const clock = new Clock();
    clock.stretch(0, 1_000, false);
    for (let at = 1_000; at < 20_000; at += 40) clock.place(VIDEO, at);
    const audio = clock.place(AUDIO, HOUR_MS + 20_005);
    expect(audio).toBe(19_960);
    expect(clock.place(VIDEO, HOUR_MS + 20_040)).toBe(audio + 35);
    expect(clock.leaps).toHaveLength(1);
  });

  test('what a slower track still has from before the leap stays at its place', () => {
    const clock = new Clock();
    clock.stretch(0, 1_000);
    expect(clock.place(VIDEO, HOUR_MS)).toBe(1_000);
    expect(clock.place(AUDIO, 1_005)).toBe(1_005);
    expect(clock.place(AUDIO, HOUR_MS + 25)).toBe(1_025);
    expect(clock.place(VIDEO, HOUR_MS + 40)).toBe(1_040);
    expect(clock.leaps).toHaveLength(1);
  });

  test.each([
    ['a real hole', 9_000, 9_000],
    ['a hole in what is sent faster than real time', 9_900, 0],
  ])('%s is none', (_, dtsMs, laterMs) => {
    const clock = new Clock();
    clock.place(1, 0);
    expect(clock.place(1, dtsMs, laterMs)).toBe(dtsMs);
    expect(clock.leaps).toEqual([]);
  });

  test('after a small step back the frames follow closely until the times rise again', () => {
    const clock = new Clock();
    const times = [0, 40, 80, 10, 50, 90, 130].map((dts) => clock.place(VIDEO, dts, 40));
    expect(times).toEqual([0, 40, 80, 81, 82, 90, 130]);
    expect(clock.leaps).toEqual([]);
  });
});

describe('whatever comes', () => {
  test('times of a track always rise', () => {
    const steps = fc.array(
      fc.tuple(fc.constantFrom(1, 2), fc.integer({ min: -1e7, max: 1e7 }), fc.nat(2000), fc.boolean()),
    );
    fc.assert(
      fc.property(steps, (all) => {
        const clock = new Clock();
        const last = new Map<number, number>();
        for (const [id, dts, later, begins] of all) {
          if (begins) clock.timeline.begin();
          const time = clock.place(id, dts, later);
          if (last.has(id)) expect(time).toBeGreaterThan(last.get(id)!);
          last.set(id, time);
        }
      }),
    );
  });

  test('leaps beyond the bounds, at any time, leave the media as long as it is and both tracks together', () => {
    const far = (min: number): fc.Arbitrary<number> => fc.integer({ min, max: 2 ** 30 });
    const leap = fc.oneof(
      far(10_100),
      far(1_100).map((ms) => -ms),
    );
    const stretches = fc.array(fc.tuple(fc.integer({ min: 3, max: 100 }), leap), { maxLength: 10 });
    fc.assert(
      fc.property(stretches, fc.boolean(), (all, isRealTime) => {
        const clock = new Clock();
        const [video, audio]: [number[], number[]] = [[], []];
        let from = 0;
        for (const [frames, byMs] of all) {
          const part = clock.stretch(from, frames * 40, isRealTime);
          video.push(...part.video);
          audio.push(...part.audio);
          from += frames * 40 + byMs;
        }
        expect(video).toEqual(evenly(0, video.length, 40));
        expect(audio).toEqual(evenly(5, audio.length, 20));
        expect(clock.leaps).toHaveLength(Math.max(0, all.length - 1));
      }),
    );
  });
});
