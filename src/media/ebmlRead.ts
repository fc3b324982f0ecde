/** An element within memory. */
export interface EbmlElement {
  readonly id: number;
  readonly body: Buffer;
}

/** The elements that fill `bytes`, in order. @throws RangeError when one does not end within them. */
export function* readElements(bytes: Buffer): Generator<EbmlElement> {
  let at = 0;
  while (at < bytes.length) {
    const idBytes = fieldBytes(bytes.readUInt8(at), 4);
    const id = bytes.readUIntBE(at, idBytes);
    at += idBytes;
    const sizeBytes = fieldBytes(bytes.readUInt8(at), 8);
    let size = bytes.readUInt8(at) & (0xff >> sizeBytes);
    for (let i = 1; i < sizeBytes; i++) size = size * 256 + bytes.readUInt8(at + i);
    at += sizeBytes;
    if (size > bytes.length - at) throw new RangeError('element longer than its parent');
    yield { id, body: bytes.subarray(at, (at += size)) };
  }
}

/** Unsigned integer of 0 to 8 bytes (RFC 8794, 7.2); exact up to 2^53. @throws RangeError when longer. */
export function uintOf(body: Buffer): number {
  if (body.length > 8) throw new RangeError('integer longer than 8 bytes');
  let value = 0;
  for (const byte of body) value = value * 256 + byte;
  return value;
}

/** Float of 0, 4 or 8 bytes (RFC 8794, 7.3). @throws RangeError for other lengths. */
export function floatOf(body: Buffer): number {
  if (body.length === 0) return 0;
  if (body.length === 4) return body.readFloatBE(0);
  if (body.length === 8) return body.readDoubleBE(0);
  throw new RangeError('float of a wrong length');
}

/** What precedes the content of an element. */
export interface ElementHead {
  readonly id: number;
  /** Length of the header itself. */
  readonly bytes: number;
  /** Length of the content; undefined when it is unknown. */
  readonly size: number | undefined;
}

const MAX_ID_BYTES = 4;
const MAX_SIZE_BYTES = 8;

/** The header that `bytes` begin with; undefined when they begin with none, or with a part of one. */
export function elementHead(bytes: Buffer): ElementHead | undefined {
  const idBytes = Math.clz32(bytes[0] ?? 0) - 23;
  if (idBytes > MAX_ID_BYTES) return undefined;
  const sizeBytes = Math.clz32(bytes[idBytes] ?? 0) - 23;
  const head = idBytes + sizeBytes;
  if (sizeBytes > MAX_SIZE_BYTES || head > bytes.length) return undefined;
  return { id: bytes.readUIntBE(0, idBytes), bytes: head, size: sizeOf(bytes.subarray(idBytes, head)) };
}

/** Value of a size field, marker bit removed (RFC 8794, 6); undefined when all its bits are set: unknown. */
export function sizeOf(bytes: Buffer): number | undefined {
  let value = bytes.readUInt8(0) & (0xff >> bytes.length);
  let isUnknown = value === 0xff >> bytes.length;
  for (let i = 1; i < bytes.length; i++) {
    const byte = bytes.readUInt8(i);
    value = value * 256 + byte;
    isUnknown &&= byte === 0xff;
  }
  return isUnknown ? undefined : value;
}

/** What precedes the frames of a block (RFC 9559, 10.1). */
export interface BlockHead {
  readonly track: number;
  /** Since the time of the cluster. */
  readonly ticks: number;
  readonly flags: number;
  /** Length of the header itself. */
  readonly bytes: number;
}

/** Bytes of the longest header of a block. */
export const MAX_BLOCK_HEAD_BYTES = MAX_ID_BYTES + 3;

/** The header of a block. @throws RangeError for a damaged one. */
export function blockHead(body: Buffer): BlockHead {
  const trackBytes = fieldBytes(body.readUInt8(0), MAX_ID_BYTES);
  const track = sizeOf(body.subarray(0, trackBytes)) ?? 0;
  const flags = body.readUInt8(trackBytes + 2);
  return { track, ticks: body.readInt16BE(trackBytes), flags, bytes: trackBytes + 3 };
}

/** Length of a field of variable size by its first byte (RFC 8794, 4). @throws RangeError above `max`. */
function fieldBytes(first: number, max: number): number {
  const length = Math.clz32(first) - 23;
  if (length > max) throw new RangeError('field without a valid length');
  return length;
}
