/**
 * Bytes that come in chunks, taken in pieces: a piece that lies in one chunk is a view of it, one that spans chunks
 * is copied once. After `take` answered undefined, the next call must ask for the same length again.
 */
export class ByteFeed {
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;
  #target: Buffer | undefined;
  #filled = 0;

  /** Adds a chunk; the one before must have been taken to its end. */
  push(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** The next byte, without taking it; undefined when there is none. */
  peek(): number | undefined {
    return this.#chunk[this.#at];
  }

  /** The next `length` bytes; undefined when they are not there yet, with what is there kept. */
  take(length: number): Buffer | undefined {
    const left = this.#chunk.length - this.#at;
    if (this.#target === undefined) {
      if (left >= length) return this.#chunk.subarray(this.#at, (this.#at += length));
      this.#target = Buffer.allocUnsafeSlow(length);
      this.#filled = 0;
    }
    const copied = this.#chunk.copy(this.#target, this.#filled, this.#at);
    this.#at += copied;
    this.#filled += copied;
    if (this.#filled < this.#target.length) return undefined;
    const whole = this.#target;
    this.#target = undefined;
    return whole;
  }

  /** Passes over at most `length` bytes. @returns how many were there. */
  skip(length: number): number {
    const skipped = Math.min(length, this.#chunk.length - this.#at);
    this.#at += skipped;
    return skipped;
  }
}
