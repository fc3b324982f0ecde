import type { AudioCodec } from '../domain/codec.ts';
import type { Track } from '../domain/media.ts';
import { audioFormat } from './codecConfig.ts';
import type { DemuxHandler } from './demuxed.ts';

const AUDIO_TRACK = 2;
/** SoundFormat (FLV 10.1, E.4.2.1). */
const AAC = 10;
const PLAIN_CODECS: Readonly<Record<number, AudioCodec>> = {
  2: 'mp3',
  7: 'pcma',
  8: 'pcmu',
  11: 'speex',
  14: 'mp3',
};
const MP3_AT_8_KHZ = 14;
const FLAG_RATES = [5_512, 11_025, 22_050, 44_100] as const;
const AAC_HEADER_BYTES = 2;
const MIN_AAC_CONFIG_BYTES = 2;
const NO_CONFIG = Buffer.alloc(0);

/** Audio tags of one FLV stream (FLV 10.1, E.4.2). What is cut short is passed over. */
export class FlvAudio {
  readonly #handler: DemuxHandler;
  /** Codec of the track in force, or the name of one that is not known. */
  #current: string | undefined;

  constructor(handler: DemuxHandler) {
    this.#handler = handler;
  }

  receive(timeUs: number, body: Buffer): void {
    const first = body[0];
    if (first === undefined) return;
    const format = first >> 4;
    if (format === AAC) {
      this.#receiveAac(timeUs, body);
      return;
    }
    const codec = PLAIN_CODECS[format];
    if (codec === undefined) this.#refuse(`FLV sound format ${format}`);
    else {
      this.#plainTrack(codec, first);
      this.#frame(timeUs, body.subarray(1));
    }
  }

  #receiveAac(timeUs: number, body: Buffer): void {
    const data = body.subarray(AAC_HEADER_BYTES);
    if (body[1] !== 0) {
      if (this.#current === 'aac') this.#frame(timeUs, data);
      return;
    }
    const format = data.length < MIN_AAC_CONFIG_BYTES ? undefined : audioFormat('aac', data);
    if (format === undefined) return;
    this.#current = 'aac';
    // A copy: it lives as long as the track and would keep the whole chunk.
    const config = Buffer.from(data);
    const track = { id: AUDIO_TRACK, kind: 'audio', codec: 'aac', config, ...format } as const;
    this.#declare('aac', track);
  }

  /** Codecs without a configuration: the flags of the first frame tell the format. */
  #plainTrack(codec: AudioCodec, flags: number): void {
    if (this.#current === codec) return;
    this.#current = codec;
    const track = {
      id: AUDIO_TRACK,
      kind: 'audio',
      codec,
      config: NO_CONFIG,
      ...formatOf(codec, flags),
    } as const;
    this.#declare(codec, track);
  }

  #refuse(codecName: string): void {
    if (this.#current === codecName) return;
    this.#current = codecName;
    this.#declare(codecName, undefined);
  }

  #declare(codecName: string, track: Track | undefined): void {
    this.#handler.onTrack({ number: AUDIO_TRACK, kind: 'audio', track, codecName, frameUs: undefined });
  }

  #frame(timeUs: number, data: Buffer): void {
    if (data.length === 0) return;
    this.#handler.onFrame({ track: AUDIO_TRACK, dts: timeUs, pts: timeUs, key: true, data });
  }
}

function formatOf(codec: AudioCodec, flags: number): { sampleRate: number; channels: number } {
  const channels = (flags & 1) + 1;
  if (codec === 'speex') return { sampleRate: 16_000, channels: 1 };
  if (codec !== 'mp3') return { sampleRate: 8_000, channels };
  const sampleRate = flags >> 4 === MP3_AT_8_KHZ ? 8_000 : (FLAG_RATES[(flags >> 2) & 3] ?? 44_100);
  return { sampleRate, channels };
}
