import type { AudioCodec, VideoCodec } from '../domain/codec.ts';
import { aacFormat } from './aac.ts';
import { av1Size } from './av1.ts';
import { opusHead } from './opusHead.ts';
import { h264ConfigSps, hevcConfigSps } from './sps.ts';
import { isReal, UNKNOWN_SIZE, type VideoSize } from './videoSize.ts';
import { vp8Size, vp9Size } from './vpx.ts';

/** Rate and channels of an audio track. */
export interface AudioFormat {
  /** Samples per second: the core rate for AAC with SBR, 48000 for Opus. */
  readonly sampleRate: number;
  readonly channels: number;
}

const NOTHING = Buffer.alloc(0);

function parseVideo(codec: VideoCodec, config: Buffer, keyFrame: Buffer): VideoSize {
  switch (codec) {
    case 'h264':
      return h264ConfigSps(config) ?? UNKNOWN_SIZE;
    case 'hevc':
      return hevcConfigSps(config) ?? UNKNOWN_SIZE;
    case 'vp8':
      return vp8Size(keyFrame);
    case 'vp9':
      return vp9Size(keyFrame);
    case 'av1':
      return av1Size(config, keyFrame);
  }
}

function parseAudio(codec: AudioCodec, config: Buffer): AudioFormat | undefined {
  switch (codec) {
    case 'aac': {
      const format = aacFormat(config);
      return format && { sampleRate: format.sampleRate, channels: format.channels };
    }
    case 'opus': {
      const head = opusHead(config);
      return head && { sampleRate: 48_000, channels: head.channels };
    }
    case 'mp3':
      return { sampleRate: 44_100, channels: 2 };
    case 'speex':
      return { sampleRate: 16_000, channels: 1 };
    case 'pcma':
    case 'pcmu':
      return { sampleRate: 8_000, channels: 1 };
  }
}

/** The parsers read past a damaged configuration's end with RangeError, which here only means "unknown". */
function orUnknown<T>(parse: () => T, unknown: T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof RangeError) return unknown;
    throw error;
  }
}

/**
 * Visible size in pixels, cropping honoured; 0x0 when unknown. H.264, HEVC and AV1 read it from `config`
 * (avcC, hvcC, av1C); VP8 and VP9 only from `keyFrame`, since vpcC carries no size. Never throws.
 */
export function videoSize(codec: VideoCodec, config: Buffer, keyFrame: Buffer = NOTHING): VideoSize {
  const { width, height } = orUnknown(() => parseVideo(codec, config, keyFrame), UNKNOWN_SIZE);
  return isReal({ width, height }) ? { width, height } : UNKNOWN_SIZE;
}

/**
 * Sample rate and channels from an AudioSpecificConfig or `OpusHead`, undefined when it is unusable. MP3, Speex
 * and G.711 carry no configuration: their usual formats are returned. Never throws.
 */
export function audioFormat(codec: AudioCodec, config: Buffer): AudioFormat | undefined {
  return orUnknown(() => parseAudio(codec, config), undefined);
}

/**
 * How many pictures may come before one in decoding order and after it in output order, by the parameter sets in
 * `config` (avcC, hvcC): decode times lie that many pictures before output times. Undefined when they do not say.
 * Never throws.
 */
export function reorderDepth(codec: VideoCodec, config: Buffer): number | undefined {
  if (codec === 'h264') return orUnknown(() => h264ConfigSps(config)?.reorderDepth, undefined);
  if (codec === 'hevc') return orUnknown(() => hevcConfigSps(config)?.reorderDepth, undefined);
  return 0;
}
