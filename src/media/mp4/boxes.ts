/**
 * Why an MP4 cannot be finalised. `nothing-to-save`: no sample reached the file. `not-fragmented-mp4`: some other
 * file. `corrupt`: an MP4 whose boxes contradict themselves.
 */
export type Mp4ErrorCode = 'nothing-to-save' | 'not-fragmented-mp4' | 'corrupt';

/** A file that the finaliser refuses; it was left as it was. */
export class Mp4Error extends Error {
  override readonly name = 'Mp4Error';
  readonly code: Mp4ErrorCode;

  constructor(code: Mp4ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Where a box lies, in bytes of its buffer or file: header from `start`, content from `body` up to `end`. */
export interface Box {
  readonly type: string;
  readonly start: number;
  readonly body: number;
  readonly end: number;
}

/** Longest header: size, type, 64-bit size. */
export const MAX_HEADER_BYTES = 16;
const U32 = 2 ** 32;
const PRINTABLE = /^[\x20-\x7e\xa9]{4}$/;
/** What a recording has hundreds of thousands of: to look a type up is faster than to make a string and test it. */
const FREQUENT: ReadonlyMap<number, string> = new Map(
  ['moof', 'mfhd', 'traf', 'tfhd', 'tfdt', 'trun', 'mdat'].map((type) => [
    Buffer.from(type, 'latin1').readInt32BE(),
    type,
  ]),
);

/** 64-bit unsigned number. @throws Mp4Error `corrupt` above 2^53. */
export function readU64(bytes: Buffer, offset: number): number {
  const value = bytes.readUInt32BE(offset) * U32 + bytes.readUInt32BE(offset + 4);
  if (!Number.isSafeInteger(value)) throw new Mp4Error('corrupt', `64-bit field holds ${value}`);
  return value;
}

/**
 * The box header at `at` in `bytes` (ISO 14496-12, 4.2), whose first byte lies at `origin` of the file; the box's
 * positions are the file's. Undefined when it is no box: cut short, a size below its own header, an unprintable
 * type. Size 0, "up to the end of the file", gives the largest safe integer as `end`.
 */
export function boxHeader(bytes: Buffer, at: number, origin = 0): Box | undefined {
  if (bytes.length - at < 8) return undefined;
  const type = FREQUENT.get(bytes.readInt32BE(at + 4)) ?? rareType(bytes, at + 4);
  if (type === undefined) return undefined;
  const start = origin + at;
  let size = bytes.readUInt32BE(at);
  let body = start + 8;
  if (size === 1) {
    if (bytes.length - at < MAX_HEADER_BYTES) return undefined;
    size = bytes.readUInt32BE(at + 8) * U32 + bytes.readUInt32BE(at + 12);
    body = start + MAX_HEADER_BYTES;
  }
  if (size === 0) return { type, start, body, end: Number.MAX_SAFE_INTEGER };
  if (start + size < body || !Number.isSafeInteger(start + size)) return undefined;
  return { type, start, body, end: start + size };
}

function rareType(bytes: Buffer, at: number): string | undefined {
  const type = bytes.toString('latin1', at, at + 4);
  return PRINTABLE.test(type) ? type : undefined;
}

/** The boxes that fill `bytes` from `from` to `to`. @throws Mp4Error `corrupt` when they do not. */
export function* boxes(bytes: Buffer, from: number, to: number): Generator<Box> {
  for (let offset = from; offset < to;) {
    const box = wholeBox(bytes, offset, to);
    yield box;
    offset = box.end;
  }
}

/** The box at `at`. @throws Mp4Error `corrupt` when there is none or it ends behind `to`. */
export function wholeBox(bytes: Buffer, at: number, to: number): Box {
  const box = boxHeader(bytes, at);
  if (box === undefined || box.end > to) throw new Mp4Error('corrupt', `no whole box at ${at}`);
  return box;
}

/** First box of `type` directly inside `parent`, at or behind `from`, where one of its boxes starts. */
export function findBox(bytes: Buffer, parent: Box, type: string, from = parent.body): Box | undefined {
  for (let offset = from; offset < parent.end;) {
    const box = wholeBox(bytes, offset, parent.end);
    if (box.type === type) return box;
    offset = box.end;
  }
  return undefined;
}

/** Follows `path` down from `parent`. @throws Mp4Error `corrupt` naming the box that is missing. */
export function needBox(bytes: Buffer, parent: Box, ...path: string[]): Box {
  let box = parent;
  for (const type of path) {
    const found = findBox(bytes, box, type);
    if (found === undefined) throw new Mp4Error('corrupt', `${box.type} has no ${type}`);
    box = found;
  }
  return box;
}

/** Header and content of a new box; content is passed by reference. */
export function makeBox(type: string, ...content: readonly Buffer[]): Buffer[] {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(8 + byteLength(content));
  header.write(type, 4, 'latin1');
  return [header, ...content];
}

/** Copies a container box, replacing or dropping (`undefined`) the children that `rewrite` names. */
export function rewriteBox(
  bytes: Buffer,
  parent: Box,
  rewrite: Readonly<Record<string, (child: Box) => Buffer[] | undefined>>,
): Buffer[] {
  const content: Buffer[] = [];
  for (const child of boxes(bytes, parent.body, parent.end)) {
    const replace = rewrite[child.type];
    content.push(...(replace ? (replace(child) ?? []) : [bytes.subarray(child.start, child.end)]));
  }
  return makeBox(parent.type, ...content);
}

/** Big-endian 32-bit words. */
export function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => bytes.writeUInt32BE(value >>> 0, i * 4));
  return bytes;
}

/** Big-endian 64-bit unsigned number. @throws Mp4Error `corrupt` for one that could not be read again. */
export function u64(value: number): Buffer {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new Mp4Error('corrupt', `64-bit field would hold ${value}`);
  return words(Math.floor(value / U32), value % U32);
}

export function byteLength(parts: readonly Buffer[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
