import { BitReader } from '../../media/bitReader.ts';
import { aacAudioFormat } from './aac.ts';
import type { AudioFormat, Depacketiser, DepacketiserInit, DepacketiserOutput } from './depacketiser.ts';
import { FrameBuffer } from './frameBuffer.ts';

const FRAME_SAMPLES = 1024;
const EXPLICIT_RATE = 15;
const SBR = 5;
const PARAMETRIC_STEREO = 29;

/** What a StreamMuxConfig says of its only stream. */
interface MuxConfig {
  readonly format: AudioFormat;
  /** Frames in one audioMuxElement. */
  readonly frames: number;
}

/** Bits of an AudioSpecificConfig that begins here: plain AAC, with explicit SBR too (ISO 14496-3, 1.6.2.1). */
function configBits(bits: BitReader): number {
  let length = 0;
  const read = (count: number): number => {
    length += count;
    return bits.bits(count);
  };
  const rate = (): void => {
    if (read(4) === EXPLICIT_RATE) read(24);
  };
  const type = read(5);
  rate();
  read(4);
  if (type === SBR || type === PARAMETRIC_STEREO) {
    rate();
    read(5);
  }
  // GASpecificConfig without a core coder and extensions.
  return length + 3;
}

/**
 * Reads a StreamMuxConfig (ISO 14496-3, 1.7.3) of one programme with one layer; undefined for any other.
 */
function readMuxConfig(config: Buffer): MuxConfig | undefined {
  const bits = new BitReader(config);
  const head = { version: bits.bit(), isSameFraming: bits.bit(), subFrames: bits.bits(6) };
  const isSimple = bits.bits(4) === 0 && bits.bits(3) === 0;
  if (head.version !== 0 || head.isSameFraming !== 1 || !isSimple) return undefined;
  const start = new BitReader(config);
  start.skip(15);
  const length = configBits(bits);
  const specific = Buffer.alloc(Math.ceil(length / 8));
  for (let i = 0; i < length; i++)
    specific[i >> 3] = (specific[i >> 3] ?? 0) | (start.bit() << (7 - (i & 7)));
  const format = aacAudioFormat(specific);
  return format && { format, frames: head.subFrames + 1 };
}

/** The configuration of MP4A-LATM in an `a=fmtp` line; undefined when it comes with the media, or makes no sense. */
function muxConfigOf(fmtp: ReadonlyMap<string, string>): MuxConfig | undefined {
  if (fmtp.get('cpresent') !== '0') return undefined;
  try {
    return readMuxConfig(Buffer.from(fmtp.get('config') ?? '', 'hex'));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** True when frames can be had from MP4A-LATM with these parameters. */
export function isLatmUsable(fmtp: ReadonlyMap<string, string>): boolean {
  return muxConfigOf(fmtp) !== undefined;
}

/** AAC in LATM packets (RFC 6416, 6), which GStreamer sends: a frame ends with the marker. */
export class LatmDepacketiser implements Depacketiser {
  readonly #output: DepacketiserOutput;
  readonly #config: MuxConfig | undefined;
  readonly #frameTicks: number;
  readonly #buffer: FrameBuffer;
  #timestamp = -1;
  #isDamaged = false;
  /** Packets were lost before this element, and nothing marks its beginning. */
  #followsGap = false;
  #isKnown = false;

  constructor(init: DepacketiserInit, output: DepacketiserOutput) {
    this.#output = output;
    this.#config = muxConfigOf(init.fmtp);
    const rate = this.#config?.format.sampleRate ?? init.clockRate;
    this.#frameTicks = Math.round((FRAME_SAMPLES * init.clockRate) / rate);
    this.#buffer = new FrameBuffer(init.maxFrameBytes);
  }

  startsKeyFrame(): boolean {
    return true;
  }

  push(payload: Buffer, timestamp: number, isMarked: boolean): void {
    if (timestamp !== this.#timestamp) {
      this.#discard();
      this.#timestamp = timestamp;
    }
    if (!this.#buffer.add(payload)) this.#isDamaged = true;
    if (isMarked) this.#finish();
  }

  gap(): void {
    if (!this.#buffer.isEmpty) this.#isDamaged = true;
    this.#followsGap = true;
  }

  flush(): void {
    this.#discard();
  }

  /** Drops what has not come to its end. */
  #discard(): void {
    if (!this.#buffer.isEmpty) this.#output.damage();
    this.#buffer.clear();
    this.#isDamaged = false;
  }

  #finish(): void {
    const element = this.#isDamaged ? undefined : this.#buffer.take();
    this.#buffer.clear();
    this.#isDamaged = false;
    if (element === undefined || this.#config === undefined) this.#output.damage();
    else this.#split(element, this.#config);
    this.#followsGap = false;
  }

  #split(element: Buffer, { format, frames }: MuxConfig): void {
    const found: Buffer[] = [];
    let at = 0;
    while (found.length < frames) {
      let size = 0;
      while (element[at] === 255) size += element[at++] ?? 0;
      size += element[at++] ?? 0;
      if (size === 0 || at + size > element.length) break;
      found.push(element.subarray(at, at + size));
      at += size;
    }
    // The end of an element whose beginning was lost hardly ever has lengths that fill it.
    const isTrusted = !this.#followsGap || (found.length === frames && at === element.length);
    if (!isTrusted || found.length < frames) this.#output.damage();
    if (!isTrusted) return;
    found.forEach((data, i) => this.#deliver(data, format, this.#timestamp + i * this.#frameTicks));
  }

  #deliver(data: Buffer, format: AudioFormat, timestamp: number): void {
    if (!this.#isKnown) this.#output.format(format);
    this.#isKnown = true;
    this.#output.frame({ timestamp, key: true, data });
  }
}
