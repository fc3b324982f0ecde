import { writeOpusHead } from '../../media/opusHead.ts';
import type { Depacketiser, DepacketiserInit, DepacketiserOutput } from './depacketiser.ts';

const NO_CONFIG = Buffer.alloc(0);
const OPUS_RATE = 48_000;

/** Opus (RFC 7587): a payload is a frame. A pause in the sending (DTX) stays a pause in the timestamps. */
export class OpusDepacketiser implements Depacketiser {
  readonly #output: DepacketiserOutput;
  #channels: number;
  #isKnown = false;

  constructor(init: DepacketiserInit, output: DepacketiserOutput) {
    this.#output = output;
    this.#channels = init.fmtp.get('sprop-stereo') === '1' ? 2 : 1;
  }

  startsKeyFrame(): boolean {
    return true;
  }

  push(payload: Buffer, timestamp: number): void {
    // The rtpmap says two channels always; the stereo bit of the TOC byte says what is coded (RFC 6716, 3.1). Mono
    // frames between stereo ones are ordinary, so the configuration only ever grows.
    const channels = ((payload[0] ?? 0) & 4) !== 0 ? 2 : 1;
    if (!this.#isKnown || channels > this.#channels) {
      this.#isKnown = true;
      this.#channels = Math.max(channels, this.#channels);
      const config = writeOpusHead({ channels: this.#channels, preSkip: 0 });
      this.#output.format({
        kind: 'audio',
        codec: 'opus',
        config,
        sampleRate: OPUS_RATE,
        channels: this.#channels,
      });
    }
    this.#output.frame({ timestamp, key: true, data: payload });
  }

  gap(): void {}

  flush(): void {}
}

/** G.711 (RFC 3551, 4.5.14): a payload is a run of samples of one byte for each channel. */
export class G711Depacketiser implements Depacketiser {
  readonly #codec: 'pcmu' | 'pcma';
  readonly #init: DepacketiserInit;
  readonly #output: DepacketiserOutput;
  #isKnown = false;

  constructor(codec: 'pcmu' | 'pcma', init: DepacketiserInit, output: DepacketiserOutput) {
    this.#codec = codec;
    this.#init = init;
    this.#output = output;
  }

  startsKeyFrame(): boolean {
    return true;
  }

  push(payload: Buffer, timestamp: number): void {
    if (!this.#isKnown) {
      this.#isKnown = true;
      const { clockRate: sampleRate, channels } = this.#init;
      this.#output.format({ kind: 'audio', codec: this.#codec, config: NO_CONFIG, sampleRate, channels });
    }
    this.#output.frame({ timestamp, key: true, data: payload });
  }

  gap(): void {}

  flush(): void {}
}
