import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MediaSynchroniser } from '../../../src/ingest/rtp/clock.ts';
import type { Leap } from '../../../src/streams/timeline.ts';
import { Source } from './simulatedSender.ts';
import { SYNC } from './support.ts';

const NTP = 3_900_000_000_000;

function setUp(options = SYNC, log: number[] = []) {
  const synchroniser = new MediaSynchroniser(options);
  const video = new Source(synchroniser, [1, 90_000, 2 ** 33 - 4000], log);
  const audio = new Source(synchroniser, [2, 48_000, 2 ** 32 + 77], log);
  return { synchroniser, video, audio };
}

const ascending = (times: readonly number[]) => times.every((time, i) => i === 0 || time > times[i - 1]!);

describe('common clock', () => {
  test('waits for both reports, then times are exact to the tick', () => {
    const { video, audio } = setUp();
    video.send(0, 1030);
    video.report(NTP, 0, 1031);
    // Arrival says audio is 100 ms later than it was captured.
    audio.send(10, 1140);
    video.send(40, 1071);
    expect(video.samples).toHaveLength(0);
    audio.report(NTP + 500, 500, 1600);
    expect(video.times).toEqual([0, 40]);
    expect(audio.times).toEqual([10]);
    audio.send(30, 1160);
    expect(audio.times).toEqual([10, 30]);
  });

  test('first samples of both tracks come in order of time, the earliest at 0', () => {
    const log: number[] = [];
    const { synchroniser, video, audio } = setUp(SYNC, log);
    for (let i = 0; i < 10; i++) video.send(100 + i * 40, 500 + i * 40);
    for (let i = 0; i < 20; i++) audio.send(60 + i * 20, 470 + i * 20);
    video.report(NTP + 100, 100, 900);
    audio.report(NTP + 60, 60, 900);
    synchroniser.check(901);
    const order = [...log];
    expect(order).toHaveLength(30);
    expect(order).toEqual([...order].sort((x, y) => x - y));
    expect(order[0]).toBe(0);
    expect(video.times[0]).toBe(40);
  });

  test('what is handed over track by track goes out in order of time', () => {
    const log: number[] = [];
    const { synchroniser, video, audio } = setUp(SYNC, log);
    video.send(0, 30);
    audio.send(0, 30);
    video.report(NTP, 0, 31);
    audio.report(NTP, 0, 31);
    // The server was held up, and its clock with it: each track's queue is read to its end.
    for (let t = 40; t < 2000; t += 40) video.arrive(t, 90);
    for (let t = 20; t < 2000; t += 20) audio.arrive(t, 90);
    synchroniser.check(90);
    expect(log).toHaveLength(150);
    expect(log).toEqual([...log].sort((x, y) => x - y));
  });

  test('without reports it goes by the least delayed arrivals after the wait', () => {
    const { synchroniser, video, audio } = setUp();
    video.send(0, 1050);
    video.send(40, 1060);
    audio.send(0, 1045);
    audio.send(20, 1045);
    synchroniser.check(4044);
    expect(video.samples).toHaveLength(0);
    synchroniser.check(4045);
    // Video's clock stood at 0 at 1020, audio's at 1025.
    expect(video.times).toEqual([0, 40]);
    expect(audio.times).toEqual([5, 25]);
  });

  test('video is not delayed by audio that never comes', () => {
    const { synchroniser, video } = setUp();
    video.send(0, 1000);
    video.report(NTP, 0, 1010);
    synchroniser.check(1499);
    expect(video.samples).toHaveLength(0);
    synchroniser.check(1500);
    expect(video.times).toEqual([0]);
  });

  test('a single track waits for nothing', () => {
    const synchroniser = new MediaSynchroniser(SYNC);
    const only = new Source(synchroniser, [1, 90_000, 2 ** 32], []);
    only.send(0, 5);
    only.send(33, 44);
    expect(only.times).toEqual([0, 33]);
  });

  test('bytes beyond the bound end the wait', () => {
    const { video } = setUp({ ...SYNC, maxHeldBytes: 3 });
    for (let i = 0; i < 4; i++) video.send(i * 40, i * 40);
    expect(video.times).toEqual([0, 40, 80, 120]);
  });

  test('flush delivers what waits', () => {
    const { synchroniser, video, audio } = setUp();
    video.send(0, 0);
    audio.send(0, 10);
    synchroniser.flush();
    expect(video.times).toEqual([0]);
    expect(audio.times).toEqual([10]);
  });

  test('a late track waits alone for its report', () => {
    const { synchroniser, video, audio } = setUp();
    audio.send(0, 1000);
    audio.report(NTP, 0, 1000);
    synchroniser.check(1500);
    expect(audio.times).toEqual([0]);
    // Video's media clock starts at 7000 when audio is at 5000; it is 80 ms on the way.
    video.send(7000, 6080);
    audio.send(5000, 6000);
    expect(audio.times).toEqual([0, 5000]);
    expect(video.samples).toHaveLength(0);
    video.report(NTP + 5033, 7033, 6130);
    expect(video.times).toEqual([5000]);
  });

  test('a late track without report goes by arrival after the wait', () => {
    const { synchroniser, video, audio } = setUp();
    audio.send(0, 1000);
    audio.report(NTP, 0, 1000);
    synchroniser.check(1500);
    video.send(0, 6080);
    synchroniser.check(9080);
    expect(video.times).toEqual([5080]);
  });

  test('wild reports of one track: both go by arrival, and its own clock drift is still followed', () => {
    const { video, audio } = setUp();
    video.send(0, 1000);
    audio.send(0, 1020);
    video.report(NTP, 0, 1050);
    audio.report(5_000_000, 0, 1060);
    expect(video.times).toEqual([0]);
    expect(audio.times).toEqual([20]);
    for (let i = 1; i < 2000; i++) audio.send(i * 20, 1020 + i * 20);
    // The report says that the media clock has lost 60 ms.
    audio.report(5_000_000 + 40_060, 40_000, 41_060);
    for (let i = 2000; i < 4000; i++) audio.send(i * 20, 1020 + i * 20);
    expect(audio.times.at(-1)).toBeCloseTo(20 + 3999 * 20 + 60, 0);
  });

  test('one wild report is ignored; the sender setting its clock changes nothing', () => {
    const { video, audio } = setUp({ ...SYNC });
    const at = (t: number) => {
      video.send(t, t + 30);
      audio.send(t, t + 30);
    };
    const hour = 3_600_000;
    for (let t = 0; t < 20_000; t += 40) {
      at(t);
      if (t % 1000 === 0) {
        const shift = t === 5000 ? -999 * hour : t >= 8000 ? hour : 0;
        video.report(NTP + t + shift, t, t + 31);
        audio.report(NTP + t + shift, t, t + 31);
      }
    }
    expect(video.times).toEqual(Array.from({ length: 500 }, (_, i) => i * 40));
    expect(audio.times).toEqual(video.times);
  });

  test('a sender whose sampling clock drifts stays in sync, without a step', () => {
    const { video, audio } = setUp();
    const drift = 1 + 200e-6;
    for (let t = 0; t < 600_000; t += 20) {
      if (t % 40 === 0) video.send(t, t + 30);
      audio.send(t * drift, t + 30);
      if (t % 5000 === 0) {
        video.report(NTP + t, t, t + 31);
        audio.report(NTP + t, t * drift, t + 31);
      }
    }
    const { times } = audio;
    expect(Math.abs(times.at(-1)! - 599_980)).toBeLessThan(15);
    const steps = times.slice(1).map((time, i) => time - times[i]!);
    expect(Math.min(...steps)).toBeGreaterThan(18.9);
    expect(Math.max(...steps)).toBeLessThan(21.1);
  });
});

describe('a media clock that stands still', () => {
  /** Both tracks run and are in sync at `until`. */
  function running(until: number) {
    const parts = setUp();
    for (let t = 0; t < until; t += 20) {
      parts.audio.send(t, t + 30);
      if (t % 40 === 0) parts.video.send(t, t + 30);
      if (t === 0) {
        parts.video.report(NTP, 0, 31);
        parts.audio.report(NTP, 0, 31);
      }
    }
    return parts;
  }

  test('replaceTrack(null): the gap is in the audio, whoever tells it first', () => {
    for (const reportAt of [4020, 9000]) {
      const { audio, video } = running(2000);
      // 4 s without audio, whose clock does not go on; arrival is 15 ms later than before.
      for (let t = 2000; t < 12_000; t += 20) {
        if (t % 40 === 0) video.send(t, t + 30);
        if (t >= 6000) audio.send(t - 4000, t + 45);
        if (t - 2000 === reportAt) audio.report(NTP + t, t - 4000, t + 46);
      }
      const [before, after] = [audio.times[99]!, audio.times[100]!];
      expect(before).toBe(1980);
      expect(after).toBeGreaterThanOrEqual(5999.9);
      expect(after).toBeLessThanOrEqual(6015.1);
      expect(Math.abs(audio.times.at(-1)! - 11_980)).toBeLessThan(reportAt === 4020 ? 1 : 16);
      expect(video.times).toEqual(Array.from({ length: 300 }, (_, i) => i * 40));
      expect(ascending(audio.times)).toBe(true);
    }
  });

  test('a stall of the network is no gap', () => {
    const { audio } = running(2000);
    // Nothing arrives for 900 ms, then the queue drains at ten times the speed.
    for (let t = 2000; t < 5000; t += 20) audio.send(t, Math.max(t + 30, 2930 + (t - 2000) / 10));
    expect(audio.times).toEqual(Array.from({ length: 250 }, (_, i) => i * 20));
  });

  test('a queue that stays is no gap either, when a report from after it knows of none', () => {
    const { audio } = running(2000);
    // A sender that wants to send more than the line carries: from now on everything comes 400 ms later.
    for (let t = 2000; t < 6000; t += 20) {
      audio.send(t, t + 430);
      if (t % 1000 === 400) audio.report(NTP + t, t, t + 431);
    }
    expect(audio.times).toEqual(Array.from({ length: 300 }, (_, i) => i * 20));
  });

  test('where clocks are steady, no lag is ever a gap', () => {
    const synchroniser = new MediaSynchroniser({ ...SYNC, areClocksSteady: true });
    const source = new Source(synchroniser, [1, 90_000, 0], []);
    for (let t = 0; t < 4000; t += 40) source.send(t, t < 2000 ? t + 30 : t + 3030);
    synchroniser.flush();
    expect(source.times).toEqual(Array.from({ length: 100 }, (_, i) => i * 40));
  });

  test('pauses with running timestamps (DTX, a disabled track) are no gap', () => {
    const { audio } = running(2000);
    for (let t = 2000; t < 30_000; t += 400) audio.send(t, t + 30 + (t % 3) * 10);
    expect(audio.times.slice(100)).toEqual(Array.from({ length: 70 }, (_, i) => 2000 + i * 400));
  });

  test('samples that came before the break keep their times though they are delivered later', () => {
    const { synchroniser, audio } = running(2000);
    audio.send(2000, 2030);
    audio.send(2020, 5030);
    expect(audio.times.at(-1)).toBe(2000);
    synchroniser.check(5529);
    expect(audio.times.at(-1)).toBe(2000);
    synchroniser.check(5530);
    expect(audio.times.at(-1)).toBe(5000);
  });

  test('a break before the clock is fixed holds its track only as long as it is watched', () => {
    const { synchroniser, audio, video } = setUp();
    audio.send(0, 1000);
    audio.send(20, 1020);
    audio.send(40, 2040);
    video.send(0, 1010);
    video.send(1000, 2010);
    synchroniser.check(2100);
    audio.report(NTP + 1040, 40, 2100);
    video.report(NTP, 0, 2101);
    synchroniser.check(2539);
    expect(video.samples).toHaveLength(0);
    synchroniser.check(4000);
    expect(audio.times).toEqual([0, 20, 1040]);
    expect(video.times).toEqual([10, 1010]);
  });

  test('bytes beyond the bound end even a watch', () => {
    const { audio, video } = setUp({ ...SYNC, maxHeldBytes: 3 });
    audio.send(0, 1000);
    video.send(0, 1000);
    audio.send(20, 1900);
    audio.send(40, 1920);
    expect(audio.times).toEqual([0, 900, 920]);
  });

  test.each([
    ['back', -1_000_000],
    ['far ahead', 40_000],
  ])('a media clock set %s goes on where arrival says', (_, jump) => {
    const { audio, synchroniser } = running(2000);
    for (let t = 2000; t < 4000; t += 20) audio.send(t + jump, t + 30);
    synchroniser.check(4031);
    expect(audio.times).toHaveLength(200);
    expect(audio.times).toEqual(Array.from({ length: 200 }, (_, i) => i * 20));
  });
});

describe('a media clock set anew', () => {
  test.each([
    ['back', -1_000_000],
    ['far ahead', 3_600_000],
  ])('%s, of a publisher whose clocks are steady: it goes on where arrival says, and is told', (_, jump) => {
    const leaps: Leap[] = [];
    const onLeap = (leap: Leap): void => void leaps.push({ ...leap });
    const synchroniser = new MediaSynchroniser({ ...SYNC, areClocksSteady: true, onLeap });
    const source = new Source(synchroniser, [7, 90_000, 2 ** 33], []);
    for (let t = 0; t < 4000; t += 40) {
      expect(leaps).toHaveLength(t > 2000 ? 1 : 0);
      source.send(t < 2000 ? t : t + jump, t + 30);
    }
    synchroniser.flush();
    expect(source.times).toEqual(Array.from({ length: 100 }, (_, i) => i * 40));
    expect(leaps).toEqual([{ trackId: 7, byMs: jump, passedMs: 40 }]);
  });

  test('one that stood still has not leapt', () => {
    const leaps: Leap[] = [];
    const synchroniser = new MediaSynchroniser({ ...SYNC, onLeap: (leap) => leaps.push(leap) });
    const source = new Source(synchroniser, [7, 90_000, 2 ** 33], []);
    for (let t = 0; t < 4000; t += 40) source.send(t, t < 2000 ? t + 30 : t + 3030);
    synchroniser.flush();
    expect(source.times.at(-1)).toBe(6_960);
    expect(leaps).toEqual([]);
  });
});

describe('whatever a sender does', () => {
  test('times only grow, every sample comes out, and nothing is held at the end', () => {
    const event = fc.oneof(
      fc.record({
        kind: fc.constant('send' as const),
        track: fc.boolean(),
        media: fc.integer({ min: 1, max: 400 }),
        wall: fc.nat(600),
      }),
      fc.record({
        kind: fc.constant('jump' as const),
        track: fc.boolean(),
        media: fc.integer({ min: -(2 ** 30), max: 2 ** 30 }),
        wall: fc.nat(5000),
      }),
      fc.record({
        kind: fc.constant('report' as const),
        track: fc.boolean(),
        media: fc.integer({ min: -5000, max: 5000 }),
        wall: fc.nat(100),
      }),
      fc.record({
        kind: fc.constant('wild' as const),
        track: fc.boolean(),
        media: fc.integer(),
        wall: fc.nat(100),
      }),
      fc.record({
        kind: fc.constant('check' as const),
        track: fc.boolean(),
        media: fc.constant(0),
        wall: fc.nat(4000),
      }),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 120 }), (events) => {
        const { synchroniser, video, audio } = setUp();
        const clocks = new Map([
          [video, 0],
          [audio, 0],
        ]);
        const sent = new Map([
          [video, 0],
          [audio, 0],
        ]);
        let now = 1000;
        for (const { kind, track, media, wall } of events) {
          const source = track ? video : audio;
          now += wall;
          if (kind === 'send' || kind === 'jump') {
            const t = clocks.get(source)! + media;
            clocks.set(source, t);
            source.send(t, now);
            sent.set(source, sent.get(source)! + 1);
          } else if (kind === 'check') synchroniser.check(now);
          else source.report(kind === 'wild' ? media * 1000 : NTP + now + media, clocks.get(source)!, now);
        }
        synchroniser.flush();
        for (const source of [video, audio]) {
          expect(source.samples).toHaveLength(sent.get(source)!);
          expect(ascending(source.times)).toBe(true);
          for (const { dts, pts } of source.samples) {
            expect(Number.isSafeInteger(dts)).toBe(true);
            expect(pts).toBeGreaterThanOrEqual(dts);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
