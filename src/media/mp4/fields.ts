import type { Box } from './boxes.ts';

/** Reads the 32-bit fields of a box with version and flags (ISO 14496-12, 4.2) one after another. */
export class Fields {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;
  readonly version: number;
  readonly flags: number;

  constructor(bytes: Buffer, box: Box) {
    this.#bytes = bytes;
    this.#end = box.end;
    this.version = bytes.readUInt8(box.body);
    this.flags = bytes.readUIntBE(box.body + 1, 3);
    this.#at = box.body + 4;
  }

  /** Where the next field starts. */
  get at(): number {
    return this.#at;
  }

  /** @throws RangeError when the box has no further field. */
  u32(): number {
    this.#at += 4;
    if (this.#at > this.#end) throw new RangeError('a box ends early');
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  i32(): number {
    return this.u32() | 0;
  }

  u64(): number {
    return this.u32() * 2 ** 32 + this.u32();
  }

  /** The next word when `flag` is set, else `otherwise`. */
  optional(flag: number, otherwise: number): number {
    return (this.flags & flag) === 0 ? otherwise : this.u32();
  }
}
