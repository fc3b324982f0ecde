const FIRST_BYTES = 1024;

/** A growing array of big-endian 32-bit words: the content of a sample table as it goes into the file. */
export class GrowingTable {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #length = 0;

  /** Words held. */
  get length(): number {
    return this.#length / 4;
  }

  /** The words as bytes; valid until the next push. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Appends an integer from -2^31 to 2^32 - 1. */
  push(value: number): void {
    if (this.#length === this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(this.#length * 2);
      this.#bytes.copy(grown);
      this.#bytes = grown;
    }
    this.#length = this.#bytes.writeInt32BE(value | 0, this.#length);
  }

  /** Replaces the word `back` places before the end (1 is the last). */
  replaceLast(back: number, value: number): void {
    this.#bytes.writeInt32BE(value | 0, this.#length - back * 4);
  }
}

/** Pairs of (count, value): the run-length form of `stts` and `ctts`. */
export class RunTable {
  readonly #table = new GrowingTable();
  #value: number | undefined;
  #count = 0;

  /** Pairs held. */
  get length(): number {
    return this.#table.length / 2;
  }

  get bytes(): Buffer {
    return this.#table.bytes;
  }

  push(value: number): void {
    if (value === this.#value) {
      this.#table.replaceLast(2, ++this.#count);
      return;
    }
    this.#value = value;
    this.#count = 1;
    this.#table.push(1);
    this.#table.push(value);
  }
}
