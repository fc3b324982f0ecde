const FIXED_BYTES = 12;
const ONE_BYTE_PROFILE = 0xbede;
const TWO_BYTE_PROFILE = 0x1000;
const ONE_BYTE_STOP = 15;

/** One RTP packet (RFC 3550, 5.1). `payload` is a view of the datagram without padding; empty for padding-only packets. */
export interface RtpPacket {
  readonly marker: boolean;
  readonly payloadType: number;
  /** 16 bits, as on the wire. */
  readonly sequence: number;
  /** 32 bits, as on the wire. */
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payload: Buffer;
  /** The header extension's profile word; 0 without an extension. */
  readonly extensionProfile: number;
  /** The header extension's elements (RFC 8285), read by `extension` and `extensionUint16`. */
  readonly extensions: Buffer | undefined;
}

/** True when a datagram on a port shared by RTP and RTCP is RTCP (RFC 5761, 4). */
export function isRtcp(data: Buffer): boolean {
  const type = data[1] ?? 0;
  return data.length >= 8 && type >= 192 && type <= 223;
}

/** Parses one datagram without copying it; undefined when it is no RTP version 2 packet. */
export function parseRtp(data: Buffer): RtpPacket | undefined {
  if (data.length < FIXED_BYTES) return undefined;
  const first = data.readUInt8(0);
  if (first >> 6 !== 2) return undefined;
  let offset = FIXED_BYTES + (first & 15) * 4;
  let extensionProfile = 0;
  let extensions: Buffer | undefined;
  if ((first & 0x10) !== 0) {
    if (offset + 4 > data.length) return undefined;
    extensionProfile = data.readUInt16BE(offset);
    const end = offset + 4 + data.readUInt16BE(offset + 2) * 4;
    if (end > data.length) return undefined;
    extensions = data.subarray(offset + 4, end);
    offset = end;
  }
  // The last byte counts the padding, itself included (RFC 3550, 5.1).
  const padding = (first & 0x20) !== 0 ? data.readUInt8(data.length - 1) : 0;
  if (offset + padding > data.length || ((first & 0x20) !== 0 && padding === 0)) return undefined;
  const second = data.readUInt8(1);
  return {
    marker: (second & 0x80) !== 0,
    payloadType: second & 0x7f,
    sequence: data.readUInt16BE(2),
    timestamp: data.readUInt32BE(4),
    ssrc: data.readUInt32BE(8),
    payload: data.subarray(offset, data.length - padding),
    extensionProfile,
    extensions,
  };
}

/** Where an element's data is, as `start * 256 + length`; -1 when absent. One number, so that nothing is allocated. */
function locate(elements: Buffer, isTwoByte: boolean, id: number): number {
  let at = 0;
  while (at < elements.length) {
    const head = elements.readUInt8(at);
    // A zero byte is padding between elements in both forms (RFC 8285, 4.2 and 4.3).
    if (head === 0) {
      at++;
      continue;
    }
    const found = isTwoByte ? head : head >> 4;
    if (!isTwoByte && found === ONE_BYTE_STOP) return -1;
    if (isTwoByte && at + 1 >= elements.length) return -1;
    const length = isTwoByte ? elements.readUInt8(at + 1) : (head & 15) + 1;
    const start = at + (isTwoByte ? 2 : 1);
    if (start + length > elements.length) return -1;
    if (found === id) return start * 256 + length;
    at = start + length;
  }
  return -1;
}

function find(packet: RtpPacket, id: number): number {
  if (packet.extensions === undefined) return -1;
  // The two-byte profile's low four bits are application bits (RFC 8285, 4.3).
  const isTwoByte = (packet.extensionProfile & 0xfff0) === TWO_BYTE_PROFILE;
  if (!isTwoByte && packet.extensionProfile !== ONE_BYTE_PROFILE) return -1;
  return locate(packet.extensions, isTwoByte, id);
}

/** Data of the header extension element `id` as a view; undefined when absent. */
export function extension(packet: RtpPacket, id: number): Buffer | undefined {
  const found = find(packet, id);
  if (found < 0) return undefined;
  const start = Math.floor(found / 256);
  return packet.extensions?.subarray(start, start + (found % 256));
}

/** A two-byte element, such as the transport-wide sequence number; undefined when absent. Allocates nothing. */
export function extensionUint16(packet: RtpPacket, id: number): number | undefined {
  const found = find(packet, id);
  if (found < 0 || found % 256 < 2) return undefined;
  return packet.extensions?.readUInt16BE(Math.floor(found / 256));
}

/** What a retransmission stands for. */
export interface RtxOrigin {
  /** SSRC of the media. */
  readonly ssrc: number;
  /** Payload type of the media, the `apt` of the RTX format. */
  readonly payloadType: number;
}

/** The original packet inside a retransmission (RFC 4588, 4); undefined when it carries none (padding). */
export function unwrapRtx(packet: RtpPacket, origin: RtxOrigin): RtpPacket | undefined {
  if (packet.payload.length < 2) return undefined;
  return {
    marker: packet.marker,
    payloadType: origin.payloadType,
    sequence: packet.payload.readUInt16BE(0),
    timestamp: packet.timestamp,
    ssrc: origin.ssrc,
    payload: packet.payload.subarray(2),
    extensionProfile: packet.extensionProfile,
    extensions: packet.extensions,
  };
}
