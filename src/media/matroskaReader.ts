import { ByteFeed } from './byteFeed.ts';
import { ContainerError } from './demuxed.ts';
import type { DemuxHandler, Demuxer } from './demuxed.ts';
import { blockHead, readElements, sizeOf, uintOf } from './ebmlRead.ts';
import { readTracks } from './matroskaTracks.ts';

/** Element IDs of RFC 9559, 5.1 and of RFC 8794, 11.2. */
const ID = {
  ebml: 0x1a45dfa3,
  segment: 0x18538067,
  info: 0x1549a966,
  timestampScale: 0x2ad7b1,
  tracks: 0x1654ae6b,
  cluster: 0x1f43b675,
  timestamp: 0xe7,
  simpleBlock: 0xa3,
  blockGroup: 0xa0,
  block: 0xa1,
  referenceBlock: 0xfb,
} as const;

/** Elements whose children are read where they stand, so that their own size, often unknown, does not matter. */
const OPENED: ReadonlySet<number> = new Set([ID.segment, ID.cluster]);
/** Elements that are gathered whole. Every other one is passed over. */
const WHOLE: ReadonlySet<number> = new Set([ID.info, ID.tracks, ID.timestamp, ID.simpleBlock, ID.blockGroup]);
const MAX_ID_BYTES = 4;
const MAX_SIZE_BYTES = 8;
const KEY_FLAG = 0x80;
const LACING_FLAGS = 0x06;
const DEFAULT_SCALE_NS = 1_000_000;

type State = 'id' | 'size' | 'body' | 'skip';

export interface MatroskaReaderOptions {
  /** Bound of one frame or one header, bytes. */
  readonly maxElementBytes: number;
  /** Block times are this many times as large as the real ones; durations and delays are not. */
  readonly timeScale: number;
}

/**
 * Reads live Matroska (RFC 9559): tracks and blocks, no lacing, no encryption. Frames are views of the chunks where
 * that is possible.
 */
export class MatroskaReader implements Demuxer {
  readonly #handler: DemuxHandler;
  readonly #options: MatroskaReaderOptions;
  readonly #feed = new ByteFeed();
  #state: State = 'id';
  #hasBegun = false;
  /** Length of the field that is being read, 0 between fields. */
  #idBytes = 0;
  #sizeBytes = 0;
  #id = 0;
  #size = 0;
  #scaleNs = DEFAULT_SCALE_NS;
  #clusterTicks = 0;
  /** What the writer added to the blocks of a track, unscaled. */
  readonly #delaysUs = new Map<number, number>();

  constructor(handler: DemuxHandler, options: MatroskaReaderOptions) {
    this.#handler = handler;
    this.#options = options;
  }

  write(chunk: Buffer): void {
    this.#feed.push(chunk);
    try {
      while (this.#step());
      if (this.#state === 'id' && this.#idBytes === 0) this.#handler.onPause?.();
    } catch (error) {
      // The readers of elements read past the end of damaged ones.
      if (error instanceof RangeError)
        throw new ContainerError(`Matroska element cut short: ${error.message}`);
      throw error;
    }
  }

  /** @returns false when more bytes are needed. */
  #step(): boolean {
    switch (this.#state) {
      case 'id':
        return this.#readId();
      case 'size':
        return this.#readSize();
      case 'body':
        return this.#readBody();
      case 'skip':
        this.#size -= this.#feed.skip(this.#size);
        if (this.#size > 0) return false;
        this.#state = 'id';
        return true;
    }
  }

  #readId(): boolean {
    if (this.#idBytes === 0) {
      const first = this.#feed.peek();
      if (first === undefined) return false;
      this.#idBytes = Math.clz32(first) - 23;
      if (this.#idBytes > MAX_ID_BYTES) throw new ContainerError('Matroska element without a valid ID');
    }
    const bytes = this.#feed.take(this.#idBytes);
    if (bytes === undefined) return false;
    this.#id = bytes.readUIntBE(0, this.#idBytes);
    this.#idBytes = 0;
    if (!this.#hasBegun && this.#id !== ID.ebml) throw new ContainerError('not Matroska');
    this.#hasBegun = true;
    this.#state = 'size';
    return true;
  }

  #readSize(): boolean {
    if (this.#sizeBytes === 0) {
      const first = this.#feed.peek();
      if (first === undefined) return false;
      this.#sizeBytes = Math.clz32(first) - 23;
      if (this.#sizeBytes > MAX_SIZE_BYTES) throw new ContainerError('Matroska element without a valid size');
    }
    const bytes = this.#feed.take(this.#sizeBytes);
    if (bytes === undefined) return false;
    const size = sizeOf(bytes);
    this.#sizeBytes = 0;
    this.#enter(size);
    return true;
  }

  #enter(size: number | undefined): void {
    if (OPENED.has(this.#id)) {
      this.#state = 'id';
      return;
    }
    if (size === undefined) throw new ContainerError('Matroska element of unknown size');
    this.#size = size;
    this.#state = WHOLE.has(this.#id) ? 'body' : 'skip';
    if (this.#state === 'body' && size > this.#options.maxElementBytes) {
      throw new ContainerError(`Matroska element of ${size} bytes is too large`);
    }
  }

  #readBody(): boolean {
    const body = this.#feed.take(this.#size);
    if (body === undefined) return false;
    this.#state = 'id';
    switch (this.#id) {
      case ID.simpleBlock:
        this.#block(body, undefined);
        break;
      case ID.timestamp:
        this.#clusterTicks = uintOf(body);
        break;
      case ID.blockGroup:
        this.#blockGroup(body);
        break;
      case ID.tracks:
        this.#tracks(body);
        break;
      case ID.info:
        for (const { id, body: value } of readElements(body)) {
          if (id === ID.timestampScale) this.#scaleNs = uintOf(value);
        }
        break;
    }
    return true;
  }

  #tracks(body: Buffer): void {
    const tracks = readTracks(body);
    const has = (kind: string): boolean => tracks.some((each) => each.kind === kind);
    this.#handler.onKinds({ audio: has('audio'), video: has('video') });
    for (const { codecDelayNs, ...track } of tracks) {
      this.#delaysUs.set(track.number, codecDelayNs / 1000);
      this.#handler.onTrack(track);
    }
  }

  /** A block that refers to no other one is a key frame (RFC 9559, 5.1.3.5.5). */
  #blockGroup(body: Buffer): void {
    let block: Buffer | undefined;
    let refers = false;
    for (const each of readElements(body)) {
      if (each.id === ID.block) block = each.body;
      else if (each.id === ID.referenceBlock) refers = true;
    }
    if (block !== undefined) this.#block(block, !refers);
  }

  #block(body: Buffer, isKey: boolean | undefined): void {
    const { track, ticks: sinceCluster, flags, bytes } = blockHead(body);
    if ((flags & LACING_FLAGS) !== 0) throw new ContainerError('laced Matroska blocks are not supported');
    const ticks = this.#clusterTicks + sinceCluster;
    this.#handler.onFrame({
      track,
      dts: undefined,
      pts: ((ticks * this.#scaleNs) / 1000 - (this.#delaysUs.get(track) ?? 0)) / this.#options.timeScale,
      key: isKey ?? (flags & KEY_FLAG) !== 0,
      data: body.subarray(bytes),
    });
  }
}
