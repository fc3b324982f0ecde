import type { AudioCodec, VideoCodec } from './codec.ts';

interface TrackBase {
  /** Stable within the stream; a changed configuration keeps the id. */
  readonly id: number;
  /**
   * Codec configuration as Matroska carries it: avcC, hvcC, av1C, vpcC, AudioSpecificConfig, and for Opus the
   * whole `OpusHead` with its magic. Empty when the codec has none.
   */
  readonly config: Buffer;
}

export interface VideoTrack extends TrackBase {
  readonly kind: 'video';
  readonly codec: VideoCodec;
  /** Pixels; 0 while unknown. */
  readonly width: number;
  readonly height: number;
  /** Every key frame carries its parameter sets: a changed configuration needs no new decoder. */
  readonly inBandConfig?: true;
}

export interface AudioTrack extends TrackBase {
  readonly kind: 'audio';
  readonly codec: AudioCodec;
  /** Samples per second. */
  readonly sampleRate: number;
  readonly channels: number;
}

/** One elementary media of a stream. */
export type Track = VideoTrack | AudioTrack;

/**
 * One access unit or one audio frame. H.264 and HEVC are length-prefixed NAL units with their parameter sets in
 * the track's `config`. `data` is shared, never written to and never copied on the way to the child.
 */
export interface Sample {
  readonly trackId: number;
  /** Microseconds since the stream's first sample; may be slightly negative for interleaved tracks. */
  readonly dts: number;
  readonly pts: number;
  /** Decodable alone. Always true for audio. */
  readonly key: boolean;
  readonly data: Buffer;
}

/** True when samples of one track can follow those of the other in one file: one decoder takes both. */
export function sameDecoder(a: Track, b: Track): boolean {
  if (a.id !== b.id || a.kind !== b.kind || a.codec !== b.codec) return false;
  return (isInBand(a) && isInBand(b)) || a.config.equals(b.config);
}

/** True when nothing about a track has changed. */
export function sameTrack(a: Track, b: Track): boolean {
  const isSame = sameDecoder(a, b) && a.config.equals(b.config);
  if (a.kind === 'audio' || b.kind === 'audio') return isSame;
  return isSame && a.width === b.width && a.height === b.height;
}

function isInBand(track: Track): boolean {
  return track.kind === 'video' && track.inBandConfig === true;
}

/** What a finished file says of itself. */
export interface FileFacts {
  readonly durationMs: number;
  /** A `Codec`, or the container's own word for one that is none of ours; null without such a track. */
  readonly videoCodec: string | null;
  readonly audioCodec: string | null;
}
