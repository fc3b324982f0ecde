import { vp8Size } from '../../media/vpx.ts';
import { UNKNOWN_SIZE, type VideoSize } from '../../media/videoSize.ts';
import type { Depacketiser, DepacketiserInit, DepacketiserOutput } from './depacketiser.ts';
import { FrameBuffer } from './frameBuffer.ts';

const NO_CONFIG = Buffer.alloc(0);
/** Frame tag, start code, width and height of a key frame (RFC 6386, 9.1). */
const KEY_HEADER_BYTES = 10;

/** Length of the payload descriptor (RFC 7741, 4.2); undefined when it fills the payload. */
function descriptorBytes(payload: Buffer): number | undefined {
  const first = payload[0] ?? 0;
  let length = 1;
  if ((first & 0x80) !== 0) {
    const flags = payload[1] ?? 0;
    length = 2;
    if ((flags & 0x80) !== 0) length += ((payload[2] ?? 0) & 0x80) !== 0 ? 2 : 1;
    if ((flags & 0x40) !== 0) length++;
    if ((flags & 0x30) !== 0) length++;
  }
  return length < payload.length ? length : undefined;
}

/** S bit and partition 0: a frame begins. The reserved bit between them is ignored. */
function startsFrame(payload: Buffer): boolean {
  return ((payload[0] ?? 0) & 0x17) === 0x10;
}

function keySize(frame: Buffer): VideoSize {
  return frame.length < KEY_HEADER_BYTES ? UNKNOWN_SIZE : vp8Size(frame);
}

/** Frames of VP8 (RFC 7741). A frame ends with the marker, or with the next timestamp when the marker is missing. */
export class Vp8Depacketiser implements Depacketiser {
  readonly #output: DepacketiserOutput;
  readonly #buffer: FrameBuffer;
  #timestamp = -1;
  #isDamaged = false;
  #hasHadMarker = false;
  #size = UNKNOWN_SIZE;

  constructor(init: DepacketiserInit, output: DepacketiserOutput) {
    this.#output = output;
    this.#buffer = new FrameBuffer(init.maxFrameBytes);
  }

  startsKeyFrame(payload: Buffer): boolean {
    const start = descriptorBytes(payload);
    return start !== undefined && startsFrame(payload) && ((payload[start] ?? 1) & 1) === 0;
  }

  push(payload: Buffer, timestamp: number, isMarked: boolean): void {
    if (timestamp !== this.#timestamp) {
      this.#finish();
      this.#timestamp = timestamp;
    }
    const start = descriptorBytes(payload);
    if (start === undefined || startsFrame(payload) !== this.#buffer.isEmpty) this.#isDamaged = true;
    else if (!this.#buffer.add(payload.subarray(start))) this.#isDamaged = true;
    if (!isMarked) return;
    this.#hasHadMarker = true;
    this.#finish();
  }

  gap(): void {
    if (!this.#buffer.isEmpty) this.#isDamaged = true;
  }

  flush(): void {
    // A sender that marks the ends has not sent this one.
    if (this.#hasHadMarker && !this.#buffer.isEmpty) this.#isDamaged = true;
    this.#finish();
  }

  #finish(): void {
    if (this.#isDamaged) this.#output.damage();
    else if (!this.#buffer.isEmpty) this.#deliver(this.#buffer.take());
    this.#buffer.clear();
    this.#isDamaged = false;
  }

  #deliver(data: Buffer): void {
    const isKey = ((data[0] ?? 1) & 1) === 0;
    if (isKey) {
      const size = keySize(data);
      if (size.width === 0 || size.height === 0) {
        this.#output.damage();
        return;
      }
      this.#setSize(size);
    }
    this.#output.frame({ timestamp: this.#timestamp, key: isKey, data });
  }

  #setSize({ width, height }: VideoSize): void {
    if (width === this.#size.width && height === this.#size.height) return;
    this.#size = { width, height };
    const format = { kind: 'video', codec: 'vp8', config: NO_CONFIG, width, height } as const;
    this.#output.format({ ...format, inBandConfig: true, reorderDepth: 0 });
  }
}
