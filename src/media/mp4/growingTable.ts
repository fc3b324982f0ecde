/** Words that are set aside at once: little for a short file, and no copying of what a long one has. */
const FIRST_WORDS = 256;
const MAX_WORDS = 16 * 1024;

/** A growing array of big-endian 32-bit words: the content of a sample table as it goes into the file. */
export class GrowingTable {
  readonly #full: Buffer[] = [];
  #fullWords = 0;
  #view = new DataView(new ArrayBuffer(FIRST_WORDS * 4));
  #viewBytes = FIRST_WORDS * 4;
  /** Bytes used of the view. */
  #at = 0;

  /** Words held. */
  get length(): number {
    return this.#fullWords + this.#at / 4;
  }

  /** The words as bytes; valid until the next push. */
  get bytes(): Buffer[] {
    return [...this.#full, Buffer.from(this.#view.buffer, 0, this.#at)];
  }

  /** Appends an integer from -2^31 to 2^32 - 1. */
  push(value: number): void {
    if (this.#at === this.#viewBytes) this.#grow();
    this.#view.setInt32(this.#at, value);
    this.#at += 4;
  }

  #grow(): void {
    this.#full.push(Buffer.from(this.#view.buffer));
    this.#fullWords += this.#at / 4;
    this.#viewBytes = Math.min(this.#at * 2, MAX_WORDS * 4);
    this.#view = new DataView(new ArrayBuffer(this.#viewBytes));
    this.#at = 0;
  }
}

/** Pairs of (count, value): the run-length form of `stts` and `ctts`. */
export class RunTable {
  readonly #table = new GrowingTable();
  #value = 0;
  /** 0 before the first value. */
  #count = 0;

  push(value: number): void {
    if (value === this.#value) {
      this.#count++;
      return;
    }
    this.#close();
    this.#value = value;
    this.#count = 1;
  }

  /** The pairs, and how many they are. Call once, after the last value. */
  finish(): { readonly pairs: number; readonly bytes: Buffer[] } {
    this.#close();
    return { pairs: this.#table.length / 2, bytes: this.#table.bytes };
  }

  #close(): void {
    if (this.#count === 0) return;
    this.#table.push(this.#count);
    this.#table.push(this.#value);
  }
}
