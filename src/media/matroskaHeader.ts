import type { Codec } from '../domain/codec.ts';
import type { AudioTrack, Track, VideoTrack } from '../domain/media.ts';
import { aacFormat } from './aac.ts';
import { element, floatElement, openElement, textElement, uintElement } from './ebml.ts';
import { opusHead } from './opusHead.ts';

/** Element IDs of RFC 9559, 5.1 and of RFC 8794, 11.2. */
const ID = {
  ebml: 0x1a45dfa3,
  docType: 0x4282,
  docTypeVersion: 0x4287,
  docTypeReadVersion: 0x4285,
  segment: 0x18538067,
  info: 0x1549a966,
  timestampScale: 0x2ad7b1,
  muxingApp: 0x4d80,
  writingApp: 0x5741,
  tracks: 0x1654ae6b,
  trackEntry: 0xae,
  trackNumber: 0xd7,
  trackUid: 0x73c5,
  trackType: 0x83,
  flagLacing: 0x9c,
  codecId: 0x86,
  codecPrivate: 0x63a2,
  codecDelay: 0x56aa,
  seekPreRoll: 0x56bb,
  video: 0xe0,
  pixelWidth: 0xb0,
  pixelHeight: 0xba,
  audio: 0xe1,
  samplingFrequency: 0xb5,
  outputSamplingFrequency: 0x78b5,
  channels: 0x9f,
} as const;

const MICROSOFT_ACM = 'A_MS/ACM';
const CODEC_IDS: Readonly<Record<Codec, string>> = {
  h264: 'V_MPEG4/ISO/AVC',
  hevc: 'V_MPEGH/ISO/HEVC',
  vp8: 'V_VP8',
  vp9: 'V_VP9',
  av1: 'V_AV1',
  aac: 'A_AAC',
  opus: 'A_OPUS',
  mp3: 'A_MPEG/L3',
  speex: MICROSOFT_ACM,
  pcma: MICROSOFT_ACM,
  pcmu: MICROSOFT_ACM,
};
/** Format tags of WAVEFORMATEX for codecs without a Matroska name of their own. */
const WAVE_TAGS: Partial<Record<Codec, number>> = { pcma: 6, pcmu: 7, speex: 0xa109 };

/** Codecs whose CodecPrivate is the track's configuration; vpcC is not what Matroska means by it for VP9. */
const WITH_CONFIG: ReadonlySet<Codec> = new Set(['h264', 'hevc', 'av1', 'aac', 'opus']);

/** FFmpeg refuses a video track of no size, and corrects a wrong one from the bitstream. */
const PLACEHOLDER_PIXELS = 16;
const OPUS_SEEK_PRE_ROLL_NS = 80_000_000;

/** Nanoseconds that an Opus decoder drops at the start: readers subtract them from the track's block times. */
export function codecDelayNs(track: Track): number {
  if (track.codec !== 'opus') return 0;
  return Math.round(((opusHead(track.config)?.preSkip ?? 0) * 1e9) / 48_000);
}

/** WAVEFORMATEX of a codec that is known by its tag alone. */
function waveFormat(track: AudioTrack, tag: number): Buffer {
  const isG711 = track.codec !== 'speex';
  const bytes = Buffer.alloc(18);
  bytes.writeUInt16LE(tag, 0);
  bytes.writeUInt16LE(track.channels, 2);
  bytes.writeUInt32LE(track.sampleRate, 4);
  bytes.writeUInt32LE(isG711 ? track.sampleRate * track.channels : 0, 8);
  bytes.writeUInt16LE(isG711 ? track.channels : 0, 12);
  bytes.writeUInt16LE(isG711 ? 8 : 0, 14);
  return bytes;
}

function codecPrivate(track: Track): Buffer[] {
  const tag = WAVE_TAGS[track.codec];
  if (tag !== undefined && track.kind === 'audio') return [element(ID.codecPrivate, waveFormat(track, tag))];
  return WITH_CONFIG.has(track.codec) && track.config.length > 0
    ? [element(ID.codecPrivate, track.config)]
    : [];
}

function videoEntry(track: VideoTrack): Buffer {
  return element(
    ID.video,
    uintElement(ID.pixelWidth, track.width || PLACEHOLDER_PIXELS),
    uintElement(ID.pixelHeight, track.height || PLACEHOLDER_PIXELS),
  );
}

/** Rate that a decoder with SBR puts out, when the configuration says so. */
function sbrRate(track: AudioTrack): number | undefined {
  try {
    return track.codec === 'aac' ? aacFormat(track.config)?.outputRate : undefined;
  } catch {
    return undefined;
  }
}

function audioEntry(track: AudioTrack): Buffer {
  const outputRate = sbrRate(track);
  return element(
    ID.audio,
    floatElement(ID.samplingFrequency, track.sampleRate),
    ...(outputRate === undefined ? [] : [floatElement(ID.outputSamplingFrequency, outputRate)]),
    uintElement(ID.channels, track.channels),
  );
}

function trackEntry(track: Track, number: number): Buffer {
  const delayNs = codecDelayNs(track);
  return element(
    ID.trackEntry,
    uintElement(ID.trackNumber, number),
    uintElement(ID.trackUid, number),
    uintElement(ID.trackType, track.kind === 'video' ? 1 : 2),
    uintElement(ID.flagLacing, 0),
    textElement(ID.codecId, CODEC_IDS[track.codec]),
    ...codecPrivate(track),
    ...(delayNs > 0 ? [uintElement(ID.codecDelay, delayNs)] : []),
    ...(track.codec === 'opus' ? [uintElement(ID.seekPreRoll, OPUS_SEEK_PRE_ROLL_NS)] : []),
    track.kind === 'video' ? videoEntry(track) : audioEntry(track),
  );
}

/** EBML header, the start of an endless segment, its info and its tracks, numbered from 1 in order. */
export function matroskaHeader(tracks: readonly Track[], timestampScaleNs: number): Buffer {
  return Buffer.concat([
    element(
      ID.ebml,
      textElement(ID.docType, 'matroska'),
      uintElement(ID.docTypeVersion, 4),
      uintElement(ID.docTypeReadVersion, 2),
    ),
    openElement(ID.segment),
    element(
      ID.info,
      uintElement(ID.timestampScale, timestampScaleNs),
      textElement(ID.muxingApp, 'recorderd'),
      textElement(ID.writingApp, 'recorderd'),
    ),
    element(ID.tracks, ...tracks.map((track, i) => trackEntry(track, i + 1))),
  ]);
}
