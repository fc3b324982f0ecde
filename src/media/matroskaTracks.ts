import type { AudioCodec, VideoCodec } from '../domain/codec.ts';
import type { Track } from '../domain/media.ts';
import { audioFormat, videoSize } from './codecConfig.ts';
import type { DemuxedTrack } from './demuxed.ts';
import { floatOf, readElements, uintOf } from './ebmlRead.ts';

/** Element IDs of RFC 9559, 5.1.4. */
const ID = {
  trackEntry: 0xae,
  trackNumber: 0xd7,
  trackType: 0x83,
  defaultDuration: 0x23e383,
  codecId: 0x86,
  codecPrivate: 0x63a2,
  codecDelay: 0x56aa,
  video: 0xe0,
  pixelWidth: 0xb0,
  pixelHeight: 0xba,
  audio: 0xe1,
  samplingFrequency: 0xb5,
  channels: 0x9f,
} as const;

const VIDEO_CODECS: Readonly<Record<string, VideoCodec>> = {
  'V_MPEG4/ISO/AVC': 'h264',
  'V_MPEGH/ISO/HEVC': 'hevc',
  V_VP8: 'vp8',
  V_VP9: 'vp9',
  V_AV1: 'av1',
};
const AUDIO_CODECS: Readonly<Record<string, AudioCodec>> = {
  A_AAC: 'aac',
  A_OPUS: 'opus',
  'A_MPEG/L3': 'mp3',
};
const MICROSOFT_ACM = 'A_MS/ACM';
/** Format tags of WAVEFORMATEX. */
const WAVE_TAGS: Readonly<Record<number, AudioCodec>> = { 6: 'pcma', 7: 'pcmu', 0xa109: 'speex' };
/** Shortest configuration a decoder can start with; a codec that is not here needs none. */
const MIN_CONFIG_BYTES: Partial<Record<VideoCodec | AudioCodec, number>> = {
  h264: 7,
  hevc: 23,
  av1: 4,
  aac: 2,
};
/** Codecs whose CodecPrivate is not what {@link Track.config} means. */
const WITHOUT_CONFIG: ReadonlySet<string> = new Set(['vp8', 'vp9', 'mp3', 'pcma', 'pcmu', 'speex']);
const NO_CONFIG = Buffer.alloc(0);
const MAX_TRACKS = 64;

/** A track and what its block times count too much. */
export interface MatroskaTrack extends DemuxedTrack {
  readonly codecDelayNs: number;
}

interface Entry {
  number: number;
  type: number;
  codecId: string;
  config: Buffer;
  delayNs: number;
  frameNs: number;
  width: number;
  height: number;
  sampleRate: number;
  channels: number;
}

/** The tracks of a Tracks element. @throws RangeError for a damaged one. */
export function readTracks(body: Buffer): MatroskaTrack[] {
  const tracks: MatroskaTrack[] = [];
  for (const { id, body: value } of readElements(body)) {
    if (id !== ID.trackEntry) continue;
    if (tracks.length === MAX_TRACKS) throw new RangeError('too many tracks');
    const entry = readEntry(value);
    tracks.push({
      number: entry.number,
      kind: entry.type === 1 ? 'video' : entry.type === 2 ? 'audio' : undefined,
      track: videoTrack(entry) ?? audioTrack(entry),
      codecName: entry.codecId,
      codecDelayNs: entry.delayNs,
      frameUs: entry.frameNs > 0 ? entry.frameNs / 1000 : undefined,
    });
  }
  return tracks;
}

function readEntry(body: Buffer): Entry {
  const entry: Entry = {
    number: 0,
    type: 0,
    codecId: '',
    config: NO_CONFIG,
    delayNs: 0,
    frameNs: 0,
    width: 0,
    height: 0,
    sampleRate: 8000,
    channels: 1,
  };
  for (const { id, body: value } of readElements(body)) readField(entry, id, value);
  return entry;
}

function readField(entry: Entry, id: number, value: Buffer): void {
  switch (id) {
    case ID.trackNumber:
      entry.number = uintOf(value);
      break;
    case ID.trackType:
      entry.type = uintOf(value);
      break;
    case ID.codecId:
      entry.codecId = value.toString('latin1').replace(/\0+$/, '').slice(0, 64);
      break;
    case ID.codecPrivate:
      // A copy: it lives as long as the track and would keep the whole chunk.
      entry.config = Buffer.from(value);
      break;
    case ID.codecDelay:
      entry.delayNs = uintOf(value);
      break;
    case ID.defaultDuration:
      entry.frameNs = uintOf(value);
      break;
    case ID.video:
    case ID.audio:
      for (const each of readElements(value)) readFormat(entry, each.id, each.body);
      break;
  }
}

function readFormat(entry: Entry, id: number, value: Buffer): void {
  if (id === ID.pixelWidth) entry.width = uintOf(value);
  else if (id === ID.pixelHeight) entry.height = uintOf(value);
  else if (id === ID.samplingFrequency) entry.sampleRate = floatOf(value);
  else if (id === ID.channels) entry.channels = uintOf(value);
}

function videoTrack(entry: Entry): Track | undefined {
  const codec = VIDEO_CODECS[entry.codecId];
  const config = codec === undefined ? undefined : configOf(codec, entry.config);
  if (codec === undefined || config === undefined) return undefined;
  const size = videoSize(codec, config);
  const { width, height } = size.width > 0 ? size : entry;
  return { id: entry.number, kind: 'video', codec, config, width, height };
}

function audioTrack(entry: Entry): Track | undefined {
  const codec = AUDIO_CODECS[entry.codecId] ?? waveCodec(entry);
  let config = codec === undefined ? undefined : configOf(codec, entry.config);
  if (codec === undefined || config === undefined) return undefined;
  if (codec === 'opus' && config.length === 0) config = opusHead(entry.channels);
  const known = codec === 'aac' || codec === 'opus' ? audioFormat(codec, config) : undefined;
  const { sampleRate, channels } = known ?? entry;
  return { id: entry.number, kind: 'audio', codec, config, sampleRate, channels };
}

function configOf(codec: VideoCodec | AudioCodec, codecPrivate: Buffer): Buffer | undefined {
  if (WITHOUT_CONFIG.has(codec)) return NO_CONFIG;
  return codecPrivate.length < (MIN_CONFIG_BYTES[codec] ?? 0) ? undefined : codecPrivate;
}

function waveCodec(entry: Entry): AudioCodec | undefined {
  if (entry.codecId !== MICROSOFT_ACM || entry.config.length < 2) return undefined;
  return WAVE_TAGS[entry.config.readUInt16LE(0)];
}

/** Identification header without pre-skip (RFC 7845, 5.1): RTP carries none. */
function opusHead(channels: number): Buffer {
  const head = Buffer.alloc(19);
  head.write('OpusHead', 'latin1');
  head.writeUInt8(1, 8);
  head.writeUInt8(Math.min(2, Math.max(1, channels)), 9);
  head.writeUInt32LE(48_000, 12);
  return head;
}
