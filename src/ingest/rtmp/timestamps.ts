/**
 * Sample times of one publication out of RTMP times. Every message must be within 2^31 ms (24.8 days) of the one
 * before it: then a step back is a step back and a wrap of the 32-bit counter is no step.
 */
export class MediaClock {
  #last: number | undefined;
  #unwrapped = 0;

  /**
   * Microseconds between the first call's `timestamp` and this one's (unsigned 32-bit milliseconds). Slightly
   * negative when tracks are interleaved loosely.
   */
  microseconds(timestamp: number): number {
    this.#unwrapped += (timestamp - (this.#last ?? timestamp)) | 0;
    this.#last = timestamp;
    return this.#unwrapped * 1000;
  }
}
