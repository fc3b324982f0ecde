import { parse } from 'sdp-transform';
import type { MediaAttributes, MediaDescription, SessionDescription } from 'sdp-transform';
import { RecorderdError } from '../../domain/errors.ts';

/** Browsers send about 10 KB. */
const MAX_SDP_CHARACTERS = 65_536;
const MAX_LINE_CHARACTERS = 4_096;
const MAX_SECTIONS = 32;
const MAX_ENTRIES = 256;

/** ice-char of RFC 8839, 5.4. */
const UFRAG = /^[A-Za-z0-9+/]{4,256}$/;
const PASSWORD = /^[A-Za-z0-9+/]{22,256}$/;
/** Bytes of a digest, by its name in RFC 8122, 5. The transport fails on an offer with another length. */
const DIGEST_BYTES: ReadonlyMap<string, number> = new Map([
  ['sha-1', 20],
  ['sha-224', 28],
  ['sha-256', 32],
  ['sha-384', 48],
  ['sha-512', 64],
]);
const FINGERPRINT = /^[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})*$/;
/** Token of RFC 8866, 9. */
const TOKEN = /^[A-Za-z0-9!#$%&'*+\-.^_`{|}~]{1,64}$/;
const PROTOCOL = /^[A-Za-z0-9/]{1,32}$/;
/** Printable ASCII: fit to stand in a line of ours. */
const PARAMETERS = /^[\x20-\x7e]{0,2048}$/;

/** One payload type of a media section. */
export interface Format {
  readonly payloadType: number;
  /** Encoding name in lower case, e.g. `h264`, `opus`, `rtx`. */
  readonly encoding: string;
  /** As the offer spells it. */
  readonly name: string;
  readonly clockRate: number;
  /** Audio channels; undefined when the rtpmap names none. */
  readonly channels: number | undefined;
  /** Text of the `a=fmtp` line after the payload type; empty without one. */
  readonly fmtp: string;
  /** `a=rtcp-fb` values of the payload type, those of `*` included, e.g. `nack pli`. */
  readonly feedback: ReadonlySet<string>;
}

/** A header extension that the sender can add (RFC 8285). */
export interface Extension {
  readonly id: number;
  readonly uri: string;
}

/** One m-line of an offer with what follows it. */
export interface Section {
  /** Word of the m-line: `audio`, `video`, `application`. */
  readonly kind: string;
  readonly protocol: string;
  /** Formats of the m-line as they stand there. */
  readonly payloads: readonly string[];
  /** Empty when the section has none. */
  readonly mid: string;
  /** The offerer would send media here. */
  readonly isSending: boolean;
  readonly formats: readonly Format[];
  readonly extensions: readonly Extension[];
  readonly hasReducedSize: boolean;
  readonly ssrcs: readonly number[];
  /** SSRC of retransmissions to the SSRC they repeat (RFC 4588, 8.6, `FID` of RFC 5576). */
  readonly retransmissions: ReadonlyMap<number, number>;
  readonly ice: IceCredentials | undefined;
  readonly fingerprint: Fingerprint | undefined;
  readonly setup: string;
}

/** ICE credentials of one side (RFC 8839, 5.4). */
export interface IceCredentials {
  readonly ufrag: string;
  readonly password: string;
}

/** Digest of a DTLS certificate (RFC 8122, 5). */
export interface Fingerprint {
  readonly hash: string;
  readonly value: string;
}

/** What an SDP offer says, as far as a receiver of media has use for it. All texts are fit to be written back. */
export interface Offer {
  readonly sections: readonly Section[];
  /** Identification tags of the first BUNDLE group (RFC 9143); empty without one. */
  readonly bundle: readonly string[];
}

/** The session-wide part of an agent's own description. */
export interface LocalTransport {
  readonly ice: IceCredentials;
  readonly fingerprint: Fingerprint;
  readonly candidates: readonly Candidate[];
}

/** One UDP address that the server receives at. */
export interface Candidate {
  readonly foundation: string;
  readonly priority: number;
  readonly address: string;
  readonly port: number;
}

/** Reads an offer, with CRLF or LF line ends. @throws RecorderdError BAD_REQUEST when it is none or too long. */
export function readOffer(sdp: string): Offer {
  if (sdp.length > MAX_SDP_CHARACTERS) throw bad('longer than 65536 characters');
  const lines = sdp.split(/\r\n|\r|\n/);
  if (lines.some((line) => line.length > MAX_LINE_CHARACTERS))
    throw bad('a line is longer than 4096 characters');
  if (lines.find((line) => line.trim() !== '')?.trim() !== 'v=0') throw bad('does not begin with v=0');
  // The SDK's own editing leaves carriage returns and blanks where a line ended.
  const session = parse(lines.map((line) => line.trimEnd()).join('\r\n'));
  if (session.media.length === 0) throw bad('has no m-line');
  if (session.media.length > MAX_SECTIONS) throw bad('has more than 32 m-lines');
  return {
    sections: session.media.map((media) => section(session, media)),
    bundle: bundleOf(session),
  };
}

/** Reads the description that the transport's own agent made. */
export function readLocalTransport(sdp: string): LocalTransport | undefined {
  const session = parse(sdp);
  const media = session.media[0];
  const ice = credentials(media, session);
  const fingerprint = fingerprintOf(media, session);
  if (ice === undefined || fingerprint === undefined) return undefined;
  const candidates = (media?.candidates ?? [])
    .filter(
      ({ component, transport, type }) => component === 1 && /^udp$/i.test(transport) && type === 'host',
    )
    .map(({ foundation, priority, ip, port }) => ({
      foundation: text(foundation),
      priority,
      address: text(ip),
      port,
    }));
  return { ice, fingerprint, candidates };
}

function bad(reason: string): RecorderdError {
  return new RecorderdError('BAD_REQUEST', `SDP offer: ${reason}`);
}

/** The parser turns texts that look like numbers into numbers. */
function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function matching(value: unknown, pattern: RegExp): string | undefined {
  const written = text(value);
  return pattern.test(written) ? written : undefined;
}

function bundleOf(session: SessionDescription): readonly string[] {
  const group = session.groups?.find(({ type }) => type === 'BUNDLE');
  return text(group?.mids)
    .split(/\s+/)
    .filter((mid) => TOKEN.test(mid));
}

function section(session: SessionDescription, media: MediaDescription): Section {
  const payloads = text(media.payloads)
    .split(/\s+/)
    .filter((payload) => TOKEN.test(payload));
  // Port 0 rejects a section, but for those that exist in the bundle only (RFC 9143, 6).
  const isOpen = media.port !== 0 || media.bundleOnly !== undefined;
  const direction = media.direction ?? session.direction ?? 'sendrecv';
  return {
    kind: matching(media.type, TOKEN) ?? 'unknown',
    protocol: matching(media.protocol, PROTOCOL) ?? '',
    payloads: payloads.slice(0, MAX_ENTRIES),
    mid: matching(media.mid, TOKEN) ?? '',
    isSending: isOpen && (direction === 'sendonly' || direction === 'sendrecv'),
    formats: formats(media, new Set(payloads)),
    extensions: extensions(media),
    hasReducedSize: media.rtcpRsize !== undefined,
    ssrcs: numbers((media.ssrcs ?? []).map(({ id }) => id)),
    retransmissions: retransmissions(media),
    ice: credentials(media, session),
    fingerprint: fingerprintOf(media, session),
    setup: text(media.setup ?? session.setup),
  };
}

/** Static payload types that may stand without an rtpmap (RFC 3551, 6). */
const STATIC_FORMATS: MediaAttributes['rtp'] = [
  { payload: 0, codec: 'PCMU', rate: 8000 },
  { payload: 8, codec: 'PCMA', rate: 8000 },
];

/** Formats in the m-line's order; what is not on the m-line is not offered. */
function formats(media: MediaDescription, offered: ReadonlySet<string>): readonly Format[] {
  const feedback = feedbackOf(media);
  const everywhere = feedback.get('*') ?? [];
  const found: Format[] = [];
  for (const payload of [...offered].slice(0, MAX_ENTRIES)) {
    const isIt = (entry: { payload: number }): boolean => String(entry.payload) === payload;
    const map = media.rtp.find(isIt) ?? STATIC_FORMATS.find(isIt);
    const payloadType = Number(payload);
    if (map === undefined || payloadType > 127 || !TOKEN.test(map.codec)) continue;
    const clockRate = whole(map.rate);
    if (clockRate === undefined) continue;
    const name = text(map.codec);
    found.push({
      payloadType,
      encoding: name.toLowerCase(),
      name,
      clockRate,
      channels: typeof map.encoding === 'number' ? map.encoding : undefined,
      fmtp: matching(media.fmtp.find(isIt)?.config, PARAMETERS) ?? '',
      feedback: new Set([...everywhere, ...(feedback.get(payload) ?? [])]),
    });
  }
  return found;
}

/** The parser leaves what is no number as it stands there. */
function whole(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : undefined;
}

function feedbackOf(media: MediaDescription): ReadonlyMap<string, string[]> {
  const byPayload = new Map<string, string[]>();
  for (const { payload, type, subtype } of media.rtcpFb ?? []) {
    const value = subtype === undefined ? text(type) : `${text(type)} ${text(subtype)}`;
    const values = byPayload.get(String(payload));
    if (values === undefined) byPayload.set(String(payload), [value]);
    else values.push(value);
  }
  return byPayload;
}

function extensions(media: MediaDescription): readonly Extension[] {
  return (media.ext ?? [])
    .filter(
      ({ value, direction }) =>
        value > 0 && value < 256 && direction !== 'recvonly' && direction !== 'inactive',
    )
    .slice(0, MAX_ENTRIES)
    .map(({ value, uri }) => ({ id: value, uri: text(uri) }));
}

function numbers(values: readonly unknown[]): readonly number[] {
  const found = values.filter(
    (value): value is number => Number.isInteger(value) && Number(value) <= 0xffffffff,
  );
  return [...new Set(found)].slice(0, MAX_ENTRIES);
}

function retransmissions(media: MediaDescription): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  for (const { semantics, ssrcs } of (media.ssrcGroups ?? []).slice(0, MAX_ENTRIES)) {
    const [original, repeat] = numbers(text(ssrcs).split(' ').map(Number));
    if (semantics === 'FID' && original !== undefined && repeat !== undefined) found.set(repeat, original);
  }
  return found;
}

type Level = Pick<MediaAttributes, 'iceUfrag' | 'icePwd' | 'fingerprint'>;

function credentials(media: Level | undefined, session: Level): IceCredentials | undefined {
  const ufrag = matching(media?.iceUfrag ?? session.iceUfrag, UFRAG);
  const password = matching(media?.icePwd ?? session.icePwd, PASSWORD);
  return ufrag === undefined || password === undefined ? undefined : { ufrag, password };
}

function fingerprintOf(media: Level | undefined, session: Level): Fingerprint | undefined {
  const found = media?.fingerprint ?? session.fingerprint;
  const hash = text(found?.type).toLowerCase();
  const value = matching(found?.hash, FINGERPRINT);
  // Two digits and a colon to a byte.
  return value?.length === (DIGEST_BYTES.get(hash) ?? NaN) * 3 - 1 ? { hash, value } : undefined;
}
