/** A step back of more than this is another clock, not loose interleaving. */
const MAX_STEP_BACK_US = 1_000_000;
/** A step that is this much longer than the time that really passed is another clock, too. */
const MAX_LEAP_US = 10_000_000;
/** Tracks of one source jump together: within this time and by about the same. */
const SAME_JUMP_MS = 30_000;
const SAME_JUMP_US = 1_000_000;

interface TrackTime {
  /** Stream time of the newest sample, microseconds. */
  lastUs: number;
  /** When it came, milliseconds of the monotonic clock. */
  cameMs: number;
  /** Added to the common offset after this track's clock has jumped. */
  correctionUs: number;
}

/**
 * Stream time across connections: what a source counts from anew goes on where real time is by then, so that the gap
 * keeps its length. Jumps of a source's clock are taken out.
 */
export class Timeline {
  /** Jumps taken out so far. */
  jumps = 0;
  readonly #nowMs: () => number;
  readonly #tracks = new Map<number, TrackTime>();
  #originMs: number | undefined;
  #offsetUs: number | undefined;
  #jump = { amountUs: 0, atMs: -Infinity };

  /** @param nowMs monotonic clock, milliseconds. */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** The next sample is the first of a new connection, whose times have nothing to do with those before. */
  begin(): void {
    this.#offsetUs = undefined;
    for (const track of this.#tracks.values()) track.correctionUs = 0;
  }

  /** What is to be added to the times of a sample with the source's decode time `dts`, microseconds. */
  offsetUs(trackId: number, dts: number): number {
    const nowMs = this.#nowMs();
    this.#offsetUs ??= this.#anchorUs(nowMs) - dts;
    const track = this.#tracks.get(trackId);
    if (track === undefined) {
      this.#tracks.set(trackId, { lastUs: dts + this.#offsetUs, cameMs: nowMs, correctionUs: 0 });
      return this.#offsetUs;
    }
    const wanted = dts + this.#offsetUs + track.correctionUs;
    const stepUs = wanted - track.lastUs;
    const passedUs = (nowMs - track.cameMs) * 1000;
    if (stepUs < -MAX_STEP_BACK_US || stepUs > passedUs + MAX_LEAP_US) {
      track.correctionUs -= this.#jumpUs(stepUs - passedUs, nowMs);
    }
    track.lastUs = Math.max(track.lastUs + 1, dts + this.#offsetUs + track.correctionUs);
    track.cameMs = nowMs;
    return track.lastUs - dts;
  }

  /** Stream time at which a connection begins: now, but after everything before. */
  #anchorUs(nowMs: number): number {
    this.#originMs ??= nowMs;
    const newestUs = Math.max(-1, ...[...this.#tracks.values()].map((track) => track.lastUs));
    return Math.max(newestUs + 1, Math.round((nowMs - this.#originMs) * 1000));
  }

  /** The amount of a jump: what another track jumped by shortly before, so that they stay together. */
  #jumpUs(amountUs: number, atMs: number): number {
    const isSame =
      atMs - this.#jump.atMs < SAME_JUMP_MS && Math.abs(amountUs - this.#jump.amountUs) < SAME_JUMP_US;
    if (!isSame) {
      this.jumps++;
      this.#jump = { amountUs: Math.round(amountUs), atMs };
    }
    return this.#jump.amountUs;
  }
}
