import type { Timeline } from '../../streams/timeline.ts';

/**
 * RTMP times without their wraps. Every message must be within 2^31 ms (24.8 days) of the one before it: then a step
 * back is a step back and a wrap of the 32-bit counter is no step.
 */
export class Unwrapper {
  #last: number | undefined;
  #unwrapped = 0;

  /**
   * Milliseconds between the first call's `timestamp` and this one's (unsigned 32-bit milliseconds). Slightly
   * negative when tracks are interleaved loosely.
   */
  milliseconds(timestamp: number): number {
    this.#unwrapped += (timestamp - (this.#last ?? timestamp)) | 0;
    this.#last = timestamp;
    return this.#unwrapped;
  }
}

/** Decode times of the samples of one publication. */
export class MediaClock {
  readonly #unwrapper = new Unwrapper();
  readonly #timeline: Timeline;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  /** Stream time, microseconds, of the next sample of a track. @param timestamp of its message, unsigned 32 bit. */
  dts(trackId: number, timestamp: number): number {
    const us = this.#unwrapper.milliseconds(timestamp) * 1000;
    return us + this.#timeline.offsetUs(trackId, us);
  }
}
