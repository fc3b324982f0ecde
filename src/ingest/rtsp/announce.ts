import type { RtpCodec } from '../rtp/createDepacketiser.ts';
import { parseFmtp } from '../rtp/depacketiser.ts';
import { isLatmUsable } from '../rtp/latm.ts';
import { RtspError } from './message.ts';

/** What is known of a track's media. */
export interface TrackFormat {
  readonly kind: 'audio' | 'video';
  readonly codec: RtpCodec;
  readonly payloadType: number;
  /** Hz. */
  readonly clockRate: number;
  readonly channels: number;
  /** Text of the `a=fmtp` line after the payload type. */
  readonly fmtp: string;
}

/** One m-line of an announcement. */
export interface AnnouncedTrack {
  /** Place among the m-lines, from 0. */
  readonly index: number;
  /** Value of `a=control`; empty without one. */
  readonly control: string;
  /** Undefined when the server cannot record the media. */
  readonly format: TrackFormat | undefined;
  /** The media in words, e.g. `video H264`. */
  readonly description: string;
}

interface Codec {
  readonly kind: TrackFormat['kind'];
  readonly codec: RtpCodec;
  /** False for variants that no depacketiser takes. */
  readonly isUsable?: (fmtp: string) => boolean;
}

/** By encoding name in lower case. */
const CODECS: ReadonlyMap<string, Codec> = new Map<string, Codec>([
  // Interleaved mode puts access units out of order (RFC 6184, 5.4).
  ['h264', { kind: 'video', codec: 'h264', isUsable: (fmtp) => !/packetization-mode\s*=\s*2/i.test(fmtp) }],
  ['h265', { kind: 'video', codec: 'hevc' }],
  ['vp8', { kind: 'video', codec: 'vp8' }],
  ['opus', { kind: 'audio', codec: 'opus' }],
  ['pcmu', { kind: 'audio', codec: 'pcmu' }],
  ['pcma', { kind: 'audio', codec: 'pcma' }],
  ['mpeg4-generic', { kind: 'audio', codec: 'aac', isUsable: isAac }],
  ['mp4a-latm', { kind: 'audio', codec: 'aac-latm', isUsable: (fmtp) => isLatmUsable(parseFmtp(fmtp)) }],
]);
/** Payload types that may stand without an rtpmap (RFC 3551, 6). */
const STATIC: ReadonlyMap<string, string> = new Map([
  ['0', 'PCMU/8000'],
  ['8', 'PCMA/8000'],
]);

const MAX_LINES = 512;
const MAX_LINE_CHARACTERS = 4_096;
const MEDIA_LINE = /^m=([a-z]{1,16}) \d{1,5}(?:\/\d{1,5})? (\S{1,32})((?: \S{1,32}){1,64})$/i;
const RTPMAP = /^([A-Za-z0-9._-]{1,32})\/(\d{1,7})(?:\/(\d{1,3}))?$/;
const MIN_CLOCK_RATE = 1_000;
const MAX_CLOCK_RATE = 1_000_000;
const MAX_CHANNELS = 8;

/** MPEG-4 audio with its configuration beside it (RFC 3640, 3.3.5 and 3.3.6). */
function isAac(text: string): boolean {
  const fmtp = parseFmtp(text);
  const hasConfig = /^(?:[0-9a-f]{2}){2,64}$/i.test(fmtp.get('config') ?? '');
  return hasConfig && /^aac-[hl]br$/i.test(fmtp.get('mode') ?? '');
}

interface Section {
  readonly kind: string;
  readonly protocol: string;
  readonly payloads: readonly string[];
  /** Attributes of the section as `name:value`, without `a=`. */
  readonly attributes: string[];
}

/**
 * Reads the session description of an ANNOUNCE (RFC 2326, C). A client may announce more than can be recorded: each
 * m-line is judged for itself. @throws RtspError 400 when it is none; 415 when nothing in it can be recorded.
 */
export function readAnnouncement(sdp: string, maxTracks: number): readonly AnnouncedTrack[] {
  const lines = sdp.split(/\r\n|\r|\n/, MAX_LINES + 1).map((line) => line.trim());
  if (lines.length > MAX_LINES || lines.some((line) => line.length > MAX_LINE_CHARACTERS))
    throw new RtspError(400, 'the session description is too long');
  if (lines.find((line) => line !== '') !== 'v=0')
    throw new RtspError(400, 'the session description does not begin with v=0');
  const sections = split(lines);
  if (sections.length === 0) throw new RtspError(400, 'the session description has no m-line');
  if (sections.length > maxTracks) throw new RtspError(400, `more than ${maxTracks} tracks`);
  const tracks = sections.map(readSection);
  if (tracks.every(({ format }) => format === undefined))
    throw new RtspError(415, 'no track has a codec that can be recorded');
  return tracks;
}

function split(lines: readonly string[]): readonly Section[] {
  const sections: Section[] = [];
  for (const line of lines) {
    if (line.startsWith('a=')) sections.at(-1)?.attributes.push(line.slice(2));
    if (!line.startsWith('m=')) continue;
    const [, kind, protocol, formats] = MEDIA_LINE.exec(line) ?? [];
    if (kind === undefined || protocol === undefined || formats === undefined)
      throw new RtspError(400, 'the session description has a malformed m-line');
    sections.push({ kind, protocol, payloads: formats.trim().split(' '), attributes: [] });
  }
  return sections;
}

function valueOf(section: Section, name: string): string | undefined {
  return section.attributes.find((line) => line.startsWith(`${name}:`))?.slice(name.length + 1);
}

function readSection(section: Section, index: number): AnnouncedTrack {
  const isRtp = /^RTP\/AVPF?$/i.test(section.protocol);
  const formats = section.payloads.map((payload) => readFormat(section, payload));
  const [first = ''] = section.payloads;
  const name = mapOf(section, first) ?? first;
  return {
    index,
    control: valueOf(section, 'control')?.trim() ?? '',
    format: isRtp ? formats.find((format) => format !== undefined) : undefined,
    description: `${section.kind} ${name.slice(0, 64)} ${section.protocol}`,
  };
}

function mapOf(section: Section, payload: string): string | undefined {
  const prefix = `rtpmap:${payload} `;
  const line = section.attributes.find((each) => each.startsWith(prefix));
  return line?.slice(prefix.length).trim() ?? STATIC.get(payload);
}

function readFormat(section: Section, payload: string): TrackFormat | undefined {
  const [, encoding = '', rate, channels = '1'] = RTPMAP.exec(mapOf(section, payload) ?? '') ?? [];
  const known = CODECS.get(encoding.toLowerCase());
  if (known?.kind !== section.kind.toLowerCase()) return undefined;
  const fmtp = fmtpOf(section, payload);
  const format = { payloadType: Number(payload), clockRate: Number(rate), channels: Number(channels) };
  if (!isSane(format) || known.isUsable?.(fmtp) === false) return undefined;
  return { kind: known.kind, codec: known.codec, ...format, fmtp };
}

function fmtpOf(section: Section, payload: string): string {
  const prefix = `fmtp:${payload} `;
  const line = section.attributes.find((each) => each.startsWith(prefix));
  return line?.slice(prefix.length).trim() ?? '';
}

function isSane({ payloadType, clockRate, channels }: Omit<TrackFormat, 'kind' | 'codec' | 'fmtp'>): boolean {
  const areChannels = channels >= 1 && channels <= MAX_CHANNELS;
  return payloadType <= 127 && clockRate >= MIN_CLOCK_RATE && clockRate <= MAX_CLOCK_RATE && areChannels;
}

/**
 * The track that a SETUP names (RFC 2326, C.1.1). Clients put a relative control behind the URL of the ANNOUNCE, its
 * query included; the longest control that fits is meant, so that `1` is not taken for `track11`.
 */
export function trackOf(uri: string, tracks: readonly AnnouncedTrack[]): AnnouncedTrack | undefined {
  const named = tracks.filter(({ control }) => control !== '' && control !== '*');
  const fitting = named.filter(({ control }) => uri === control || uri.endsWith(`/${control}`));
  if (fitting.length === 0) return tracks.length === 1 ? tracks[0] : undefined;
  return fitting.reduce((best, each) => (each.control.length > best.control.length ? each : best));
}
