import type { VideoCodec } from '../../domain/codec.ts';
import type { Stream } from '../../streams/stream.ts';
import { videoSize } from '../../media/codecConfig.ts';
import { EX_PACKET, EX_VIDEO_PACKET, readExPacket } from './enhanced.ts';
import type { ExPacket } from './enhanced.ts';
import type { Problems } from './problems.ts';
import type { MediaClock } from './timestamps.ts';

/** Id of the video track in every RTMP stream. */
export const VIDEO_TRACK_ID = 1;

const FRAME_KEY = 1;
const FRAME_GENERATED_KEY = 4;
const FRAME_COMMAND = 5;
/** Codec id and packet types of an AVC VIDEOPACKET (FLV 10.1, E.4.3). */
const AVC = 7;
const AVC_PACKET = { sequenceHeader: 0, nalUnits: 1 } as const;
const AVC_HEADER_BYTES = 5;
const LEGACY_CODECS: Readonly<Record<number, string>> = {
  2: 'Sorenson H.263',
  3: 'Screen video',
  4: 'VP6',
  5: 'VP6 with alpha',
  6: 'Screen video 2',
};
const FOUR_CC: Readonly<Record<string, VideoCodec>> = {
  avc1: 'h264',
  hvc1: 'hevc',
  av01: 'av1',
  vp09: 'vp9',
  vp08: 'vp8',
};
/** Shortest usable configuration, bytes; VP8 and VP9 decode without one. */
const MIN_CONFIG_BYTES: Readonly<Record<VideoCodec, number>> = { h264: 7, hevc: 23, av1: 4, vp8: 0, vp9: 0 };
const NO_CONFIG = Buffer.alloc(0);

/** Turns the video messages of one publication into a track and samples. */
export class VideoReceiver {
  readonly #stream: Stream;
  readonly #clock: MediaClock;
  readonly #problems: Problems;
  /** Codec of the track in force, undefined before there is one. */
  #codec: VideoCodec | undefined;
  /** A configuration whose track waits for the key frame that tells its size. */
  #waiting: { readonly codec: VideoCodec; readonly config: Buffer } | undefined;
  #timestamp = 0;

  constructor(stream: Stream, clock: MediaClock, problems: Problems) {
    this.#stream = stream;
    this.#clock = clock;
    this.#problems = problems;
  }

  /** Takes one message (FLV 10.1, E.4.3, or an ExVideoTagHeader). Bad ones are counted, never thrown at. */
  receive(timestamp: number, message: Buffer): void {
    const first = message[0];
    if (first === undefined) return;
    this.#timestamp = timestamp;
    if ((first & 0x80) !== 0) this.#receiveEnhanced((first >> 4) & 7, message);
    else if (first >> 4 !== FRAME_COMMAND) this.#receiveLegacy(first, message);
  }

  #receiveLegacy(first: number, message: Buffer): void {
    const codecId = first & 0x0f;
    if (codecId !== AVC) {
      this.#problems.addExpected(`video codec not supported: ${LEGACY_CODECS[codecId] ?? `id ${codecId}`}`);
    } else if (message.length < AVC_HEADER_BYTES) {
      if (message[1] !== 2) this.#problems.add('video message cut short');
    } else if (message[1] === AVC_PACKET.sequenceHeader) {
      this.#configure('h264', message.subarray(AVC_HEADER_BYTES));
    } else if (message[1] === AVC_PACKET.nalUnits) {
      const data = message.subarray(AVC_HEADER_BYTES);
      this.#frame('h264', isKey(first >> 4), compositionMs(message, 2), data);
    }
  }

  #receiveEnhanced(frameType: number, message: Buffer): void {
    const isMetadata = (message.readUInt8(0) & 0x0f) === EX_VIDEO_PACKET.metadata;
    if (isMetadata || frameType === FRAME_COMMAND) return;
    let packet: ExPacket | undefined;
    try {
      packet = readExPacket(message, EX_VIDEO_PACKET.multitrack);
    } catch {
      this.#problems.add('video message cut short');
      return;
    }
    if (packet === undefined) this.#problems.addExpected('additional video track');
    else this.#receivePacket(packet, isKey(frameType));
  }

  #receivePacket({ type, fourCc, body }: ExPacket, key: boolean): void {
    const codec = FOUR_CC[fourCc];
    if (codec === undefined) {
      this.#problems.addExpected(`video codec not supported: ${JSON.stringify(fourCc)}`);
    } else if (type === EX_PACKET.sequenceStart) {
      this.#configure(codec, body);
    } else if (type === EX_VIDEO_PACKET.codedFramesX) {
      this.#frame(codec, key, 0, body);
    } else if (type === EX_PACKET.codedFrames) {
      if (codec !== 'h264' && codec !== 'hevc') this.#frame(codec, key, 0, body);
      else if (body.length < 3) this.#problems.add('video message cut short');
      else this.#frame(codec, key, compositionMs(body, 0), body.subarray(3));
    }
  }

  #configure(codec: VideoCodec, config: Buffer): void {
    if (config.length < MIN_CONFIG_BYTES[codec]) {
      this.#problems.add(`${codec} configuration unusable`);
      return;
    }
    const current = this.#stream.tracks.get(VIDEO_TRACK_ID);
    if (this.#codec === codec && current?.config.equals(config) === true) return;
    // A copy, because it lives as long as the stream and would keep the whole read buffer.
    const waiting = { codec, config: Buffer.from(config) };
    if (codec === 'h264' || codec === 'hevc') {
      this.#setTrack(waiting, NO_CONFIG);
    } else {
      this.#codec = undefined;
      this.#waiting = waiting;
    }
  }

  #setTrack(track: { readonly codec: VideoCodec; readonly config: Buffer }, keyFrame: Buffer): void {
    this.#codec = track.codec;
    this.#waiting = undefined;
    const size = videoSize(track.codec, track.config, keyFrame);
    this.#stream.setTrack({ id: VIDEO_TRACK_ID, kind: 'video', ...track, ...size });
  }

  #frame(codec: VideoCodec, key: boolean, compositionOffsetMs: number, data: Buffer): void {
    if (data.length === 0) return;
    if (this.#codec !== codec && !this.#startTrack(codec, key, data)) return;
    const dts = this.#clock.dts(VIDEO_TRACK_ID, this.#timestamp);
    this.#stream.push({ trackId: VIDEO_TRACK_ID, dts, pts: dts + compositionOffsetMs * 1000, key, data });
  }

  /** Begins a track whose size stands in its key frames, or says why a frame cannot be used. */
  #startTrack(codec: VideoCodec, key: boolean, data: Buffer): boolean {
    const waiting = this.#waiting?.codec === codec ? this.#waiting : undefined;
    if (waiting === undefined && MIN_CONFIG_BYTES[codec] > 0) {
      this.#problems.add(`${codec} frame before its configuration`);
      return false;
    }
    if (!key) {
      this.#problems.add(`${codec} frame before the first key frame`);
      return false;
    }
    this.#setTrack(waiting ?? { codec, config: NO_CONFIG }, data);
    return true;
  }
}

function isKey(frameType: number): boolean {
  return frameType === FRAME_KEY || frameType === FRAME_GENERATED_KEY;
}

/** Composition time offset: signed 24 bit milliseconds. */
function compositionMs(message: Buffer, at: number): number {
  return message.readIntBE(at, 3);
}
