import type { Sample, Track } from '../../domain/media.ts';
import type { Leap } from '../../streams/timeline.ts';
import type { Loss } from './loss.ts';
import { TrackClock, type WallClock } from './trackClock.ts';

/** A track from which nothing came for this long after the first packet of all is not waited for. */
const QUIET_WAIT_MS = 500;
/** Reports that put a track further from its arrival than this come from another clock. */
const MAX_SKEW_US = 5_000_000;

/** Waits and bounds of a `MediaSynchroniser`. */
export interface SynchroniserOptions {
  /** How long first samples wait for the sender reports of all tracks, ms. 0 goes by arrival at once. */
  readonly syncWaitMs: number;
  /** Bytes that may wait; beyond them the waiting ends. */
  readonly maxHeldBytes: number;
  /** The media clocks never stand still: packets that come late were held up on the way. Browsers stop theirs. */
  readonly areClocksSteady?: boolean;
  /** Told of each track whose media clock was set anew, right before its first sample after that. */
  readonly onLeap?: (leap: Leap) => void;
}

/** Where a track's media goes. */
export interface SyncedTrackOutput {
  readonly onTrack: (track: Track) => void;
  readonly onSample: (sample: Sample) => void;
  /** Right before the first sample after packets that never came. */
  readonly onLoss: (loss: Loss) => void;
}

/** A sample whose times are extended timestamps. */
export interface TickSample {
  readonly dts: number;
  readonly pts: number;
  readonly key: boolean;
  readonly data: Buffer;
  /** Packets lost right before it. */
  readonly lost: number;
}

type Held = { readonly track: Track } | { readonly sample: TickSample };

/** One track's place in the common clock. */
export class SyncedTrack {
  readonly clock: TrackClock;
  readonly #synchroniser: MediaSynchroniser;
  readonly #trackId: number;
  readonly #output: SyncedTrackOutput;
  /** What waits, in order; the index of the first that still does. */
  readonly #held: Held[] = [];
  /** Stream times of the newest sample, in order of presentation and of decoding, and the latter's step; microseconds. */
  #shownUs: number | undefined;
  #decodedUs = 0;
  #stepUs = 0;
  /** First arrival, ms; undefined before any packet. */
  firstArrivalMs: number | undefined;

  constructor(
    synchroniser: MediaSynchroniser,
    clock: TrackClock,
    trackId: number,
    output: SyncedTrackOutput,
  ) {
    this.#synchroniser = synchroniser;
    this.clock = clock;
    this.#trackId = trackId;
    this.#output = output;
  }

  /** Notes a packet that raised the highest sequence number; `ticks` is extended. */
  arrived(ticks: number, arrivalMs: number): void {
    this.firstArrivalMs ??= arrivalMs;
    this.clock.arrived(ticks, arrivalMs);
    this.#synchroniser.noted(arrivalMs);
  }

  senderReport(ntpMs: number, ticks: number, arrivalMs: number): void {
    this.clock.senderReport(ntpMs, ticks);
    this.#synchroniser.noted(arrivalMs);
  }

  /** A configuration for the samples that follow. */
  track(track: Track): void {
    // The first one waits for nothing, so that a recording learns early which tracks there are.
    if (this.#held.length === 0) this.#output.onTrack(track);
    else this.#held.push({ track });
  }

  sample(sample: TickSample): void {
    this.#held.push({ sample });
    this.#synchroniser.held(sample.data.length);
  }

  /** Media time of the first sample that waits, microseconds. */
  get heldSince(): number | undefined {
    for (const item of this.#held) if ('sample' in item) return this.clock.mediaTime(item.sample.dts);
    return undefined;
  }

  /** Stream time of the first sample that waits, microseconds; Infinity when there is none that may go. */
  get nextAt(): number {
    for (const item of this.#held) {
      if (!('sample' in item)) continue;
      const { dts, pts } = item.sample;
      return this.clock.isHolding(pts) ? Infinity : this.clock.foresee(dts, pts);
    }
    return Infinity;
  }

  /** Releases the first item that waits. Returns its bytes. */
  release(): number {
    const item = this.#held.shift();
    if (item === undefined) return 0;
    if ('sample' in item) {
      this.#emit(item.sample);
      return item.sample.data.length;
    }
    this.#output.onTrack(item.track);
    return 0;
  }

  #emit(sample: TickSample): void {
    const { dts, pts } = this.clock.map(sample.dts, sample.pts);
    if (sample.lost > 0) this.#tellLoss(sample.lost, pts);
    else if (this.#shownUs !== undefined) this.#stepUs = dts - this.#decodedUs;
    this.#decodedUs = dts;
    this.#shownUs = Math.max(pts, this.#shownUs ?? pts);
    this.#output.onSample({ trackId: this.#trackId, dts, pts, key: sample.key, data: sample.data });
  }

  #tellLoss(packets: number, pts: number): void {
    const shownUs = this.#shownUs;
    const missingUs = shownUs === undefined ? undefined : Math.max(0, pts - shownUs - this.#stepUs);
    this.#output.onLoss({ packets, missingUs });
  }
}

/**
 * The common clock of one publication's tracks.
 *
 * The first samples wait until every track has a sender report, for `syncWaitMs` at most; then the offsets of all
 * tracks are fixed, from the reports where they make sense and from the least delayed arrivals where not. A track from
 * which nothing came within half a second is not waited for, and a publication of one track waits for no report. A track
 * that comes later waits alone, for its own report. Stream time 0 is the earliest of the first samples. All samples go
 * out with the tick, in order of time.
 */
export class MediaSynchroniser {
  readonly #options: SynchroniserOptions;
  readonly #wall: WallClock = { origin: undefined };
  readonly #tracks: SyncedTrack[] = [];
  /** Arrival time of stream time 0, microseconds; undefined until the first offsets are fixed. */
  #origin: number | undefined;
  #nowMs = 0;
  #heldBytes = 0;

  constructor(options: SynchroniserOptions) {
    this.#options = options;
  }

  /** Adds a track. All tracks of the session description are added before the first packet. */
  add(trackId: number, clockRate: number, output: SyncedTrackOutput): SyncedTrack {
    const { areClocksSteady, onLeap } = this.#options;
    const clock = new TrackClock(clockRate, this.#wall, areClocksSteady, (leap) =>
      onLeap?.({ trackId, ...leap }),
    );
    const track = new SyncedTrack(this, clock, trackId, output);
    this.#tracks.push(track);
    return track;
  }

  /** Ends waits that are over, and delivers what may go. For the shared tick. */
  check(nowMs: number): void {
    this.noted(nowMs);
    this.#release();
  }

  /** Ends waits that are over. Called by the tracks. */
  noted(nowMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    for (const { clock } of this.#tracks) clock.settle(this.#nowMs);
    this.#advance(false);
  }

  /** Delivers whatever waits; after the tracks' own `flush`. */
  flush(): void {
    for (const { clock } of this.#tracks) clock.settle(this.#nowMs, true);
    this.#advance(true);
    this.#release();
  }

  /** Counts bytes that wait now. Called by the tracks. */
  held(bytes: number): void {
    this.#heldBytes += bytes;
    if (this.#heldBytes > this.#options.maxHeldBytes) this.flush();
  }

  #advance(isForced: boolean): void {
    const origin = this.#origin;
    if (origin === undefined) {
      if (isForced || this.#isReady()) this.#open();
      return;
    }
    for (const track of this.#tracks) {
      if (!track.clock.isFixed && this.#isLateReady(track, isForced)) this.#fix(track, origin);
    }
  }

  /**
   * All tracks in order of time, for what arrived together may have been handed over track by track. A track at a
   * break of its clock waits on.
   */
  #release(): void {
    while (this.#heldBytes > 0) {
      let next: SyncedTrack | undefined;
      let earliest = Infinity;
      for (const track of this.#tracks) {
        const at = track.nextAt;
        if (at >= earliest) continue;
        earliest = at;
        next = track;
      }
      if (next === undefined) return;
      this.#heldBytes -= next.release();
    }
  }

  #isReady(): boolean {
    const present = this.#tracks.filter((track) => track.firstArrivalMs !== undefined);
    const since = Math.min(...present.map((track) => track.firstArrivalMs ?? 0));
    const waited = this.#nowMs - since;
    if (present.length === 0) return false;
    if (this.#tracks.length === 1 || waited >= this.#options.syncWaitMs) return true;
    const areAllHere = present.length === this.#tracks.length || waited >= QUIET_WAIT_MS;
    return areAllHere && present.every((track) => track.clock.report !== undefined);
  }

  #isLateReady(track: SyncedTrack, isForced: boolean): boolean {
    if (track.firstArrivalMs === undefined) return false;
    // Where no track has a report, one of its own would tell nothing about the others.
    if (isForced || this.#wall.origin === undefined || track.clock.report !== undefined) return true;
    return this.#nowMs - track.firstArrivalMs >= this.#options.syncWaitMs;
  }

  /** Fixes all offsets, first on the arrivals' clock, then moved so that the earliest sample is at 0. */
  #open(): void {
    const waiting = this.#tracks.filter((track) => track.heldSince !== undefined);
    if (waiting.length === 0) return;
    const present = this.#tracks.filter((track) => track.clock.anchor !== undefined);
    for (const track of present) this.#fix(track, 0);
    const times = waiting.map((track) => (track.heldSince ?? 0) + this.#offsetOf(track, 0).offset);
    const origin = Math.min(...times);
    const wall = this.#wall.origin;
    this.#origin = origin;
    if (wall !== undefined) this.#wall.origin = wall + origin;
    for (const track of present) this.#fix(track, origin);
  }

  #fix(track: SyncedTrack, origin: number): void {
    const { offset, ownOrigin } = this.#offsetOf(track, origin);
    track.clock.fix(offset, ownOrigin);
  }

  /** By the reports, or by arrival where there are none or they come from another clock. */
  #offsetOf(track: SyncedTrack, origin: number): { readonly offset: number; readonly ownOrigin?: number } {
    const byArrival = (track.clock.anchor ?? 0) - origin;
    const report = track.clock.report;
    if (report === undefined) return { offset: byArrival };
    this.#wall.origin ??= report - byArrival;
    const byReport = report - this.#wall.origin;
    if (Math.abs(byReport - byArrival) <= MAX_SKEW_US) return { offset: byReport };
    return { offset: byArrival, ownOrigin: report - byArrival };
  }
}
