import { aacFormat } from '../../media/aac.ts';
import { BitReader } from '../../media/bitReader.ts';
import type { AudioFormat, Depacketiser, DepacketiserInit, DepacketiserOutput } from './depacketiser.ts';
import { FrameBuffer } from './frameBuffer.ts';

const FRAME_SAMPLES = 1024;
/** A packet of the shortest possible frames; more are an attack. */
const MAX_FRAMES = 256;

function toNumber(text: string | undefined, fallback: number, max: number): number {
  const value = Number(text);
  return text !== undefined && Number.isInteger(value) && value >= 0 && value <= max ? value : fallback;
}

/** The format that an AudioSpecificConfig describes; undefined when it makes no sense. */
export function aacAudioFormat(config: Buffer): AudioFormat | undefined {
  try {
    const format = aacFormat(config);
    return (
      format && {
        kind: 'audio',
        codec: 'aac',
        config,
        sampleRate: format.sampleRate,
        channels: format.channels,
      }
    );
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** AAC in mpeg4-generic packets, modes AAC-hbr and AAC-lbr (RFC 3640, 3.2 and 3.3). */
export class AacDepacketiser implements Depacketiser {
  readonly #output: DepacketiserOutput;
  readonly #format: AudioFormat | undefined;
  readonly #sizeBits: number;
  readonly #indexBits: number;
  readonly #deltaBits: number;
  readonly #frameTicks: number;
  /** A frame that comes in fragments: what is there, its announced size and its time. */
  readonly #fragments: FrameBuffer;
  #fragmentBytes = 0;
  #fragmentSize = 0;
  #fragmentTimestamp = 0;
  #isKnown = false;

  constructor(init: DepacketiserInit, output: DepacketiserOutput) {
    this.#output = output;
    this.#format = aacAudioFormat(Buffer.from(init.fmtp.get('config') ?? '', 'hex'));
    const isLowRate = init.fmtp.get('mode')?.toLowerCase() === 'aac-lbr';
    this.#sizeBits = toNumber(init.fmtp.get('sizelength'), isLowRate ? 6 : 13, 24);
    this.#indexBits = toNumber(init.fmtp.get('indexlength'), isLowRate ? 2 : 3, 24);
    this.#deltaBits = toNumber(init.fmtp.get('indexdeltalength'), isLowRate ? 2 : 3, 24);
    // With SBR the RTP clock may run at the doubled rate, and a frame lasts twice the ticks.
    const ratio = init.clockRate / (this.#format?.sampleRate ?? init.clockRate);
    this.#frameTicks =
      toNumber(init.fmtp.get('constantduration'), 0, 65_536) || Math.round(FRAME_SAMPLES * ratio);
    this.#fragments = new FrameBuffer(init.maxFrameBytes);
  }

  startsKeyFrame(): boolean {
    return true;
  }

  push(payload: Buffer, timestamp: number): void {
    const sizes = this.#format === undefined ? undefined : this.#sizes(payload);
    if (sizes === undefined) {
      this.#discard();
      return;
    }
    let at = 2 + Math.ceil(payload.readUInt16BE(0) / 8);
    const [first = 0] = sizes;
    if (sizes.length === 1 && first > payload.length - at) {
      this.#fragment(payload.subarray(at), first, timestamp);
      return;
    }
    if (this.#fragmentBytes > 0) this.#discard();
    for (let i = 0; i < sizes.length; i++) {
      const size = sizes[i] ?? 0;
      if (size === 0 || at + size > payload.length) {
        this.#discard();
        return;
      }
      this.#deliver(payload.subarray(at, at + size), timestamp + i * this.#frameTicks);
      at += size;
    }
  }

  gap(): void {
    if (this.#fragmentBytes > 0) this.#discard();
  }

  flush(): void {
    this.gap();
  }

  /** Frame sizes from the AU headers; undefined when they are malformed or the frames are interleaved. */
  #sizes(payload: Buffer): readonly number[] | undefined {
    if (payload.length < 2 || this.#sizeBits === 0) return undefined;
    const headerBits = payload.readUInt16BE(0);
    if (2 + Math.ceil(headerBits / 8) > payload.length) return undefined;
    const bits = new BitReader(payload.subarray(2));
    const sizes: number[] = [];
    let used = 0;
    while (sizes.length < MAX_FRAMES) {
      const indexBits = sizes.length === 0 ? this.#indexBits : this.#deltaBits;
      used += this.#sizeBits + indexBits;
      if (used > headerBits) break;
      sizes.push(bits.bits(this.#sizeBits));
      // A delta other than 0 means interleaving (RFC 3640, 3.2.3.2), which the AAC modes forbid by default.
      if (bits.bits(indexBits) !== 0 && sizes.length > 1) return undefined;
    }
    return sizes.length > 0 ? sizes : undefined;
  }

  /** A part of a frame: every part announces the size of the whole (RFC 3640, 3.2.3). */
  #fragment(piece: Buffer, size: number, timestamp: number): void {
    const isNext =
      this.#fragmentBytes > 0 && timestamp === this.#fragmentTimestamp && size === this.#fragmentSize;
    if (this.#fragmentBytes > 0 && !isNext) this.#discard();
    this.#fragmentSize = size;
    this.#fragmentTimestamp = timestamp;
    this.#fragmentBytes += piece.length;
    if (piece.length === 0 || this.#fragmentBytes > size || !this.#fragments.add(piece)) this.#discard();
    else if (this.#fragmentBytes === size) {
      this.#fragmentBytes = 0;
      this.#deliver(this.#fragments.take(), timestamp);
    }
  }

  #discard(): void {
    this.#fragments.clear();
    this.#fragmentBytes = 0;
    this.#output.damage();
  }

  #deliver(data: Buffer, timestamp: number): void {
    if (!this.#isKnown && this.#format !== undefined) {
      this.#isKnown = true;
      this.#output.format(this.#format);
    }
    this.#output.frame({ timestamp, key: true, data });
  }
}
