import type { FileHandle } from 'node:fs/promises';
import { elementHead } from '../ebmlRead.ts';
import { PromptReads } from '../promptReads.ts';
import { ID, LEVEL_1 } from './ids.ts';
import { MatroskaError } from './matroskaError.ts';

/** Bytes fetched around a place: the first blocks of a cluster, some blocks of audio. */
const WINDOW_BYTES = 8 * 1024;
/** Longest header: an ID of 4 bytes and a size of 8. */
export const MAX_HEAD_BYTES = 12;
/** A Cluster begins with its time, or before it with a checksum, or with what an earlier run made of that. */
const CLUSTER_BEGINNINGS: ReadonlySet<number> = new Set([ID.timestamp, ID.crc32, ID.void]);
const CLUSTER_ID = Buffer.from([0x1f, 0x43, 0xb6, 0x75]);

/** Where an element lies in the file, in bytes: header from `start`, content from `body` up to `end`. */
export interface Element {
  readonly id: number;
  readonly start: number;
  readonly body: number;
  /** As its size says, which may be beyond the file; undefined when the size is unknown. */
  readonly end: number | undefined;
}

/** Reads elements of a file through a small window, so that media is skipped and memory stays bounded. */
export class ElementFile {
  readonly #reads: PromptReads;
  /** Bytes, as of opening. */
  readonly size: number;
  readonly #buffer = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  #window: Buffer = this.#buffer.subarray(0, 0);
  #windowStart = 0;

  constructor(handle: FileHandle, size: number) {
    this.#reads = new PromptReads(handle);
    this.size = size;
  }

  /** The element that starts at `at`, undefined when there is none or its header is cut. */
  async element(at: number): Promise<Element | undefined> {
    const head = elementHead(await this.#view(at, MAX_HEAD_BYTES));
    if (head === undefined) return undefined;
    const body = at + head.bytes;
    const end = head.size === undefined ? undefined : body + head.size;
    if (end !== undefined && !Number.isSafeInteger(end)) return undefined;
    return { id: head.id, start: at, body, end };
  }

  /** An element that may stand in a Segment. */
  async topElement(at: number): Promise<Element | undefined> {
    const found = await this.element(at);
    return found !== undefined && LEVEL_1.has(found.id) ? found : undefined;
  }

  /** Up to `length` bytes, fewer at the end of the file. Valid until the next call. */
  async bytes(at: number, length: number): Promise<Buffer> {
    return this.#view(at, length);
  }

  /**
   * The content of an element that is wholly in the file. Valid until the next call.
   * @throws MatroskaError `corrupt` when it is longer than `maxBytes`.
   */
  async content({ start, body, end = Infinity }: Element, maxBytes: number): Promise<Buffer> {
    const length = end - body;
    if (length > maxBytes) throw new MatroskaError('corrupt', `element of ${length} bytes at ${start}`);
    return this.#view(body, length);
  }

  /** Where the next Cluster starts at or behind `from`; reads all that is between. */
  async nextCluster(from: number): Promise<number | undefined> {
    for (let at = from; at < this.size;) {
      const window = await this.#view(at, WINDOW_BYTES);
      const found = window.indexOf(CLUSTER_ID);
      if (found < 0) {
        at += Math.max(1, window.length - CLUSTER_ID.length + 1);
        continue;
      }
      if (await this.#isCluster(at + found)) return at + found;
      at += found + 1;
    }
    return undefined;
  }

  async #isCluster(at: number): Promise<boolean> {
    const cluster = await this.element(at);
    const child = cluster === undefined ? undefined : await this.element(cluster.body);
    return child !== undefined && CLUSTER_BEGINNINGS.has(child.id);
  }

  async #view(at: number, wanted: number): Promise<Buffer> {
    const length = Math.max(0, Math.min(wanted, this.size - at));
    const from = at - this.#windowStart;
    if (from >= 0 && from + length <= this.#window.length) return this.#window.subarray(from, from + length);
    if (length > WINDOW_BYTES) return this.#fill(Buffer.allocUnsafeSlow(length), at, length);
    this.#window = await this.#fill(this.#buffer, at, length);
    this.#windowStart = at;
    return this.#window.subarray(0, length);
  }

  /** Reads as much as fits, at least `length` bytes. */
  async #fill(target: Buffer, at: number, length: number): Promise<Buffer> {
    const filled = await this.#reads.read(target, at);
    if (filled.length < length) throw new MatroskaError('corrupt', 'the file shrank while it was read');
    return filled;
  }
}
