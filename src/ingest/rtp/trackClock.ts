import type { Leap } from '../../streams/timeline.ts';

const MS = 1000;
/** Arrival may lag behind the media clock by this much in one step; beyond it the clock is thought to have stood still. */
const FREEZE_US = 200 * MS;
/** How long it is watched whether the lag stays (the clock stood) or melts (the network stood). */
const WATCH_US = 500 * MS;
/** An SR and the arrivals mean the same gap. */
const AGREEMENT_US = 500 * MS;
/** The media clock ran ahead of arrival by this much in one step: it was set anew. */
const MAX_AHEAD_US = 30_000 * MS;
/** Timestamps this far back are no reordering: the clock was set anew. */
const MAX_BACKWARD_US = 2000 * MS;
/** Disagreement between an SR and the clock that is noise of the sender's measuring. */
const DEAD_BAND_US = 10 * MS;
/** A disagreement beyond this is corrected at once when it goes forward. */
const JUMP_US = 200 * MS;
/** Beyond this an SR is wild. */
const MAX_CORRECTION_US = 5000 * MS;
/** Wild SRs that agree with each other to a second, in a row, mean that the sender's wall clock was set. */
const WILD_REPORTS = 3;
const WILD_AGREEMENT_US = 1000 * MS;
/** Corrections other than jumps bend the time by this part of the media time that passes. */
const SLEW = 0.05;
const MAX_SLEW_STEP_US = 200 * MS;
/** The least delay seen may grow by this part of the time that passes, to follow a longer route. */
const DELAY_LEAK = 0.02;

/** Where the sender's wall clock stood, in microseconds, at stream time 0. Shared by the tracks of a publication. */
export interface WallClock {
  origin: number | undefined;
}

/** A media clock that was set anew. */
export type ClockLeap = Pick<Leap, 'byMs' | 'passedMs'>;

/** A break of the media clock between two packets. */
interface Break {
  /** First timestamp after it and last one before it. */
  readonly from: number;
  readonly last: number;
  readonly since: number;
  readonly baseline: number;
  /** Least lag seen since. */
  lag: number;
  /** What it adds to the offset; undefined while it is watched. */
  gap: number | undefined;
  /** Where the clock was set anew: by how much, and the real time between the two packets, ms. */
  readonly leap: ClockLeap | undefined;
}

/**
 * Stream time of one track: microseconds of its media clock plus an offset. Pure: every time is passed in.
 *
 * - The offset is fixed once, from outside, by `fix`.
 * - Sender reports say which offset keeps the tracks together. A disagreement up to 10 ms is noise. A larger one is
 *   corrected by letting time run 5 % faster or slower; more than 200 ms forward is a jump. Backward it is never one.
 * - More than 5 s is no correction but a wild report, and is ignored. Three wild ones in a row that agree mean that the
 *   sender's wall clock was set: the track keeps its time and takes the new clock from there. Tracks whose reports
 *   come from different clocks thus stay together by arrival.
 * - Browsers stop the media clock while a track is replaced by none. When a packet comes more than 200 ms later than
 *   its timestamp says, the track is watched for 500 ms, its samples waiting: a lag that stays is added to the offset,
 *   to be corrected by the next report; one that melts was the network's, and nothing is added. A report from after the
 *   break ends the watching at once, whether it agrees with the lag or knows of none: on a line that cannot carry what
 *   the sender wants to send, its own queue stays for longer than the watch.
 * - A clock that is set anew, backward or far ahead, goes on where arrival says.
 */
export class TrackClock {
  readonly #usPerTick: number;
  readonly #wall: WallClock;
  readonly #isSteady: boolean;
  readonly #onLeap: ((leap: ClockLeap) => void) | undefined;
  #offset: number | undefined;
  /** Where the offset is being bent to. */
  #target = 0;
  #slewedAt = 0;
  #newest: number | undefined;
  #newestArrival = 0;
  #anchor = Infinity;
  /** Least lag of arrival behind the track's time, microseconds; of media time until the offset is fixed. */
  #leastDelay = 0;
  #break: Break | undefined;
  /** NTP minus media time of the newest report, microseconds. */
  #report: number | undefined;
  /** This track's own wall clock where it is not the shared one. */
  #ownOrigin: number | undefined;
  #wildCount = 0;
  #lastWild = 0;
  #lastDts = -Infinity;

  /**
   * @param isSteady the clock never stands still, so that no lag is taken for a gap.
   * @param onLeap called right before the first sample after the clock was set anew.
   */
  constructor(clockRate: number, wall: WallClock, isSteady = false, onLeap?: (leap: ClockLeap) => void) {
    this.#usPerTick = 1e6 / clockRate;
    this.#wall = wall;
    this.#isSteady = isSteady;
    this.#onLeap = onLeap;
  }

  get isFixed(): boolean {
    return this.#offset !== undefined;
  }

  /** Arrival minus media time of the least delayed packet, microseconds; undefined before any packet. */
  get anchor(): number | undefined {
    return this.#newest === undefined ? undefined : this.#anchor;
  }

  get report(): number | undefined {
    return this.#report;
  }

  /** Media time of a timestamp, microseconds. */
  mediaTime(ticks: number): number {
    return ticks * this.#usPerTick;
  }

  /** Fixes the offset. `ownOrigin` is given when the track's reports come from another clock than the shared one. */
  fix(offset: number, ownOrigin?: number): void {
    this.#leastDelay -= offset - this.#target;
    this.#offset = offset;
    this.#target = offset;
    this.#ownOrigin = ownOrigin;
  }

  /** Notes the arrival of a packet that raised the highest sequence number. */
  arrived(ticks: number, arrivalMs: number): void {
    const media = this.mediaTime(ticks);
    const arrival = arrivalMs * MS;
    if (this.#newest === undefined) {
      this.#newest = ticks;
      this.#newestArrival = arrival;
      this.#anchor = arrival - media;
      this.#leastDelay = this.#anchor;
      return;
    }
    const passed = media - this.mediaTime(this.#newest);
    if (passed === 0 || (passed < 0 && passed > -MAX_BACKWARD_US)) return;
    this.#watch(ticks, arrival, passed);
    if (this.#break === undefined) this.#anchor = Math.min(this.#anchor, arrival - media);
    this.#newest = ticks;
    this.#newestArrival = arrival;
  }

  /** Takes a sender report: the wall clock in ms, and the media clock as an extended timestamp. */
  senderReport(ntpMs: number, ticks: number): void {
    const report = ntpMs * MS - this.mediaTime(ticks);
    if (this.#offset === undefined) {
      if (this.#report !== undefined) this.#judge(report - this.#report, ticks);
      // The offset is that of the samples before a break.
      if (this.#break?.gap !== undefined) this.#report = report - this.#break.gap;
      else if (this.#break === undefined) this.#report = report;
      return;
    }
    this.#report = report;
    const current = this.#target + (this.#break?.gap ?? 0);
    const origin = this.#ownOrigin ?? this.#wall.origin;
    if (origin === undefined) {
      this.#wall.origin = report - current;
      return;
    }
    const error = report - origin - current;
    if (this.#break !== undefined && this.#break.gap === undefined) this.#judge(error, ticks);
    else this.#correct(error, report - current);
  }

  /** True while a sample has to wait for its time. */
  isHolding(ticks: number): boolean {
    if (this.#offset === undefined) return true;
    return this.#break !== undefined && this.#break.gap === undefined && this.#isBehind(this.#break, ticks);
  }

  /** Ends a watch that is over; with `isForced` any watch. */
  settle(nowMs: number, isForced = false): void {
    const broken = this.#break;
    if (broken === undefined || broken.gap !== undefined) return;
    if (!isForced && nowMs * MS - broken.since < WATCH_US) return;
    broken.gap = broken.lag > FREEZE_US ? broken.lag : 0;
  }

  /** Stream times of a sample, whole microseconds; decode times only ever grow. Only when it is not holding. */
  map(dtsTicks: number, ptsTicks: number): { readonly dts: number; readonly pts: number } {
    const broken = this.#break;
    if (broken?.gap !== undefined && this.#isBehind(broken, ptsTicks)) {
      this.#offset = (this.#offset ?? 0) + broken.gap;
      this.#target += broken.gap;
      this.#break = undefined;
      if (broken.leap !== undefined) this.#onLeap?.(broken.leap);
    }
    const media = this.mediaTime(dtsTicks);
    const offset = this.#slew(media);
    // The zero turns a negative one, which rounding makes, into an ordinary one.
    this.#lastDts = Math.max(Math.round(media + offset) + 0, this.#lastDts + 1);
    return {
      dts: this.#lastDts,
      pts: Math.max(Math.round(this.mediaTime(ptsTicks) + offset), this.#lastDts),
    };
  }

  /** Stream time that `map` would give to the first sample that waits, microseconds. Only when it is not holding. */
  foresee(dtsTicks: number, ptsTicks: number): number {
    const broken = this.#break;
    const gap = broken !== undefined && this.#isBehind(broken, ptsTicks) ? (broken.gap ?? 0) : 0;
    return this.mediaTime(dtsTicks) + (this.#offset ?? 0) + gap;
  }

  /** True for timestamps after the break. Of a clock set back, those nearer to its new value. */
  #isBehind(broken: Break, ticks: number): boolean {
    return broken.from > broken.last ? ticks >= broken.from : ticks < (broken.from + broken.last) / 2;
  }

  #watch(ticks: number, arrival: number, passed: number): void {
    const step = arrival - this.#newestArrival - passed;
    const delay = arrival - this.mediaTime(ticks) - this.#target - (this.#break?.gap ?? 0);
    const least = this.#leastDelay;
    const broken = this.#break;
    const isSetAnew = passed < 0 || step < -MAX_AHEAD_US;
    const passedMs = Math.round((arrival - this.#newestArrival) / MS);
    const leap = isSetAnew ? { byMs: -Math.round(step / MS), passedMs } : undefined;
    const from = { from: ticks, last: this.#newest ?? ticks, since: arrival, baseline: least, leap };
    if (broken !== undefined) {
      if (broken.gap === undefined) broken.lag = Math.min(broken.lag, delay - broken.baseline);
      this.settle(arrival / MS);
    } else if (!this.#isSteady && step > FREEZE_US && delay - least > FREEZE_US) {
      this.#break = { ...from, lag: delay - least, gap: undefined };
    } else if (isSetAnew) {
      this.#break = { ...from, lag: step, gap: step };
    } else {
      this.#leastDelay = Math.min(delay, least + (arrival - this.#newestArrival) * DELAY_LEAK);
    }
  }

  /** A report on a break that is watched: it knows the lag as a gap of the sender's, or knows of none. */
  #judge(error: number, ticks: number): void {
    const broken = this.#break;
    if (broken === undefined || broken.gap !== undefined) return;
    if (error > FREEZE_US / 2) {
      if (Math.abs(error - broken.lag) < AGREEMENT_US) broken.gap = error;
    } else if (error > -FREEZE_US / 2 && this.#isBehind(broken, ticks)) broken.gap = 0;
  }

  /** `error` is what the report wants to add; `newOrigin` the wall clock's origin that would want nothing. */
  #correct(error: number, newOrigin: number): void {
    const broken = this.#break;
    if (Math.abs(error) > MAX_CORRECTION_US) {
      this.#countWild(error, newOrigin);
      return;
    }
    this.#wildCount = 0;
    if (Math.abs(error) <= DEAD_BAND_US) return;
    if (broken?.gap !== undefined) broken.gap += error;
    else this.#target += error;
    if (broken === undefined && error > JUMP_US) this.#offset = this.#target;
  }

  #countWild(error: number, newOrigin: number): void {
    const agrees = this.#wildCount > 0 && Math.abs(error - this.#lastWild) < WILD_AGREEMENT_US;
    this.#wildCount = agrees ? this.#wildCount + 1 : 1;
    this.#lastWild = error;
    if (this.#wildCount < WILD_REPORTS) return;
    this.#ownOrigin = newOrigin;
    this.#wildCount = 0;
  }

  #slew(media: number): number {
    const offset = this.#offset ?? 0;
    const most = Math.min(Math.max(0, media - this.#slewedAt), MAX_SLEW_STEP_US) * SLEW;
    this.#slewedAt = media;
    this.#offset = offset + Math.max(-most, Math.min(most, this.#target - offset));
    return this.#offset;
  }
}
