import { read } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { PromptReads } from '../promptReads.ts';
import { boxHeader, MAX_HEADER_BYTES, Mp4Error, type Box } from './boxes.ts';

/** Bytes fetched at a place nobody announced: a usual `moof` and the header behind it, or the fragment of an audio file. */
const WINDOW_BYTES = 1024;
/** As much of a file in which longer boxes were met. */
const MAX_WINDOW_BYTES = 4 * 1024;
/** Bytes fetched at an announced place: a usual `moof` and the header behind it. */
const AHEAD_BYTES = 2 * 1024;
/** Announced places fetched at once where the disk has to be waited for: it is, then, for all of them together. */
const AHEAD = 64;

/** Reads boxes of a file through small windows, so that media is skipped and memory stays bounded. */
export class BoxFile {
  readonly #handle: FileHandle;
  readonly #reads: PromptReads;
  /** Bytes, as of opening. */
  readonly size: number;
  readonly #buffer = Buffer.allocUnsafeSlow(MAX_WINDOW_BYTES);
  #windowBytes = WINDOW_BYTES;
  readonly #aheadBuffer = Buffer.allocUnsafeSlow(AHEAD * AHEAD_BYTES);
  #window: Buffer = this.#buffer.subarray(0, 0);
  #windowStart = 0;
  #expected: readonly number[] = [];
  #nextExpected = 0;
  #ahead = new Map<number, Buffer>();

  constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.#reads = new PromptReads(handle);
    this.size = size;
  }

  /** Announces, in ascending order, where boxes will be read, so that they are fetched together. Only a hint. */
  expect(offsets: readonly number[]): void {
    this.#expected = offsets;
    this.#nextExpected = 0;
  }

  /** The box header at `offset`, undefined when there is none. The box may end beyond the file. */
  async header(offset: number): Promise<Box | undefined> {
    return boxHeader(await this.#view(offset, Math.min(MAX_HEADER_BYTES, this.size - offset)), 0, offset);
  }

  /**
   * The whole box, header included. Valid until the next call.
   * @throws Mp4Error `corrupt` when it is longer than `maxBytes`.
   */
  async read(box: Box, maxBytes: number): Promise<Buffer> {
    const length = box.end - box.start;
    if (length > maxBytes) throw new Mp4Error('corrupt', `${box.type} of ${length} bytes at ${box.start}`);
    return this.#view(box.start, length);
  }

  async #view(offset: number, length: number): Promise<Buffer> {
    const from = offset - this.#windowStart;
    if (from >= 0 && from + length <= this.#window.length) return this.#window.subarray(from, from + length);
    if (length > MAX_WINDOW_BYTES) return this.#fill(Buffer.allocUnsafeSlow(length), offset, length);
    if (!this.#reads.isPrompt && !this.#ahead.has(offset)) await this.#fetchAhead(offset);
    const ahead = this.#ahead.get(offset);
    const fits = ahead !== undefined && ahead.length >= length;
    if (length > this.#windowBytes) this.#windowBytes = MAX_WINDOW_BYTES;
    this.#window = fits
      ? ahead
      : await this.#fill(this.#buffer.subarray(0, this.#windowBytes), offset, length);
    this.#windowStart = offset;
    return this.#window.subarray(0, length);
  }

  /** Fetches the announced places from `offset` on, if it is one of them. */
  async #fetchAhead(offset: number): Promise<void> {
    const expected = this.#expected;
    while ((expected[this.#nextExpected] ?? Infinity) < offset) this.#nextExpected++;
    if (expected[this.#nextExpected] !== offset) return;
    const starts = expected.slice(this.#nextExpected, this.#nextExpected + AHEAD);
    this.#ahead = await this.#readAll(starts);
    this.#reads.handedOver(starts.length);
  }

  /** Starts every read at once. Callbacks, since a promise for each of thousands of reads would double their cost. */
  #readAll(starts: readonly number[]): Promise<Map<number, Buffer>> {
    return new Promise((resolve, reject) => {
      const windows = new Map<number, Buffer>();
      let left = starts.length;
      let failure: Error | null = null;
      starts.forEach((start, i) => {
        const target = this.#aheadBuffer.subarray(i * AHEAD_BYTES, (i + 1) * AHEAD_BYTES);
        read(this.#handle.fd, target, 0, AHEAD_BYTES, start, (error, bytesRead) => {
          failure ??= error;
          windows.set(start, target.subarray(0, bytesRead));
          if (--left > 0) return;
          if (failure === null) resolve(windows);
          else reject(failure);
        });
      });
    });
  }

  /** Reads as much as fits, at least `length` bytes. */
  async #fill(target: Buffer, offset: number, length: number): Promise<Buffer> {
    const filled = await this.#reads.read(target, offset);
    if (filled.length < length) throw new Mp4Error('corrupt', 'the file shrank while it was read');
    return filled;
  }
}
