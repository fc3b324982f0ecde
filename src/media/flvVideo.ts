import type { VideoCodec } from '../domain/codec.ts';
import type { Track } from '../domain/media.ts';
import { videoSize } from './codecConfig.ts';
import type { DemuxHandler } from './demuxed.ts';

const VIDEO_TRACK = 1;
const FRAME_KEY = 1;
const FRAME_COMMAND = 5;
const AVC = 7;
const AVC_HEADER_BYTES = 5;
const EX_HEADER_BYTES = 5;
/** PacketType of Enhanced RTMP v1; AVCPacketType has the same values for the first two. */
const PACKET = { sequenceStart: 0, codedFrames: 1, codedFramesX: 3 } as const;
const FOUR_CC: Readonly<Record<string, VideoCodec>> = {
  avc1: 'h264',
  hvc1: 'hevc',
  av01: 'av1',
  vp09: 'vp9',
  vp08: 'vp8',
};
/** Codecs whose frames carry a composition time. */
const REORDERED: ReadonlySet<VideoCodec> = new Set(['h264', 'hevc']);
const SELF_CONTAINED: ReadonlySet<VideoCodec> = new Set(['vp8', 'vp9']);
const NO_CONFIG = Buffer.alloc(0);

/** Video tags of one FLV stream (FLV 10.1, E.4.3; Enhanced RTMP v1). What is cut short is passed over. */
export class FlvVideo {
  readonly #handler: DemuxHandler;
  /** Codec of the track in force, or the name of one that is not known. */
  #current: string | undefined;

  constructor(handler: DemuxHandler) {
    this.#handler = handler;
  }

  /** @param timeUs decode time. */
  receive(timeUs: number, body: Buffer): void {
    const first = body[0];
    if (first === undefined || body.length < AVC_HEADER_BYTES) return;
    const frameType = (first >> 4) & 7;
    if (frameType === FRAME_COMMAND) return;
    const key = frameType === FRAME_KEY;
    if ((first & 0x80) !== 0) this.#receiveEnhanced(timeUs, body, key);
    else if ((first & 0x0f) !== AVC) this.#refuse(`FLV codec ${first & 0x0f}`);
    else if (body[1] === PACKET.sequenceStart) this.#configure('h264', body.subarray(AVC_HEADER_BYTES));
    else if (body[1] === PACKET.codedFrames) this.#frame('h264', { timeUs, key, body, at: 2 });
  }

  #receiveEnhanced(timeUs: number, body: Buffer, key: boolean): void {
    const fourCc = body.toString('latin1', 1, EX_HEADER_BYTES);
    const codec = FOUR_CC[fourCc];
    const type = body.readUInt8(0) & 0x0f;
    if (codec === undefined) {
      this.#refuse(`FLV codec ${JSON.stringify(fourCc)}`);
    } else if (type === PACKET.sequenceStart) {
      this.#configure(codec, body.subarray(EX_HEADER_BYTES));
    } else if (type === PACKET.codedFrames || type === PACKET.codedFramesX) {
      const hasOffset = type === PACKET.codedFrames && REORDERED.has(codec);
      this.#frame(codec, { timeUs, key, body, at: hasOffset ? EX_HEADER_BYTES : undefined });
    }
  }

  #configure(codec: VideoCodec, config: Buffer): void {
    // A copy: it lives as long as the track and would keep the whole chunk.
    this.#setTrack(codec, SELF_CONTAINED.has(codec) ? NO_CONFIG : Buffer.from(config), NO_CONFIG);
  }

  /** @param frame `at`: where the composition time stands, directly before the media. */
  #frame(
    codec: VideoCodec,
    frame: { timeUs: number; key: boolean; body: Buffer; at: number | undefined },
  ): void {
    const { timeUs, key, body, at } = frame;
    const from = at === undefined ? EX_HEADER_BYTES : at + 3;
    if (body.length <= from) return;
    const data = body.subarray(from);
    if (SELF_CONTAINED.has(codec) && key) this.#setTrack(codec, NO_CONFIG, data);
    if (this.#current !== codec) return;
    const offsetUs = at === undefined ? 0 : body.readIntBE(at, 3) * 1000;
    this.#handler.onFrame({ track: VIDEO_TRACK, dts: timeUs, pts: timeUs + offsetUs, key, data });
  }

  #setTrack(codec: VideoCodec, config: Buffer, keyFrame: Buffer): void {
    if (SELF_CONTAINED.has(codec) && this.#current === codec) return;
    this.#current = codec;
    const size = videoSize(codec, config, keyFrame);
    const track = { id: VIDEO_TRACK, kind: 'video', codec, config, ...size } as const;
    this.#declare(codec, track);
  }

  #refuse(codecName: string): void {
    if (this.#current === codecName) return;
    this.#current = codecName;
    this.#declare(codecName, undefined);
  }

  #declare(codecName: string, track: Track | undefined): void {
    this.#handler.onTrack({ number: VIDEO_TRACK, kind: 'video', track, codecName, frameUs: undefined });
  }
}
