import type { AudioCodec } from '../../domain/codec.ts';
import type { Stream } from '../../streams/stream.ts';
import { audioFormat } from '../../media/codecConfig.ts';
import type { AudioFormat } from '../../media/codecConfig.ts';
import { EX_AUDIO_PACKET, EX_PACKET, readExPacket } from './enhanced.ts';
import type { ExPacket } from './enhanced.ts';
import { mp3Format } from './mp3.ts';
import type { Problems } from './problems.ts';
import type { MediaClock } from './timestamps.ts';

/** Id of the audio track in every RTMP stream. */
export const AUDIO_TRACK_ID = 2;

/** SoundFormat (FLV 10.1, E.4.2.1; 9 by Enhanced RTMP). */
const SOUND = { mp3: 2, pcma: 7, pcmu: 8, enhanced: 9, aac: 10, speex: 11, mp3At8kHz: 14 } as const;
const SOUND_NAMES: Readonly<Record<number, string>> = {
  0: 'PCM',
  1: 'ADPCM',
  3: 'PCM little endian',
  4: 'Nellymoser 16 kHz',
  5: 'Nellymoser 8 kHz',
  6: 'Nellymoser',
};
const FLAG_RATES = [5_512, 11_025, 22_050, 44_100] as const;
const AAC_SEQUENCE_HEADER = 0;
const AAC_HEADER_BYTES = 2;
const FOUR_CC: Readonly<Record<string, 'aac' | 'opus' | 'mp3'>> = {
  mp4a: 'aac',
  Opus: 'opus',
  '.mp3': 'mp3',
};
const NO_CONFIG = Buffer.alloc(0);
/** `OpusHead` (RFC 7845, 5.1) of stereo without pre-skip, for encoders that leave it out. */
const DEFAULT_OPUS_HEAD = Buffer.from('4f707573486561640102000080bb0000000000', 'hex');

/** Turns the audio messages of one publication into a track and samples. */
export class AudioReceiver {
  readonly #stream: Stream;
  readonly #clock: MediaClock;
  readonly #problems: Problems;
  /** Codec of the track in force, undefined before there is one. */
  #codec: AudioCodec | undefined;
  #timestamp = 0;

  constructor(stream: Stream, clock: MediaClock, problems: Problems) {
    this.#stream = stream;
    this.#clock = clock;
    this.#problems = problems;
  }

  /** Takes one message (FLV 10.1, E.4.2, or an ExAudioTagHeader). Bad ones are counted; an empty one is silence. */
  receive(timestamp: number, message: Buffer): void {
    const first = message[0];
    if (first === undefined) return;
    this.#timestamp = timestamp;
    const format = first >> 4;
    if (format === SOUND.enhanced) this.#receiveEnhanced(message);
    else if (format === SOUND.aac) this.#receiveAac(message);
    else this.#receivePlain(format, first, message.subarray(1));
  }

  #receiveAac(message: Buffer): void {
    if (message.length < AAC_HEADER_BYTES) this.#problems.add('audio message cut short');
    else if (message[1] === AAC_SEQUENCE_HEADER) this.#configure('aac', message.subarray(AAC_HEADER_BYTES));
    else this.#configuredFrame('aac', message.subarray(AAC_HEADER_BYTES));
  }

  /** Codecs whose frames need no configuration; the flags of the first frame tell the format. */
  #receivePlain(format: number, flags: number, data: Buffer): void {
    const channels = (flags & 1) + 1;
    switch (format) {
      case SOUND.mp3:
        this.#plainFrame('mp3', { sampleRate: FLAG_RATES[(flags >> 2) & 3] ?? 0, channels }, data);
        break;
      case SOUND.mp3At8kHz:
        this.#plainFrame('mp3', { sampleRate: 8_000, channels }, data);
        break;
      case SOUND.pcma:
        this.#plainFrame('pcma', { sampleRate: 8_000, channels }, data);
        break;
      case SOUND.pcmu:
        this.#plainFrame('pcmu', { sampleRate: 8_000, channels }, data);
        break;
      case SOUND.speex:
        // Flash sends 16 kHz mono whatever the flags say (FLV 10.1, E.4.2.1).
        this.#plainFrame('speex', { sampleRate: 16_000, channels: 1 }, data);
        break;
      default:
        this.#problems.addExpected(`audio codec not supported: ${SOUND_NAMES[format] ?? `format ${format}`}`);
    }
  }

  #receiveEnhanced(message: Buffer): void {
    let packet: ExPacket | undefined;
    try {
      packet = readExPacket(message, EX_AUDIO_PACKET.multitrack);
    } catch {
      this.#problems.add('audio message cut short');
      return;
    }
    if (packet === undefined) this.#problems.addExpected('additional audio track');
    else this.#receivePacket(packet);
  }

  #receivePacket({ type, fourCc, body }: ExPacket): void {
    const codec = FOUR_CC[fourCc];
    if (codec === undefined) {
      this.#problems.addExpected(`audio codec not supported: ${JSON.stringify(fourCc)}`);
    } else if (type === EX_PACKET.codedFrames) {
      if (codec === 'mp3') this.#plainFrame(codec, { sampleRate: 44_100, channels: 2 }, body);
      else this.#configuredFrame(codec, body);
    } else if (type === EX_PACKET.sequenceStart && codec !== 'mp3') {
      this.#configure(codec, codec === 'opus' && body.length === 0 ? DEFAULT_OPUS_HEAD : body);
    }
  }

  #configure(codec: 'aac' | 'opus', config: Buffer): void {
    const format = audioFormat(codec, config);
    // A copy, because it lives as long as the stream and would keep the whole read buffer.
    if (format === undefined) this.#problems.add(`${codec} configuration unusable`);
    else this.#setTrack(codec, Buffer.from(config), format);
  }

  #setTrack(codec: AudioCodec, config: Buffer, format: AudioFormat): void {
    this.#codec = codec;
    const { sampleRate, channels } = format;
    this.#stream.setTrack({ id: AUDIO_TRACK_ID, kind: 'audio', codec, config, sampleRate, channels });
  }

  #configuredFrame(codec: 'aac' | 'opus', data: Buffer): void {
    if (this.#codec === codec) this.#push(data);
    else if (data.length > 0) this.#problems.add(`${codec} frame before its configuration`);
  }

  #plainFrame(codec: AudioCodec, flagged: AudioFormat, data: Buffer): void {
    if (this.#codec !== codec && data.length > 0) {
      // The flags of FLV know neither 48 kHz nor 32 kHz.
      const format = codec === 'mp3' ? (mp3Format(data) ?? flagged) : flagged;
      this.#setTrack(codec, NO_CONFIG, format);
    }
    this.#push(data);
  }

  #push(data: Buffer): void {
    if (data.length === 0) return;
    const dts = this.#clock.dts(AUDIO_TRACK_ID, this.#timestamp);
    this.#stream.push({ trackId: AUDIO_TRACK_ID, dts, pts: dts, key: true, data });
  }
}
