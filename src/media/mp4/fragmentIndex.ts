import { open, type FileHandle } from 'node:fs/promises';

/** Place in the file (6 bytes, big endian) and length (4 bytes) before each copy. */
const HEAD_BYTES = 10;
/** Longest copy: an ordinary fragment needs less than a kilobyte of it. */
export const MAX_COPY_BYTES = 32 * 1024;
/** Bytes read at once, some 180 fragments: to parse them takes a millisecond, after which others have a turn. */
const BLOCK_BYTES = 64 * 1024;

/** An entry of an index: a copy of the `bytes` that stand at `offset` of a file. */
export function indexEntry(offset: number, bytes: Buffer): Buffer {
  const entry = Buffer.allocUnsafeSlow(HEAD_BYTES + bytes.length);
  entry.writeUIntBE(offset, 0, 6);
  entry.writeUInt32BE(bytes.length, 6);
  bytes.copy(entry, HEAD_BYTES);
  return entry;
}

/**
 * Copies of what a walk over the boxes of a file needs, one behind another, so that ten thousands of places of a large
 * file are read with few reads. It may end anywhere and lack anything, but must be of this very file.
 */
export class FragmentIndex {
  readonly #handle: FileHandle;
  readonly #block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  /** Of the index; where the block was read up to. */
  #position = 0;
  #filled = 0;
  /** The entry in the block that comes next. */
  #at = 0;
  #hasEnded = false;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Undefined where there is none, or none that can be opened. */
  static async open(path: string): Promise<FragmentIndex | undefined> {
    const handle = await open(path, 'r').catch(() => undefined);
    return handle && new FragmentIndex(handle);
  }

  /**
   * The copy of what stands at `offset`, valid until the next call; undefined when there is none. Offsets asked for may
   * only grow. A promise only where a read has to be waited for.
   */
  at(offset: number): Buffer | undefined | Promise<Buffer | undefined> {
    while (!this.#hasEnded) {
      const copy = this.#at + HEAD_BYTES;
      if (copy > this.#filled) return this.#readOn(offset);
      const length = this.#block.readUInt32BE(this.#at + 6);
      if (length > MAX_COPY_BYTES) break;
      if (copy + length > this.#filled) return this.#readOn(offset);
      const start = this.#block.readUIntBE(this.#at, 6);
      if (start > offset) return undefined;
      if (start === offset) return this.#block.subarray(copy, copy + length);
      this.#at = copy + length;
    }
    this.#hasEnded = true;
    return undefined;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  /** An index that cannot be read has ended: it is only a faster way. */
  async #readOn(offset: number): Promise<Buffer | undefined> {
    this.#block.copyWithin(0, this.#at, this.#filled);
    this.#filled -= this.#at;
    this.#at = 0;
    const bytesRead = await this.#handle
      .read(this.#block, this.#filled, BLOCK_BYTES - this.#filled, this.#position)
      .then(
        (read) => read.bytesRead,
        () => 0,
      );
    this.#hasEnded = bytesRead === 0;
    this.#position += bytesRead;
    this.#filled += bytesRead;
    return this.at(offset);
  }
}
