import type { Sample } from '../domain/media.ts';

/** Times in a pipe may be rounded to this, microseconds: samples of a track must not come closer where two streams meet. */
const CLOSEST_US = 1000;
/** What is longer than this between two samples is a hole, not the length of a sample, microseconds. */
const LONGEST_STEP_US = 1_000_000;

/** How far a track has come, microseconds of recording time. */
interface TrackEnd {
  dts: number;
  /** The latest that was to be presented. */
  pts: number;
  /** From the last sample but one to the last. */
  stepUs: number;
  /** No sample of the present publication has found its place without being moved. */
  isJoining: boolean;
}

/**
 * The time of one recording over all the publications that feed it. Each publication counts from its own first sample;
 * here it goes on behind the one before: by default as much later as it came later, else at once.
 */
export class RecordingTime {
  /** Between the newest sample of the last publication and the first of this one as they came, milliseconds. */
  awayMs = 0;
  readonly #keepsGap: boolean;
  readonly #nowMs: () => number;
  readonly #ends = new Map<number, TrackEnd>();
  /** Tracks of this publication that can be decoded: they have had a key frame. Undefined: no need to look. */
  #decodable: Set<number> | undefined;
  #offsetUs: number | undefined = 0;
  #heardMs = 0;

  /** @param nowMs monotonic clock, milliseconds. */
  constructor(keepsGap: boolean, nowMs: () => number = () => performance.now()) {
    this.#keepsGap = keepsGap;
    this.#nowMs = nowMs;
  }

  /** The next sample is the first of another publication. */
  begin(): void {
    this.#offsetUs = undefined;
    this.#decodable = new Set();
    for (const end of this.#ends.values()) end.isJoining = true;
  }

  /**
   * A sample of the present publication in recording time.
   * @returns undefined for video that follows no key frame: the decoder has lost what it refers to.
   */
  place(sample: Sample): Sample | undefined {
    if (sample.key) this.#decodable?.add(sample.trackId);
    else if (this.#decodable?.has(sample.trackId) === false) return undefined;
    const nowMs = this.#nowMs();
    this.#offsetUs ??= this.#offsetOf(sample, nowMs);
    this.#heardMs = nowMs;
    const offsetUs = this.#offsetUs + this.#moveUs(sample, this.#offsetUs);
    const dts = sample.dts + offsetUs;
    const pts = sample.pts + offsetUs;
    this.#note(sample.trackId, dts, pts);
    return offsetUs === 0 ? sample : { ...sample, dts, pts };
  }

  /** From the time of a publication to that of the recording, by its first sample: behind everything there is. */
  #offsetOf({ dts, pts }: Sample, nowMs: number): number {
    this.awayMs = nowMs - this.#heardMs;
    const awayUs = this.#keepsGap ? Math.round(this.awayMs * 1000) : 0;
    let offsetUs = -Infinity;
    for (const end of this.#ends.values()) {
      const behindUs = Math.max(end.dts + end.stepUs - dts, end.pts + end.stepUs - pts);
      offsetUs = Math.max(offsetUs, behindUs, end.dts + awayUs - dts);
    }
    return offsetUs === -Infinity ? 0 : offsetUs;
  }

  /** By what a track that begins before the others must be moved to lie behind its own end. */
  #moveUs({ trackId, dts }: Sample, offsetUs: number): number {
    const end = this.#ends.get(trackId);
    if (end?.isJoining !== true) return 0;
    const moveUs = end.dts + CLOSEST_US - dts - offsetUs;
    if (moveUs > 0) return moveUs;
    end.isJoining = false;
    return 0;
  }

  #note(trackId: number, dts: number, pts: number): void {
    const end = this.#ends.get(trackId);
    if (end === undefined) {
      this.#ends.set(trackId, { dts, pts, stepUs: CLOSEST_US, isJoining: false });
      return;
    }
    const stepUs = dts - end.dts;
    if (stepUs > 0) end.stepUs = Math.min(stepUs, LONGEST_STEP_US);
    end.dts = dts;
    end.pts = Math.max(end.pts, pts);
  }
}
