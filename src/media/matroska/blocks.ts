import { blockHead, MAX_BLOCK_HEAD_BYTES, uintOf } from '../ebmlRead.ts';
import type { Element, ElementFile } from './elementFile.ts';
import { ID } from './ids.ts';

/** What the header of a block says. Times in ticks of the Segment. */
export interface Block {
  readonly track: number;
  readonly time: number;
  readonly key: boolean;
  readonly duration: number | undefined;
  /** Length of what it carries; one frame in what FFmpeg writes. */
  readonly bytes: number;
}

const KEY_FLAG = 0x80;
/** A longer integer is refused by its reader. */
const MAX_UINT_BYTES = 8;
/** From this value on an ID has four bytes, as those of a Segment's children have and a Cluster's have not. */
const FOUR_BYTE_ID = 0x10000000;

/** Reads the headers of a cluster's blocks, one after the other, up to the first child that is not whole. */
export class BlockReader {
  readonly #file: ElementFile;
  readonly #limit: number;
  #at: number;
  #clusterTime = 0;

  constructor(file: ElementFile, cluster: Element) {
    this.#file = file;
    this.#at = cluster.body;
    this.#limit = Math.min(cluster.end ?? Infinity, file.size);
  }

  /** End of what is whole, once {@link next} has said that there is no more. */
  get end(): number {
    return this.#at;
  }

  async next(): Promise<Block | undefined> {
    while (this.#at < this.#limit) {
      const child = await this.#file.element(this.#at);
      if (child?.end === undefined || child.end > this.#limit || child.id >= FOUR_BYTE_ID) return undefined;
      const block = await this.#read(child, child.end);
      if (block === 'damaged') return undefined;
      this.#at = child.end;
      if (block !== undefined) return block;
    }
    return undefined;
  }

  async #read(child: Element, end: number): Promise<Block | 'damaged' | undefined> {
    try {
      switch (child.id) {
        case ID.timestamp:
          this.#clusterTime = await this.#uint(child, end);
          return undefined;
        case ID.simpleBlock:
          return await this.#block(child, end, undefined, undefined);
        case ID.blockGroup:
          return await this.#group(child, end);
        default:
          return undefined;
      }
    } catch (error) {
      if (error instanceof RangeError) return 'damaged';
      throw error;
    }
  }

  /** A block that refers to no other one is a key frame (RFC 9559, 5.1.3.5.5). */
  async #group(group: Element, end: number): Promise<Block | undefined> {
    let block: { child: Element; end: number } | undefined;
    let duration: number | undefined;
    let refers = false;
    for (let at = group.body; at < end;) {
      const child = await this.#file.element(at);
      if (child?.end === undefined || child.end > end) throw new RangeError('child longer than its group');
      if (child.id === ID.block) block = { child, end: child.end };
      else if (child.id === ID.referenceBlock) refers = true;
      else if (child.id === ID.blockDuration) duration = await this.#uint(child, child.end);
      at = child.end;
    }
    return block === undefined ? undefined : this.#block(block.child, block.end, !refers, duration);
  }

  async #uint({ body }: Element, end: number): Promise<number> {
    const value = uintOf(await this.#file.bytes(body, Math.min(MAX_UINT_BYTES + 1, end - body)));
    if (!Number.isSafeInteger(value)) throw new RangeError('integer above 2^53');
    return value;
  }

  async #block(
    { body }: Element,
    end: number,
    isKey: boolean | undefined,
    duration: number | undefined,
  ): Promise<Block> {
    const bytes = await this.#file.bytes(body, Math.min(MAX_BLOCK_HEAD_BYTES, end - body));
    const { track, ticks, flags, bytes: headBytes } = blockHead(bytes);
    return {
      track,
      time: Math.max(0, this.#clusterTime + ticks),
      key: isKey ?? (flags & KEY_FLAG) !== 0,
      duration,
      bytes: end - body - headBytes,
    };
  }
}
