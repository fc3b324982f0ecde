import { readFileSync } from 'node:fs';

/** Element IDs of RFC 9559 that a reader of frames needs. */
const ID = {
  segment: 0x18538067,
  info: 0x1549a966,
  timestampScale: 0x2ad7b1,
  tracks: 0x1654ae6b,
  trackEntry: 0xae,
  trackNumber: 0xd7,
  codecId: 0x86,
  codecPrivate: 0x63a2,
  codecDelay: 0x56aa,
  video: 0xe0,
  pixelWidth: 0xb0,
  pixelHeight: 0xba,
  audio: 0xe1,
  samplingFrequency: 0xb5,
  channels: 0x9f,
  cluster: 0x1f43b675,
  timestamp: 0xe7,
  simpleBlock: 0xa3,
  blockGroup: 0xa0,
  block: 0xa1,
  referenceBlock: 0xfb,
} as const;

const MASTERS: ReadonlySet<number> = new Set([ID.segment, ID.info, ID.tracks, ID.cluster]);

interface Element {
  readonly id: number;
  readonly body: Buffer;
}

/** What a track entry says. */
export interface FileTrack {
  readonly number: number;
  readonly codecId: string;
  readonly config: Buffer;
  readonly codecDelayUs: number;
  readonly width: number;
  readonly height: number;
  readonly sampleRate: number;
  readonly channels: number;
}

/** One frame; its time has the codec delay taken off, as a player does. */
export interface FileFrame {
  readonly track: number;
  readonly timeUs: number;
  readonly key: boolean;
  readonly data: Buffer;
}

/** Reads a finished Matroska or WebM file without lacing, as FFmpeg writes it. */
export function readMatroska(path: string): { tracks: FileTrack[]; frames: FileFrame[] } {
  const tracks: FileTrack[] = [];
  const frames: FileFrame[] = [];
  let scale = 1_000_000;
  let cluster = 0;
  const addFrame = (block: Buffer, isKey: boolean | undefined): void => {
    const track = tracks.find(({ number }) => number === (block.readUInt8(0) & 0x7f));
    const ticks = cluster + block.readInt16BE(1);
    frames.push({
      track: track?.number ?? 0,
      timeUs: (ticks * scale) / 1000 - (track?.codecDelayUs ?? 0),
      key: isKey ?? (block.readUInt8(3) & 0x80) !== 0,
      data: block.subarray(4),
    });
  };
  const walk = (bytes: Buffer): void => {
    for (const { id, body } of elements(bytes)) {
      if (MASTERS.has(id)) walk(body);
      else if (id === ID.timestampScale) scale = uint(body);
      else if (id === ID.timestamp) cluster = uint(body);
      else if (id === ID.trackEntry) tracks.push(readTrack(body));
      else if (id === ID.simpleBlock) addFrame(body, undefined);
      else if (id === ID.blockGroup) {
        const parts = new Map(elements(body).map((each) => [each.id, each.body]));
        addFrame(parts.get(ID.block) ?? Buffer.alloc(4), !parts.has(ID.referenceBlock));
      }
    }
  };
  walk(readFileSync(path));
  return { tracks, frames };
}

function readTrack(entry: Buffer): FileTrack {
  const found = new Map(elements(entry).map(({ id, body }) => [id, body]));
  const inner = new Map(
    [ID.video, ID.audio]
      .flatMap((id) => elements(found.get(id) ?? Buffer.alloc(0)))
      .map((e) => [e.id, e.body]),
  );
  const rate = inner.get(ID.samplingFrequency);
  return {
    number: uint(found.get(ID.trackNumber)),
    codecId: found.get(ID.codecId)?.toString('latin1') ?? '',
    config: found.get(ID.codecPrivate) ?? Buffer.alloc(0),
    codecDelayUs: uint(found.get(ID.codecDelay)) / 1000,
    width: uint(inner.get(ID.pixelWidth)),
    height: uint(inner.get(ID.pixelHeight)),
    sampleRate: rate === undefined ? 0 : rate.length === 4 ? rate.readFloatBE() : rate.readDoubleBE(),
    channels: uint(inner.get(ID.channels)),
  };
}

function elements(bytes: Buffer): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length;) {
    const idBytes = Math.clz32(bytes.readUInt8(at)) - 23;
    const id = bytes.readUIntBE(at, idBytes);
    const sizeBytes = Math.clz32(bytes.readUInt8(at + idBytes)) - 23;
    const start = at + idBytes + sizeBytes;
    const size = bytes
      .subarray(at + idBytes, start)
      .reduce((sum, byte, i) => sum * 256 + (i === 0 ? byte & ((1 << (8 - sizeBytes)) - 1) : byte), 0);
    // An unknown size has every bit set: the element lasts to the end.
    const end = size === 2 ** (7 * sizeBytes) - 1 ? bytes.length : start + size;
    found.push({ id, body: bytes.subarray(start, end) });
    at = end;
  }
  return found;
}

const uint = (body: Buffer = Buffer.alloc(0)): number => body.reduce((sum, byte) => sum * 256 + byte, 0);
