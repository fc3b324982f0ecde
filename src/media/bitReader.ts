/** Reads bits, most significant first. Every read past the end throws RangeError. */
export class BitReader {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Unsigned integer of `count` bits, 0 to 32. */
  bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) value = value * 2 + this.bit();
    return value;
  }

  bit(): 0 | 1 {
    const byte = this.#bytes[this.#position >> 3];
    if (byte === undefined) throw new RangeError('bits end early');
    const bit = (byte >> (7 - (this.#position & 7))) & 1;
    this.#position++;
    return bit === 1 ? 1 : 0;
  }

  flag(): boolean {
    return this.bit() === 1;
  }

  skip(count: number): void {
    this.#position += count;
  }

  /** Unsigned Exp-Golomb, ue(v) of H.264 9.1. @throws RangeError beyond 32 bits. */
  ue(): number {
    let zeros = 0;
    while (this.bit() === 0) if (++zeros > 31) throw new RangeError('Exp-Golomb code too long');
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** Signed Exp-Golomb, se(v) of H.264 9.1.1. */
  se(): number {
    const code = this.ue();
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
  }
}
