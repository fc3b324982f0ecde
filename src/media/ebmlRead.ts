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

/** Length of a field of variable size by its first byte (RFC 8794, 4). @throws RangeError above `max`. */
function fieldBytes(first: number, max: number): number {
  const length = Math.clz32(first) - 23;
  if (length > max) throw new RangeError('field without a valid length');
  return length;
}
