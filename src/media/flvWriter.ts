import type { Codec } from '../domain/codec.ts';
import type { AudioTrack, Sample, Track } from '../domain/media.ts';
import type { PipeWriter } from './pipeWriter.ts';

/** Codecs that FFmpeg 4.1 and later read from FLV (Adobe FLV 10.1, annex E); anything else goes by Matroska. */
const FLV_CODECS: ReadonlySet<Codec> = new Set(['h264', 'aac', 'mp3', 'speex', 'pcma', 'pcmu']);

const TAG_AUDIO = 8;
const TAG_VIDEO = 9;
const TAG_HEADER_BYTES = 11;
const TRAILER_BYTES = 4;
/** Media up to this size is copied beside its header: cheaper than one more buffer in the write. */
const COPY_BELOW_BYTES = 2048;
/** Where the first sample lands, so that a sample of another track may lie before it. FFmpeg subtracts it again. */
const ORIGIN_MS = 10_000;

const SOUND_FORMATS: Partial<Record<Codec, number>> = { mp3: 2, pcma: 7, pcmu: 8, aac: 10, speex: 11 };

/** True when every track can be fed as FLV. */
export function fitsFlv(tracks: readonly Track[]): boolean {
  return tracks.every((track) => FLV_CODECS.has(track.codec));
}

/** Writes live FLV: RTMP bodies pass through untouched, decode times are exact to the millisecond. */
export function flvWriter(tracks: readonly Track[]): PipeWriter {
  return new FlvWriter(tracks);
}

class FlvWriter implements PipeWriter {
  readonly #tracks: readonly Track[];
  readonly #videoId: number | undefined;
  readonly #soundByte: number;
  readonly #audioPrefixBytes: number;
  #originMs: number | undefined;

  constructor(tracks: readonly Track[]) {
    this.#tracks = tracks;
    this.#videoId = tracks.find((track) => track.kind === 'video')?.id;
    const audio = tracks.find((track) => track.kind === 'audio');
    this.#soundByte = audio === undefined ? 0 : soundByte(audio);
    this.#audioPrefixBytes = audio?.codec === 'aac' ? 2 : 1;
  }

  header(): Buffer {
    const hasAudio = this.#tracks.some((track) => track.kind === 'audio');
    const flags = (hasAudio ? 4 : 0) | (this.#videoId === undefined ? 0 : 1);
    const start = Buffer.from([0x46, 0x4c, 0x56, 1, flags, 0, 0, 0, 9, 0, 0, 0, 0]);
    return Buffer.concat([start, ...this.#tracks.flatMap((track) => this.#configTag(track))]);
  }

  batch(samples: readonly Sample[]): Buffer[] {
    let slabBytes = 0;
    for (const sample of samples) {
      slabBytes += TAG_HEADER_BYTES + this.#prefixBytes(sample) + TRAILER_BYTES;
      if (sample.data.length < COPY_BELOW_BYTES) slabBytes += sample.data.length;
    }
    const slab = Buffer.allocUnsafeSlow(slabBytes);
    const out: Buffer[] = [];
    let from = 0;
    let at = 0;
    for (const sample of samples) {
      at = this.#writeHead(slab, at, sample);
      if (sample.data.length < COPY_BELOW_BYTES) {
        at += sample.data.copy(slab, at);
      } else {
        out.push(slab.subarray(from, at), sample.data);
        from = at;
      }
      const tagBytes = TAG_HEADER_BYTES + this.#prefixBytes(sample) + sample.data.length;
      at = slab.writeUInt32BE(tagBytes, at);
    }
    if (at > from) out.push(slab.subarray(from, at));
    return out;
  }

  #prefixBytes(sample: Sample): number {
    return sample.trackId === this.#videoId ? 5 : this.#audioPrefixBytes;
  }

  #writeHead(slab: Buffer, start: number, sample: Sample): number {
    const isVideo = sample.trackId === this.#videoId;
    const dtsMs = Math.round(sample.dts / 1000);
    this.#originMs ??= dtsMs - ORIGIN_MS;
    const bodyBytes = this.#prefixBytes(sample) + sample.data.length;
    let at = writeTagHeader(slab, start, isVideo ? TAG_VIDEO : TAG_AUDIO, bodyBytes, dtsMs - this.#originMs);
    if (isVideo) {
      const compositionMs = Math.round(sample.pts / 1000) - dtsMs;
      at = slab.writeUInt8(sample.key ? 0x17 : 0x27, at);
      return slab.writeUInt32BE((0x01000000 | (compositionMs & 0xffffff)) >>> 0, at);
    }
    at = slab.writeUInt8(this.#soundByte, at);
    return this.#audioPrefixBytes === 2 ? slab.writeUInt8(1, at) : at;
  }

  #configTag(track: Track): Buffer[] {
    if (track.config.length === 0) return [];
    const isVideo = track.kind === 'video';
    const prefix = Buffer.from(isVideo ? [0x17, 0, 0, 0, 0] : [this.#soundByte, 0]);
    const bodyBytes = prefix.length + track.config.length;
    const head = Buffer.alloc(TAG_HEADER_BYTES);
    writeTagHeader(head, 0, isVideo ? TAG_VIDEO : TAG_AUDIO, bodyBytes, ORIGIN_MS);
    const trailer = Buffer.alloc(TRAILER_BYTES);
    trailer.writeUInt32BE(TAG_HEADER_BYTES + bodyBytes);
    return [head, prefix, track.config, trailer];
  }
}

/** FLV tag header; the timestamp's top byte stands behind its lower three (annex E.4.1). */
function writeTagHeader(
  slab: Buffer,
  start: number,
  type: number,
  ...[bodyBytes, timeMs]: [bodyBytes: number, timeMs: number]
): number {
  const time = Math.max(0, timeMs);
  let at = slab.writeUInt32BE((type << 24) | bodyBytes, start);
  at = slab.writeUInt32BE((((time & 0xffffff) << 8) | ((time >>> 24) & 0xff)) >>> 0, at);
  slab.fill(0, at, at + 3);
  return at + 3;
}

function soundByte(track: AudioTrack): number {
  const format = SOUND_FORMATS[track.codec] ?? 0;
  const rate =
    track.sampleRate >= 44_100 ? 3 : track.sampleRate >= 22_050 ? 2 : track.sampleRate >= 11_025 ? 1 : 0;
  if (track.codec === 'aac') return 0xaf;
  return (format << 4) | (rate << 2) | 2 | (track.channels > 1 ? 1 : 0);
}
