import type { FileHandle } from 'node:fs/promises';
import { PromptReads } from '../promptReads.ts';
import { boxHeader, MAX_HEADER_BYTES, Mp4Error, type Box } from './boxes.ts';
import type { FragmentIndex } from './fragmentIndex.ts';

/** Bytes fetched around a place: a usual `moof` and the header behind it, or a fragment of an audio file. */
const WINDOW_BYTES = 2 * 1024;

/**
 * Reads boxes of a file through a small window, so that media is skipped and memory stays bounded. What is asked for
 * comes as a promise only where the disk has to be waited for (see `PromptReads`).
 */
export class BoxFile {
  readonly #reads: PromptReads;
  readonly #index: FragmentIndex | undefined;
  /** Bytes, as of opening. */
  readonly size: number;
  readonly #buffer = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  #window: Buffer = this.#buffer.subarray(0, 0);
  #windowStart = 0;

  /** @param index of this very file; it is read from the beginning to the end. */
  constructor(handle: FileHandle, size: number, index?: FragmentIndex) {
    this.#reads = new PromptReads(handle);
    this.#index = index;
    this.size = size;
  }

  /** The box header at `offset`, undefined when there is none. The box may end beyond the file. */
  header(offset: number): Box | undefined | Promise<Box | undefined> {
    const moved = this.#moveTo(offset, Math.min(MAX_HEADER_BYTES, this.size - offset));
    return moved === undefined ? this.#header(offset) : moved.then(() => this.#header(offset));
  }

  /**
   * The whole box, header included. Valid until the next call.
   * @throws Mp4Error `corrupt` when it is longer than `maxBytes`.
   */
  read(box: Box, maxBytes: number): Buffer | Promise<Buffer> {
    const length = box.end - box.start;
    if (length > maxBytes) throw new Mp4Error('corrupt', `${box.type} of ${length} bytes at ${box.start}`);
    const moved = this.#moveTo(box.start, length);
    return moved === undefined ? this.#bytes(box) : moved.then(() => this.#bytes(box));
  }

  #header(offset: number): Box | undefined {
    return boxHeader(this.#window, offset - this.#windowStart, this.#windowStart);
  }

  #bytes({ start, end }: Box): Buffer {
    return this.#window.subarray(start - this.#windowStart, end - this.#windowStart);
  }

  /** Has the window hold `length` bytes from `offset` on; a promise when that has to be waited for. */
  #moveTo(offset: number, length: number): Promise<void> | undefined {
    const from = offset - this.#windowStart;
    if (from >= 0 && from + length <= this.#window.length) return undefined;
    const copy = this.#index?.at(offset);
    if (copy instanceof Promise) return copy.then((bytes) => this.#moveOver(bytes, offset, length));
    return this.#moveOver(copy, offset, length);
  }

  /** @param copy what the index has of it. */
  #moveOver(copy: Buffer | undefined, offset: number, length: number): Promise<void> | undefined {
    if (copy !== undefined && copy.length >= length) {
      this.#place(copy, offset, length);
      return undefined;
    }
    const filled = this.#reads.read(this.#target(offset, length), offset);
    if (filled instanceof Promise) return filled.then((bytes) => this.#place(bytes, offset, length));
    this.#place(filled, offset, length);
    return undefined;
  }

  /** Where to read to: nothing behind the end that the file had, nor more than `length` beyond the usual. */
  #target(offset: number, length: number): Buffer {
    if (length > WINDOW_BYTES) return Buffer.allocUnsafeSlow(length);
    const left = this.size - offset;
    return left < WINDOW_BYTES ? this.#buffer.subarray(0, left) : this.#buffer;
  }

  #place(filled: Buffer, offset: number, length: number): void {
    if (filled.length < length) throw new Mp4Error('corrupt', 'the file shrank while it was read');
    this.#window = filled;
    this.#windowStart = offset;
  }
}
