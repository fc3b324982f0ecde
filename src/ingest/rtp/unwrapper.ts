/**
 * Makes the wrapping counters of RTP (16-bit sequence numbers, 32-bit timestamps) extended numbers that do not wrap.
 * A value is taken as the nearest to the reference, so jumps up to half the range are told apart in both directions.
 */
export class Unwrapper {
  readonly #modulus: number;
  #reference: number | undefined;

  constructor(bits: 16 | 32) {
    this.#modulus = 2 ** bits;
  }

  /** The extended number nearest to the reference; the reference stays. The first value starts one range above zero. */
  peek(value: number): number {
    const modulus = this.#modulus;
    if (this.#reference === undefined) return value + modulus;
    const forward = (((value - this.#reference) % modulus) + modulus) % modulus;
    return this.#reference + (forward < modulus / 2 ? forward : forward - modulus);
  }

  /** Like `peek`, and the result becomes the reference. */
  follow(value: number): number {
    this.#reference = this.peek(value);
    return this.#reference;
  }

  /** Like `peek`, and the result becomes the reference when it is higher. */
  raise(value: number): number {
    const extended = this.peek(value);
    if (this.#reference === undefined || extended > this.#reference) this.#reference = extended;
    return extended;
  }

  get isStarted(): boolean {
    return this.#reference !== undefined;
  }

  /** Forgets the reference. */
  reset(): void {
    this.#reference = undefined;
  }
}
