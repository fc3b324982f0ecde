/** What a step of a track's timestamps may differ from the time that passed before it is a leap, milliseconds. */
export interface LeapBounds {
  /** Forward: a hole in the media that is sent faster than real time is no leap. */
  readonly forwardMs: number;
  readonly backMs: number;
}

/** Timestamps that leapt and were mended. */
export interface Leap {
  readonly trackId: number;
  /** How far they leapt, milliseconds; negative back. */
  readonly byMs: number;
  /** Real time since the sample before, milliseconds. */
  readonly passedMs: number;
}

export interface TimelineDeps {
  readonly bounds: LeapBounds;
  /** Called right before the first sample after a leap; once for all tracks that leap together. */
  readonly onLeap: (leap: Leap) => void;
  /** Monotonic clock, milliseconds. */
  readonly nowMs?: () => number;
}

/** Shortest step of a track: what carries its times to FFmpeg may count whole milliseconds. */
const MIN_STEP_US = 1_000;
/** Longer ones are holes, not the distance of two samples. */
const MAX_USUAL_STEP_US = 1_000_000;
/** At a leap, real time that passed beyond the usual step is a pause of the publisher; less is the network's jitter. */
const MIN_PAUSE_US = 1_000_000;

interface TrackTime {
  /** Stream time of the newest sample, microseconds. */
  lastUs: number;
  /** When it came, milliseconds of the monotonic clock. */
  cameMs: number;
  /** Distance of two samples as it was last, microseconds. */
  stepUs: number;
  /** Added to the common offset: that of the newest leap which this track has taken. */
  correctionUs: number;
}

/**
 * Stream time out of a publisher's timestamps: leaps are taken out, each track's times rise, and what a new connection
 * counts from anew goes on where real time is by then, so that the gap keeps its length.
 *
 * A track that leaps goes on at its usual step, or after the pause that was real. The other tracks follow with the same
 * correction at their own leap, so that all stay together as the publisher has them.
 */
export class Timeline {
  /** Leaps taken out so far. */
  leaps = 0;
  readonly #bounds: LeapBounds;
  readonly #onLeap: (leap: Leap) => void;
  readonly #nowMs: () => number;
  readonly #tracks = new Map<number, TrackTime>();
  #originMs: number | undefined;
  #offsetUs: number | undefined;
  /** That of the newest leap. */
  #correctionUs = 0;
  /** Stream time of the newest sample of all tracks. */
  #newestUs = -Infinity;

  constructor({ bounds, onLeap, nowMs = () => performance.now() }: TimelineDeps) {
    this.#bounds = bounds;
    this.#onLeap = onLeap;
    this.#nowMs = nowMs;
  }

  /** The next sample is the first of a new connection, whose times have nothing to do with those before. */
  begin(): void {
    this.#offsetUs = undefined;
    this.#correctionUs = 0;
    for (const track of this.#tracks.values()) track.correctionUs = 0;
  }

  /** What is to be added to the times of a sample with the source's decode time `dts`, microseconds. */
  offsetUs(trackId: number, dts: number): number {
    const nowMs = this.#nowMs();
    this.#offsetUs ??= this.#anchorUs(nowMs) - dts;
    const sourceUs = dts + this.#offsetUs;
    const track = this.#tracks.get(trackId);
    if (track !== undefined) return this.#next(trackId, track, sourceUs, nowMs) - dts;
    const correctionUs = this.#correctionUs;
    const lastUs = sourceUs + correctionUs;
    this.#tracks.set(trackId, { lastUs, cameMs: nowMs, stepUs: 0, correctionUs });
    this.#newestUs = Math.max(this.#newestUs, lastUs);
    return lastUs - dts;
  }

  /** Stream time of a track's next sample. */
  #next(trackId: number, track: TrackTime, sourceUs: number, nowMs: number): number {
    const passedMs = nowMs - track.cameMs;
    const isLeap = !this.#follows(track, sourceUs + track.correctionUs, passedMs);
    if (isLeap) {
      const byUs = sourceUs + track.correctionUs - track.lastUs - this.#pauseUs(track, nowMs);
      const isKnown = this.#follows(track, sourceUs + this.#correctionUs, passedMs);
      if (!isKnown) {
        this.leaps++;
        this.#correctionUs = track.correctionUs - byUs;
        this.#onLeap({ trackId, byMs: Math.round(byUs / 1000), passedMs: Math.round(passedMs) });
      }
      track.correctionUs = this.#correctionUs;
    }
    const us = Math.max(sourceUs + track.correctionUs, track.lastUs + MIN_STEP_US);
    if (!isLeap) track.stepUs = Math.min(us - track.lastUs, MAX_USUAL_STEP_US);
    track.lastUs = us;
    track.cameMs = nowMs;
    this.#newestUs = Math.max(this.#newestUs, us);
    return us;
  }

  /** Forward of the other tracks, too: one that was muted comes back beside them. */
  #follows(track: TrackTime, us: number, passedMs: number): boolean {
    const isBack = us - track.lastUs < -this.#bounds.backMs * 1000;
    return !isBack && us - this.#newestUs <= (passedMs + this.#bounds.forwardMs) * 1000;
  }

  /**
   * Time from a track's newest sample to the next one, which says nothing about it. Of a stream that is ahead of real
   * time, because it is sent faster, the other tracks alone tell of a pause.
   */
  #pauseUs({ lastUs, cameMs, stepUs }: TrackTime, nowMs: number): number {
    const behindUs = (nowMs - (this.#originMs ?? nowMs)) * 1000 - lastUs;
    const passedUs = Math.round(Math.min((nowMs - cameMs) * 1000, behindUs));
    const pauseUs = Math.max(passedUs, this.#newestUs - lastUs);
    return pauseUs > stepUs + MIN_PAUSE_US ? pauseUs : Math.max(stepUs, MIN_STEP_US);
  }

  /** Stream time at which a connection begins: now, but after everything before. */
  #anchorUs(nowMs: number): number {
    this.#originMs ??= nowMs;
    return Math.max(this.#newestUs + 1, Math.round((nowMs - this.#originMs) * 1000));
  }
}
