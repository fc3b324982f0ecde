import { createHmac, randomBytes } from 'node:crypto';

/** Builders of RTMP bytes for tests, written from the specifications and sharing no code with the product. */

/** An AMF0 value; plain objects become AMF objects. */
export type Amf =
  number | boolean | string | null | undefined | readonly Amf[] | { readonly [key: string]: Amf };

const u = (bytes: number, value: number): Buffer => {
  const out = Buffer.alloc(bytes);
  out.writeUIntBE(value, 0, bytes);
  return out;
};

export function amf(...values: readonly Amf[]): Buffer {
  return Buffer.concat(values.map(one));
}

function one(value: Amf): Buffer {
  if (value === null) return Buffer.of(5);
  if (value === undefined) return Buffer.of(6);
  if (typeof value === 'boolean') return Buffer.of(1, value ? 1 : 0);
  if (typeof value === 'number') {
    const out = Buffer.alloc(9);
    out.writeDoubleBE(value, 1);
    return out;
  }
  if (typeof value === 'string') {
    const text = Buffer.from(value);
    return Buffer.concat([
      text.length < 65_536 ? u(3, 0x020000 | text.length) : Buffer.concat([Buffer.of(12), u(4, text.length)]),
      text,
    ]);
  }
  if (Array.isArray(value)) return Buffer.concat([Buffer.of(10), u(4, value.length), ...value.map(one)]);
  const fields = Object.entries(value).flatMap(([key, field]) => [
    u(2, Buffer.byteLength(key)),
    Buffer.from(key),
    one(field),
  ]);
  return Buffer.concat([Buffer.of(3), ...fields, Buffer.of(0, 0, 9)]);
}

/** Decodes the AMF0 subset that servers reply with. */
export function unamf(bytes: Buffer): Amf[] {
  const values: Amf[] = [];
  let at = 0;
  const text = (size: number): string => {
    const length = bytes.readUIntBE(at, size);
    at += size + length;
    return bytes.toString('utf8', at - length, at);
  };
  const read = (): Amf => {
    const marker = bytes.readUInt8(at++);
    if (marker === 0) return bytes.readDoubleBE((at += 8) - 8);
    if (marker === 1) return bytes.readUInt8(at++) !== 0;
    if (marker === 2) return text(2);
    if (marker === 5) return null;
    if (marker === 6) return undefined;
    if (marker === 10) return Array.from({ length: bytes.readUInt32BE((at += 4) - 4) }, read);
    if (marker !== 3) throw new Error(`AMF0 marker ${marker}`);
    const fields: Record<string, Amf> = {};
    for (let key = text(2); key !== '' || bytes[at] !== 9; key = text(2)) fields[key] = read();
    at++;
    return fields;
  };
  while (at < bytes.length) values.push(read());
  return values;
}

export interface ChunkOptions {
  /** Chunk stream id; 3 unless given. */
  readonly csid?: number;
  readonly format?: 0 | 1 | 2 | 3;
  /** Absolute for format 0, a delta for 1 and 2, for 3 the last one if it was extended. */
  readonly time?: number;
  readonly streamId?: number;
  readonly chunkBytes?: number;
  /** Leaves the extended timestamp out of type 3 chunks, as old encoders do. */
  readonly bareType3?: boolean;
}

/** One message cut into chunks. */
export function message(type: number, payload: Buffer, options: ChunkOptions = {}): Buffer {
  const { csid = 3, format = 0, time = 0, chunkBytes = 128 } = options;
  const extended = time >= 0xffffff ? u(4, time) : Buffer.alloc(0);
  const repeated = options.bareType3 === true ? Buffer.alloc(0) : extended;
  const header = messageHeader(type, payload.length, options).subarray(0, [11, 7, 3, 0][format]);
  const parts = [
    basic(format, csid),
    header,
    format === 3 ? repeated : extended,
    payload.subarray(0, chunkBytes),
  ];
  for (let at = chunkBytes; at < payload.length; at += chunkBytes) {
    parts.push(basic(3, csid), repeated, payload.subarray(at, at + chunkBytes));
  }
  return Buffer.concat(parts);
}

/** A type 0 message header; the shorter ones are its beginnings. */
function messageHeader(type: number, length: number, { time = 0, streamId = 0 }: ChunkOptions): Buffer {
  const stream = Buffer.alloc(4);
  stream.writeUInt32LE(streamId);
  return Buffer.concat([u(3, Math.min(time, 0xffffff)), u(3, length), Buffer.of(type), stream]);
}

function basic(format: number, csid: number): Buffer {
  if (csid < 64) return Buffer.of((format << 6) | csid);
  if (csid < 320) return Buffer.of(format << 6, csid - 64);
  return Buffer.of((format << 6) | 1, (csid - 64) & 0xff, (csid - 64) >> 8);
}

export const setChunkSize = (bytes: number): Buffer => message(1, u(4, bytes), { csid: 2 });

export const command = (streamId: number, ...values: readonly Amf[]): Buffer =>
  message(20, amf(...values), { streamId });

/** C0, C1 and C2. `scheme` 0 or 1 signs C1 as Flash Player does, 'simple' does not. C2 is not an echo. */
export function handshake(scheme: 'simple' | 0 | 1 = 'simple'): { c0c1: Buffer; c2: Buffer } {
  const c1 = randomBytes(1536);
  c1.writeUInt32BE(0, 0);
  c1.writeUInt32BE(scheme === 'simple' ? 0 : 0x80000702, 4);
  if (scheme !== 'simple') {
    const at = digestAt(c1, scheme);
    digest('Genuine Adobe Flash Player 001', c1, at).copy(c1, at);
  }
  return { c0c1: Buffer.concat([Buffer.of(3), c1]), c2: randomBytes(1536) };
}

/** True when S1 and S2 carry the digests that a signing client of this scheme checks. */
export function isSigned(s0s1s2: Buffer, c1: Buffer, scheme: 0 | 1): boolean {
  const s1 = s0s1s2.subarray(1, 1537);
  const s2 = s0s1s2.subarray(1537, 3073);
  const at = digestAt(s1, scheme);
  const s1Good = digest('Genuine Adobe Flash Media Server 001', s1, at).equals(s1.subarray(at, at + 32));
  const secret = Buffer.concat([
    Buffer.from('Genuine Adobe Flash Media Server 001'),
    Buffer.from('f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae', 'hex'),
  ]);
  const c1At = digestAt(c1, scheme);
  const key = createHmac('sha256', secret)
    .update(c1.subarray(c1At, c1At + 32))
    .digest();
  const s2Good = createHmac('sha256', key).update(s2.subarray(0, 1504)).digest().equals(s2.subarray(1504));
  return s1Good && s2Good;
}

function digestAt(block: Buffer, scheme: 0 | 1): number {
  const base = scheme === 0 ? 8 : 772;
  return base + 4 + ([0, 1, 2, 3].reduce((sum, i) => sum + block.readUInt8(base + i), 0) % 728);
}

function digest(key: string, block: Buffer, at: number): Buffer {
  return createHmac('sha256', key)
    .update(block.subarray(0, at))
    .update(block.subarray(at + 32))
    .digest();
}

/** avcC of H.264 Baseline, 320x240, with one SPS and one PPS. */
export const AVC_CONFIG = Buffer.from(
  '0142c00dffe100166742c00dda0507ec0440000003004000000c83c50aa801000468ce0fc8',
  'hex',
);
/** AudioSpecificConfig: AAC-LC, 44,100 Hz, stereo. */
export const AAC_CONFIG = Buffer.from('1210', 'hex');

/** FLV bodies of legacy video and audio messages. */
export const avcHeader = (config: Buffer = AVC_CONFIG): Buffer =>
  Buffer.concat([Buffer.of(0x17, 0, 0, 0, 0), config]);
export function avcFrame(data: Buffer, options: { key?: boolean; compositionMs?: number } = {}): Buffer {
  const offset = u(3, (options.compositionMs ?? 0) & 0xffffff);
  return Buffer.concat([Buffer.of(options.key === false ? 0x27 : 0x17, 1), offset, data]);
}
export const aacHeader = (config: Buffer = AAC_CONFIG): Buffer => Buffer.concat([Buffer.of(0xaf, 0), config]);
export const aacFrame = (data: Buffer): Buffer => Buffer.concat([Buffer.of(0xaf, 1), data]);
