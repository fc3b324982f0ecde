import { isIPv6 } from 'node:net';
import { answeredExtensions, parameter } from './negotiation.ts';
import type { Accepted, Negotiated } from './negotiation.ts';
import type { Candidate, Format, IceCredentials, LocalTransport, Section } from './offer.ts';

const EOL = '\r\n';

/**
 * Writes the answer: one m-line for each of the offer's, those not received with port 0. Every line is made here of
 * checked values; of the offer's texts only tokens are written back.
 *
 * The order within an m-line serves the Web SDK. It takes the first format for "the codec", and it applies a
 * publisher's bitrate limits by looking at the one line after the rtpmap of H264 or VP8: to a fmtp of that format it
 * appends them behind the carriage return, before any other line it puts a fmtp of its own. Feedback between the two
 * makes it the latter. Browsers join several fmtp lines of one format, the last one wins, so that ours names nothing
 * that the SDK sets for a publisher.
 */
export function writeAnswer(negotiated: Negotiated, local: LocalTransport, sessionId: string): string {
  const { offer, accepted } = negotiated;
  const bundle = accepted.map(({ section }) => section.mid).filter((mid) => offer.bundle.includes(mid));
  const lines = ['v=0', `o=- ${sessionId} 1 IN IP4 0.0.0.0`, 's=-', 't=0 0'];
  if (bundle.length > 0) lines.push(`a=group:BUNDLE ${bundle.join(' ')}`);
  for (const [index, section] of offer.sections.entries()) {
    const taken = accepted.find((each) => each.index === index);
    lines.push(...(taken === undefined ? rejection(section) : acceptance(taken, negotiated, local)));
  }
  return lines.join(EOL) + EOL;
}

/**
 * The offer as the transport's agent is shown it: one m-line with every payload type in it, so that the agent hands
 * over every packet that DTLS-SRTP lets through, whatever its SSRC.
 */
export function writeTransportOffer(negotiated: Negotiated): string {
  const formats = negotiated.accepted.flatMap(formatsOf);
  const { ice, fingerprint, isClientPassive } = negotiated;
  return (
    [
      'v=0',
      'o=- 1 1 IN IP4 0.0.0.0',
      's=-',
      't=0 0',
      'a=group:BUNDLE 0',
      `m=video 9 UDP/TLS/RTP/SAVPF ${formats.map(({ payloadType }) => payloadType).join(' ')}`,
      'c=IN IP4 0.0.0.0',
      ...credentialLines(ice),
      `a=fingerprint:${fingerprint.hash} ${fingerprint.value}`,
      // The agent takes the other role.
      `a=setup:${isClientPassive ? 'passive' : 'active'}`,
      'a=mid:0',
      'a=sendonly',
      'a=rtcp-mux',
      ...formats.map(rtpmap),
    ].join(EOL) + EOL
  );
}

function formatsOf(accepted: Accepted): readonly Format[] {
  return accepted.kind === 'video' && accepted.rtx !== undefined
    ? [accepted.format, accepted.rtx]
    : [accepted.format];
}

function rejection({ kind, protocol, payloads, mid }: Section): readonly string[] {
  const lines = [
    `m=${kind} 0 ${protocol === '' ? 'UDP/TLS/RTP/SAVPF' : protocol} ${payloads.length === 0 ? '0' : payloads.join(' ')}`,
    'c=IN IP4 0.0.0.0',
  ];
  if (mid !== '') lines.push(`a=mid:${mid}`);
  return [...lines, 'a=inactive'];
}

function acceptance(accepted: Accepted, negotiated: Negotiated, local: LocalTransport): readonly string[] {
  const { section } = accepted;
  const formats = formatsOf(accepted);
  const leading = mostReachable(local.candidates);
  return [
    `m=${section.kind} ${leading?.port ?? 9} ${section.protocol} ${formats.map(({ payloadType }) => payloadType).join(' ')}`,
    `c=${connection(leading)}`,
    `a=rtcp:${leading?.port ?? 9} ${connection(leading)}`,
    ...credentialLines(local.ice),
    `a=fingerprint:${local.fingerprint.hash} ${local.fingerprint.value}`,
    `a=setup:${negotiated.isClientPassive ? 'active' : 'passive'}`,
    ...(section.mid === '' ? [] : [`a=mid:${section.mid}`]),
    ...answeredExtensions(negotiated, section).map(({ id, uri }) => `a=extmap:${id} ${uri}`),
    'a=recvonly',
    'a=rtcp-mux',
    ...(negotiated.hasReducedSize ? ['a=rtcp-rsize'] : []),
    ...formatLines(accepted),
    ...local.candidates.map(candidateLine),
    'a=end-of-candidates',
  ];
}

function credentialLines({ ufrag, password }: IceCredentials): readonly string[] {
  return [`a=ice-ufrag:${ufrag}`, `a=ice-pwd:${password}`];
}

function connection(candidate: Candidate | undefined): string {
  if (candidate === undefined) return 'IN IP4 0.0.0.0';
  return `IN ${isIPv6(candidate.address) ? 'IP6' : 'IP4'} ${candidate.address}`;
}

function candidateLine({ foundation, priority, address, port }: Candidate): string {
  return `a=candidate:${foundation} 1 udp ${priority} ${address} ${port} typ host`;
}

function rtpmap({ payloadType, name, clockRate, channels }: Format): string {
  return `a=rtpmap:${payloadType} ${name}/${clockRate}${channels === undefined ? '' : `/${channels}`}`;
}

function formatLines(accepted: Accepted): readonly string[] {
  const { format } = accepted;
  const lines = [
    rtpmap(format),
    ...accepted.feedback.map((value) => `a=rtcp-fb:${format.payloadType} ${value}`),
  ];
  const fmtp = accepted.kind === 'video' ? videoParameters(format) : audioParameters(format);
  if (fmtp !== '') lines.push(`a=fmtp:${format.payloadType} ${fmtp}`);
  if (accepted.kind === 'video' && accepted.rtx !== undefined) {
    lines.push(rtpmap(accepted.rtx), `a=fmtp:${accepted.rtx.payloadType} apt=${format.payloadType}`);
  }
  return lines;
}

/** The profile must be answered as it was offered (RFC 6184, 8.2.2). */
function videoParameters({ encoding, fmtp }: Format): string {
  if (encoding !== 'h264') return '';
  return ['level-asymmetry-allowed', 'packetization-mode', 'profile-level-id']
    .flatMap((name) => {
      const value = parameter(fmtp, name);
      return value !== undefined && /^[0-9A-Fa-f]{1,8}$/.test(value) ? [`${name}=${value}`] : [];
    })
    .join(';');
}

/** Stereo is recorded when it is offered. In-band FEC stays at its default, off: lost packets are sent again. */
function audioParameters({ encoding, fmtp }: Format): string {
  if (encoding !== 'opus') return '';
  return parameter(fmtp, 'stereo') === '1' ? 'minptime=10;stereo=1;sprop-stereo=1' : 'minptime=10';
}

/** Default destination for clients that know no candidates (RFC 8839, 4.2.1.1). */
function mostReachable(candidates: readonly Candidate[]): Candidate | undefined {
  return candidates.find(({ address }) => !isIPv6(address)) ?? candidates[0];
}
