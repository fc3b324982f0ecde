/** Size field of an element whose end is not known, as live Matroska has it (RFC 8794, 6.2). */
export const UNKNOWN_SIZE_FIELD = Buffer.from([0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);

/** Element ID as its bytes, marker bit included. */
function idBytes(id: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(id);
  return bytes.subarray(bytes.findIndex((byte) => byte !== 0));
}

/** Writes a data size in four bytes (RFC 8794, 6.1); `size` is below 2^28 - 1. */
export function writeSize4(target: Buffer, at: number, size: number): number {
  return target.writeUInt32BE((0x10000000 | size) >>> 0, at);
}

/** Fills a size field of any length (RFC 8794, 6.1); one that is too short for `size` stays as it is. */
export function writeSize(field: Buffer, size: number): void {
  if (size >= 2 ** (7 * field.length) - 1) return;
  let rest = size;
  for (let i = field.length - 1; i >= 0; i--, rest = Math.floor(rest / 256)) field[i] = rest % 256;
  field[0] = (field[0] ?? 0) | (0x100 >> field.length);
}

/** An element around its content. */
export function element(id: number, ...content: readonly Buffer[]): Buffer {
  const size = Buffer.alloc(4);
  const body = Buffer.concat(content);
  writeSize4(size, 0, body.length);
  return Buffer.concat([idBytes(id), size, body]);
}

/** The ID with an unknown size: the element lasts until the stream ends. */
export function openElement(id: number): Buffer {
  return Buffer.concat([idBytes(id), UNKNOWN_SIZE_FIELD]);
}

/** Unsigned integer element, 0 to 2^53 - 1. */
export function uintElement(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  const first = bytes.findIndex((byte) => byte !== 0);
  return element(id, bytes.subarray(first === -1 ? 7 : first));
}

export function floatElement(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return element(id, bytes);
}

export function textElement(id: number, value: string): Buffer {
  return element(id, Buffer.from(value, 'utf8'));
}
