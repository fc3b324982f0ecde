import { makeBox, readU64, u64, words, type Box } from './boxes.ts';

/** `mvhd`, `mdhd` or `tkhd` (ISO 14496-12, 8.2.2, 8.4.2, 8.3.2) split around its duration. */
export interface TimeHeader {
  readonly type: string;
  readonly version: number;
  readonly flags: number;
  readonly created: number;
  readonly modified: number;
  /** Between the dates and the duration: the timescale, or the track's id and 4 reserved bytes. */
  readonly middle: Buffer;
  readonly duration: number;
  /** Everything after the duration. */
  readonly rest: Buffer;
}

const NOT_32_BITS = 0xffffffff;

/** Splits a time header. @throws RangeError when it is cut short. */
export function timeHeader(bytes: Buffer, box: Box): TimeHeader {
  const body = bytes.subarray(box.body, box.end);
  const version = body.readUInt8(0);
  const field = version === 1 ? 8 : 4;
  const time = (offset: number) => (field === 8 ? readU64(body, offset) : body.readUInt32BE(offset));
  const middle = 4 + 2 * field;
  const duration = middle + (box.type === 'tkhd' ? 8 : 4);
  return {
    type: box.type,
    version,
    flags: body.readUIntBE(1, 3),
    created: time(4),
    modified: time(4 + field),
    middle: body.subarray(middle, duration),
    duration: isUnknown(body, duration, field) ? 0 : time(duration),
    rest: body.subarray(duration + field),
  };
}

/** All ones stand for "not known". */
function isUnknown(body: Buffer, offset: number, field: number): boolean {
  return (
    body.subarray(offset, offset + field).every((byte) => byte === 0xff) && body.length >= offset + field
  );
}

/** The header with another duration, as version 1 when 32 bits cannot hold it. */
export function withDuration(header: TimeHeader, duration: number, middle: Buffer = header.middle): Buffer[] {
  const wide = header.version === 1 || duration >= NOT_32_BITS;
  const time = wide ? u64 : words;
  const start = words(((wide ? 1 : 0) << 24) | header.flags);
  return makeBox(
    header.type,
    start,
    time(header.created),
    time(header.modified),
    middle,
    time(duration),
    header.rest,
  );
}
