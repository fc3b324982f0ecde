/** More than any codec reorders. */
const MAX_DEPTH = 16;

/**
 * Decode times for pictures that come in decoding order with presentation times only, as RTP carries them: the
 * presentation times in rising order, shifted by the depth of reordering.
 */
export class DecodeTimes {
  #depth: number;
  readonly #frameUs: number;
  /** The largest presentation times that were not given out yet, rising. */
  readonly #window: number[] = [];
  #last = -Infinity;

  /**
   * @param depth pictures that may come before one in decoding order and after it in output order, as far as known.
   * @param frameUs distance of two pictures, for the time before the first one.
   */
  constructor(depth: number, frameUs: number) {
    this.#depth = depth;
    this.#frameUs = frameUs;
  }

  /** Decode time of the next picture: rising, and not after `pts` unless the depth turns out to be too small. */
  next(pts: number): number {
    const at = this.#window.findLastIndex((time) => time <= pts) + 1;
    this.#window.splice(at, 0, pts);
    const missing = this.#depth + 1 - this.#window.length;
    const earliest = (this.#window[0] ?? pts) - missing * this.#frameUs;
    if (missing <= 0) this.#window.shift();
    if (pts <= this.#last && this.#depth < MAX_DEPTH) this.#deepen(earliest, missing);
    this.#last = Math.max(earliest, this.#last + 1);
    return this.#last;
  }

  /** A picture that should have come earlier: from now on one more is waited for. */
  #deepen(earliest: number, missing: number): void {
    this.#depth++;
    if (missing <= 0) this.#window.unshift(earliest);
  }
}
