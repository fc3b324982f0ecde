const SENDER_REPORT = 200;
const RECEIVER_REPORT = 201;
const SOURCE_DESCRIPTION = 202;
const BYE = 203;
const TRANSPORT_FEEDBACK = 205;
const PAYLOAD_FEEDBACK = 206;
const GENERIC_NACK = 1;
const PLI = 1;
const FIR = 4;
const CNAME = 1;
const MAX_BLOCKS = 31;
/** A compound packet is one datagram; more parts than this are an attack. */
const MAX_PARTS = 64;
const SR_BYTES = 28;

/** What a sender says about its clocks (RFC 3550, 6.4.1). */
export interface SenderReport {
  readonly type: 'senderReport';
  readonly ssrc: number;
  /** The sender's wall clock in milliseconds since 1900, with fraction. */
  readonly ntpMs: number;
  /** Middle 32 bits of the NTP timestamp, which a receiver report gives back. */
  readonly ntpMiddle: number;
  /** The media clock at that instant, 32 bits. */
  readonly rtpTimestamp: number;
}

/** Sources that left (RFC 3550, 6.6). */
export interface Bye {
  readonly type: 'bye';
  readonly ssrcs: readonly number[];
}

/** The parts of RTCP that a receiver acts on. */
export type RtcpPart = SenderReport | Bye;

function senderReport(data: Buffer, start: number): SenderReport {
  const seconds = data.readUInt32BE(start + 8);
  const fraction = data.readUInt32BE(start + 12);
  return {
    type: 'senderReport',
    ssrc: data.readUInt32BE(start + 4),
    ntpMs: seconds * 1000 + (fraction * 1000) / 2 ** 32,
    ntpMiddle: ((seconds & 0xffff) * 65_536 + (fraction >>> 16)) >>> 0,
    rtpTimestamp: data.readUInt32BE(start + 16),
  };
}

function bye(data: Buffer, start: number, end: number): Bye {
  const ssrcs: number[] = [];
  const count = data.readUInt8(start) & 31;
  for (let at = start + 4; ssrcs.length < count && at + 4 <= end; at += 4) ssrcs.push(data.readUInt32BE(at));
  return { type: 'bye', ssrcs };
}

/**
 * Parses a compound or reduced-size RTCP packet (RFC 3550, 6.1; RFC 5506). Parts that a receiver has no use for are
 * left out; whatever follows a malformed part is not read. Never throws.
 */
export function parseRtcp(data: Buffer): readonly RtcpPart[] {
  const parts: RtcpPart[] = [];
  let start = 0;
  for (let n = 0; n < MAX_PARTS && start + 4 <= data.length; n++) {
    if (data.readUInt8(start) >> 6 !== 2) break;
    const end = start + (data.readUInt16BE(start + 2) + 1) * 4;
    if (end > data.length) break;
    const type = data.readUInt8(start + 1);
    if (type === SENDER_REPORT && end - start >= SR_BYTES) parts.push(senderReport(data, start));
    if (type === BYE) parts.push(bye(data, start, end));
    start = end;
  }
  return parts;
}

/** Reception statistics of one source (RFC 3550, 6.4.1), in the units of the wire. */
export interface ReportBlock {
  readonly ssrc: number;
  /** Loss since the previous report, in 256ths. */
  readonly fractionLost: number;
  /** Signed: duplicates make it negative. */
  readonly cumulativeLost: number;
  /** Extended highest sequence number received, 32 bits. */
  readonly highestSequence: number;
  /** Interarrival jitter in timestamp units. */
  readonly jitter: number;
  /** `ntpMiddle` of the last sender report; 0 without one. */
  readonly lastSenderReport: number;
  /** Delay since it in 65536ths of a second. */
  readonly delaySinceLastSenderReport: number;
}

function packet(count: number, type: number, bodyBytes: number): Buffer {
  const out = Buffer.alloc(4 + bodyBytes);
  out.writeUInt8(0x80 | count, 0);
  out.writeUInt8(type, 1);
  out.writeUInt16BE(bodyBytes / 4, 2);
  return out;
}

/** 24-bit two's complement with saturation (RFC 3550, A.3). */
function signed24(value: number): number {
  return Math.max(-0x800000, Math.min(0x7fffff, value)) & 0xffffff;
}

/** A receiver report; blocks beyond the 31 that fit are left out. */
export function writeReceiverReport(senderSsrc: number, blocks: readonly ReportBlock[]): Buffer {
  const count = Math.min(blocks.length, MAX_BLOCKS);
  const out = packet(count, RECEIVER_REPORT, 4 + count * 24);
  out.writeUInt32BE(senderSsrc, 4);
  let at = 8;
  for (const block of blocks.slice(0, count)) {
    out.writeUInt32BE(block.ssrc, at);
    out.writeUInt8(block.fractionLost & 255, at + 4);
    out.writeUIntBE(signed24(block.cumulativeLost), at + 5, 3);
    out.writeUInt32BE(block.highestSequence >>> 0, at + 8);
    out.writeUInt32BE(Math.min(Math.max(0, Math.floor(block.jitter)), 0xffffffff), at + 12);
    out.writeUInt32BE(block.lastSenderReport >>> 0, at + 16);
    out.writeUInt32BE(
      Math.min(Math.max(0, Math.floor(block.delaySinceLastSenderReport)), 0xffffffff),
      at + 20,
    );
    at += 24;
  }
  return out;
}

/** A source description with the canonical name, which every compound packet must hold (RFC 3550, 6.1 and 6.5). */
export function writeSourceDescription(ssrc: number, cname: string): Buffer {
  const name = Buffer.from(cname).subarray(0, 255);
  // At least one null byte ends the items, up to the next 32-bit boundary.
  const body = Math.ceil((4 + 2 + name.length + 1) / 4) * 4;
  const out = packet(1, SOURCE_DESCRIPTION, body);
  out.writeUInt32BE(ssrc, 4);
  out.writeUInt8(CNAME, 8);
  out.writeUInt8(name.length, 9);
  name.copy(out, 10);
  return out;
}

/** Who asks, and whose media it is about. */
export interface FeedbackSsrcs {
  readonly senderSsrc: number;
  readonly mediaSsrc: number;
}

function feedback(format: number, type: number, ssrcs: FeedbackSsrcs, bytes: number): Buffer {
  const out = packet(format, type, 8 + bytes);
  out.writeUInt32BE(ssrcs.senderSsrc, 4);
  out.writeUInt32BE(ssrcs.mediaSsrc, 8);
  return out;
}

/** A generic NACK (RFC 4585, 6.2.1) for 16-bit sequence numbers in sending order, seventeen at most to an entry. */
export function writeNack(ssrcs: FeedbackSsrcs, sequences: readonly number[]): Buffer {
  const entries: { pid: number; mask: number }[] = [];
  for (const sequence of sequences) {
    const last = entries.at(-1);
    const distance = last === undefined ? 0 : (sequence - last.pid) & 0xffff;
    if (last !== undefined && distance <= 16) last.mask |= distance === 0 ? 0 : 1 << (distance - 1);
    else entries.push({ pid: sequence & 0xffff, mask: 0 });
  }
  const out = feedback(GENERIC_NACK, TRANSPORT_FEEDBACK, ssrcs, entries.length * 4);
  entries.forEach(({ pid, mask }, i) => {
    out.writeUInt16BE(pid, 12 + i * 4);
    out.writeUInt16BE(mask, 14 + i * 4);
  });
  return out;
}

/** A picture loss indication (RFC 4585, 6.3.1). */
export function writePli(ssrcs: FeedbackSsrcs): Buffer {
  return feedback(PLI, PAYLOAD_FEEDBACK, ssrcs, 0);
}

/** A full intra request (RFC 5104, 4.3.1); `sequence` grows by one for each new request. */
export function writeFir(ssrcs: FeedbackSsrcs, sequence: number): Buffer {
  const out = feedback(FIR, PAYLOAD_FEEDBACK, { senderSsrc: ssrcs.senderSsrc, mediaSsrc: 0 }, 8);
  out.writeUInt32BE(ssrcs.mediaSsrc, 12);
  out.writeUInt8(sequence & 255, 16);
  return out;
}
