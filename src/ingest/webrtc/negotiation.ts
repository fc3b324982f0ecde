import { RecorderdError } from '../../domain/errors.ts';
import type { Fingerprint, Format, IceCredentials, Offer, Section } from './offer.ts';

/** Codecs with a depacketiser that a WebRTC sender may be asked for. */
export type VideoChoice = 'h264' | 'vp8';
export type AudioChoice = 'opus' | 'pcma' | 'pcmu';

/** What the server takes. */
export interface CodecPreferences {
  /** Any of these; the offer's order decides, because the client put its favourite first. */
  readonly video: readonly VideoChoice[];
  /** Best first, whatever the offer's order. */
  readonly audio: readonly AudioChoice[];
}

/** Sequence numbers across all packets of a transport, which the sender's bandwidth estimate needs. */
export const TRANSPORT_WIDE_CC = 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01';
const MID = 'urn:ietf:params:rtp-hdrext:sdes:mid';
/** Extensions that are answered. Not video-orientation: without it the browser turns the picture itself. */
const EXTENSIONS: readonly string[] = [MID, TRANSPORT_WIDE_CC];

/** Feedback on video that the server sends, in the order it is written. */
const VIDEO_FEEDBACK: readonly string[] = ['transport-cc', 'nack', 'nack pli', 'ccm fir'];

const PROTOCOLS: readonly string[] = [
  'UDP/TLS/RTP/SAVPF',
  'TCP/TLS/RTP/SAVPF',
  'RTP/SAVPF',
  'UDP/TLS/RTP/SAVP',
  'RTP/SAVP',
];

interface AcceptedBase {
  /** Position among the offer's m-lines. */
  readonly index: number;
  readonly section: Section;
  readonly format: Format;
  /** `a=rtcp-fb` values of the format that are answered, and so may be sent. */
  readonly feedback: readonly string[];
}

export interface AcceptedAudio extends AcceptedBase {
  readonly kind: 'audio';
  readonly codec: AudioChoice;
}

export interface AcceptedVideo extends AcceptedBase {
  readonly kind: 'video';
  readonly codec: VideoChoice;
  /** Retransmissions of the format (RFC 4588); undefined when they come in the media's own SSRC. */
  readonly rtx: Format | undefined;
}

/** An m-line that will be received. */
export type Accepted = AcceptedAudio | AcceptedVideo;

/** What offer and server have in common. */
export interface Negotiated {
  readonly offer: Offer;
  readonly audio: AcceptedAudio | undefined;
  readonly video: AcceptedVideo | undefined;
  /** In the offer's order. */
  readonly accepted: readonly Accepted[];
  /** Words such as `audio` of sending m-lines that have no codec in common with the server. */
  readonly refused: readonly string[];
  readonly ice: IceCredentials;
  readonly fingerprint: Fingerprint;
  /** The client insists on being the DTLS server, so that the answer must be `active` (RFC 8842, 5.3). */
  readonly isClientPassive: boolean;
  /** Id of the transport-wide sequence number; undefined when the sender has none. */
  readonly transportWideId: number | undefined;
  readonly hasReducedSize: boolean;
}

/**
 * Chooses one audio and one video m-line of an offer, and one codec for each.
 * @throws RecorderdError NO_COMMON_CODECS, BAD_REQUEST for an offer that one DTLS transport cannot carry.
 */
export function negotiate(offer: Offer, codecs: CodecPreferences): Negotiated {
  const video = first(offer, 'video', (section, index) => videoOf(section, index, codecs.video));
  const audio = first(offer, 'audio', (section, index) => audioOf(section, index, codecs.audio));
  const accepted = [audio, video].filter((each) => each !== undefined).sort((a, b) => a.index - b.index);
  const [leading] = accepted;
  if (leading === undefined) throw new RecorderdError('NO_COMMON_CODECS', 'No common codecs');
  checkOneTransport(offer, accepted);
  const { ice, fingerprint } = transportOf(offer, leading.section);
  return {
    offer,
    audio,
    video,
    accepted,
    refused: refusedKinds(offer, accepted),
    ice,
    fingerprint,
    isClientPassive: leading.section.setup === 'passive',
    transportWideId: accepted.map(({ section }) => transportWideId(section)).find((id) => id !== undefined),
    hasReducedSize: accepted.every(({ section }) => section.hasReducedSize),
  };
}

/** Extensions of a section that the answer takes over. Ids are common to all sections of a bundle. */
export function answeredExtensions(negotiated: Negotiated, section: Section): Section['extensions'] {
  return section.extensions.filter(
    ({ id, uri }) =>
      EXTENSIONS.includes(uri) && (uri !== TRANSPORT_WIDE_CC || id === negotiated.transportWideId),
  );
}

function transportWideId(section: Section): number | undefined {
  return section.extensions.find(({ uri }) => uri === TRANSPORT_WIDE_CC)?.id;
}

function first<T>(
  offer: Offer,
  kind: string,
  accept: (section: Section, index: number) => T | undefined,
): T | undefined {
  for (const [index, section] of offer.sections.entries()) {
    if (section.kind !== kind || !section.isSending || !PROTOCOLS.includes(section.protocol)) continue;
    const accepted = accept(section, index);
    if (accepted !== undefined) return accepted;
  }
  return undefined;
}

function videoOf(
  section: Section,
  index: number,
  choices: readonly VideoChoice[],
): AcceptedVideo | undefined {
  const isWanted = ({ encoding, clockRate }: Format): boolean =>
    clockRate === 90_000 && (choices as readonly string[]).includes(encoding);
  const favourite = section.formats.find(isWanted);
  if (favourite === undefined) return undefined;
  const format = favourite.encoding === 'h264' ? bestH264(section.formats) : favourite;
  const rtx = section.formats.find(
    (each) => each.encoding === 'rtx' && parameter(each.fmtp, 'apt') === String(format.payloadType),
  );
  const codec = format.encoding as VideoChoice;
  return { kind: 'video', index, section, format, codec, rtx, feedback: videoFeedback(format) };
}

/**
 * The SDK's `stripCodecs` compares payload types by their first digits: without G722, which is 9, VP8's 96 has lost
 * all its feedback. Browsers give it all the same when it is answered.
 */
function videoFeedback({ feedback }: Format): readonly string[] {
  return feedback.size === 0 ? VIDEO_FEEDBACK : VIDEO_FEEDBACK.filter((value) => feedback.has(value));
}

/** Chromium does not offer NACK for audio, but sends lost audio packets again when it is answered. */
function audioFeedback({ feedback }: Format): readonly string[] {
  return feedback.has('transport-cc') ? ['transport-cc', 'nack'] : ['nack'];
}

/** Packetization mode 1 before 0, because 0 forbids fragments (RFC 6184, 6.2); then the baseline profiles, 42xx. */
function bestH264(formats: readonly Format[]): Format {
  const cost = ({ fmtp }: Format): number => {
    const isWhole = parameter(fmtp, 'packetization-mode') !== '1';
    const isOther = !(parameter(fmtp, 'profile-level-id') ?? '42').startsWith('42');
    return (isWhole ? 2 : 0) + (isOther ? 1 : 0);
  };
  const all = formats.filter(({ encoding, clockRate }) => encoding === 'h264' && clockRate === 90_000);
  return all.reduce((best, each) => (cost(each) < cost(best) ? each : best));
}

function audioOf(
  section: Section,
  index: number,
  choices: readonly AudioChoice[],
): AcceptedAudio | undefined {
  for (const codec of choices) {
    const rate = codec === 'opus' ? 48_000 : 8_000;
    const format = section.formats.find((each) => each.encoding === codec && each.clockRate === rate);
    if (format !== undefined) {
      return { kind: 'audio', index, section, format, codec, feedback: audioFeedback(format) };
    }
  }
  return undefined;
}

/** Value of one parameter of an `a=fmtp` text. */
export function parameter(fmtp: string, name: string): string | undefined {
  for (const part of fmtp.split(';')) {
    const [key, value] = part.split('=', 2);
    if (key?.trim().toLowerCase() === name) return value?.trim() ?? '';
  }
  return undefined;
}

/** Audio and video must share one transport and be told apart by payload type there (RFC 9143, 10.2). */
function checkOneTransport(offer: Offer, accepted: readonly Accepted[]): void {
  const [one, other] = accepted;
  if (one === undefined || other === undefined) return;
  if (!accepted.every(({ section }) => offer.bundle.includes(section.mid))) {
    throw new RecorderdError('BAD_REQUEST', 'SDP offer: audio and video are not in one BUNDLE group');
  }
  const payloadTypes = accepted.flatMap((each) => [
    each.format.payloadType,
    ...(each.kind === 'video' && each.rtx !== undefined ? [each.rtx.payloadType] : []),
  ]);
  if (one.section.mid === other.section.mid || new Set(payloadTypes).size < payloadTypes.length) {
    throw new RecorderdError('BAD_REQUEST', 'SDP offer: audio and video share a mid or a payload type');
  }
}

/** Sections that exist in the bundle only may leave the transport to the section that leads it (RFC 9143, 7.1.3). */
function transportOf(
  offer: Offer,
  leading: Section,
): { readonly ice: IceCredentials; readonly fingerprint: Fingerprint } {
  const tagged = offer.sections.find(({ mid }) => mid !== '' && mid === offer.bundle[0]);
  const isBundled = offer.bundle.includes(leading.mid);
  const source = isBundled && tagged !== undefined && leading.ice === undefined ? tagged : leading;
  const { ice, fingerprint } = source;
  if (ice === undefined)
    throw new RecorderdError('BAD_REQUEST', 'SDP offer: no usable ice-ufrag and ice-pwd');
  if (fingerprint === undefined) throw new RecorderdError('BAD_REQUEST', 'SDP offer: no usable fingerprint');
  return { ice, fingerprint };
}

function refusedKinds(offer: Offer, accepted: readonly Accepted[]): readonly string[] {
  const taken = new Set<string>(accepted.map(({ kind }) => kind));
  const sending = offer.sections.filter(({ kind, isSending }) => isSending && /^(?:audio|video)$/.test(kind));
  return [...new Set(sending.map(({ kind }) => kind))].filter((kind) => !taken.has(kind));
}
