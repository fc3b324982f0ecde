import { readElements, uintOf, floatOf } from '../../../../src/media/ebmlRead.ts';

/** An element in a buffer: header from `start`, content from `body` up to `end`. */
export interface Place {
  readonly id: number;
  readonly start: number;
  readonly body: number;
  readonly end: number;
}

export const ID = {
  segment: 0x18538067,
  seekHead: 0x114d9b74,
  info: 0x1549a966,
  tracks: 0x1654ae6b,
  tags: 0x1254c367,
  cluster: 0x1f43b675,
  cues: 0x1c53bb6b,
  simpleBlock: 0xa3,
  blockGroup: 0xa0,
} as const;

function sizeField(bytes: Buffer, at: number): { size: number; next: number } {
  const length = Math.clz32(bytes.readUInt8(at)) - 23;
  let size = bytes.readUInt8(at) & (0xff >> length);
  let isUnknown = size === 0xff >> length;
  for (let i = 1; i < length; i++) {
    size = size * 256 + bytes.readUInt8(at + i);
    isUnknown &&= bytes[at + i] === 0xff;
  }
  return { size: isUnknown ? Infinity : size, next: at + length };
}

/** Elements from `from` to `to`; @throws RangeError when the last is torn; a Segment may be. */
export function* placesIn(bytes: Buffer, from: number, to: number): Generator<Place> {
  for (let start = from; start < to;) {
    const idBytes = Math.clz32(bytes.readUInt8(start)) - 23;
    const { size, next } = sizeField(bytes, start + idBytes);
    const place = { id: bytes.readUIntBE(start, idBytes), start, body: next, end: next + size };
    if (place.end > to && place.id !== ID.segment) throw new RangeError(`element at ${start} is torn`);
    yield place;
    start = place.end;
  }
}

export function segmentOf(bytes: Buffer): Place {
  for (const place of placesIn(bytes, 0, bytes.length)) if (place.id === ID.segment) return place;
  throw new Error('no Segment');
}

/** What stands directly in the Segment of a file whose clusters all have their sizes. */
export function topPlaces(bytes: Buffer): Place[] {
  return [...placesIn(bytes, segmentOf(bytes).body, bytes.length)];
}

/** The blocks of all clusters of such a file. */
export function blocksOf(bytes: Buffer): Place[] {
  return topPlaces(bytes)
    .filter(({ id }) => id === ID.cluster)
    .flatMap(({ body, end }) => [...placesIn(bytes, body, end)])
    .filter(({ id }) => id === ID.simpleBlock || id === ID.blockGroup);
}

interface Finished {
  readonly duration: number;
  /** What the SeekHead names: ID and position in the file. */
  readonly sought: ReadonlyMap<number, number>;
  /** Where the index leads to, in the file, and to which time. */
  readonly cues: readonly { readonly time: number; readonly cluster: number }[];
}

/** Reads a file as strictly as a player may: everything has a size and fills what it is in. */
export function readFinished(bytes: Buffer): Finished {
  const segment = segmentOf(bytes);
  if (segment.end !== bytes.length) throw new Error(`Segment ends at ${segment.end} of ${bytes.length}`);
  const children = [...readElements(bytes.subarray(segment.body))];
  blocksOf(bytes);
  const bodyOf = (id: number): Buffer => children.find((child) => child.id === id)?.body ?? Buffer.alloc(0);
  const within = (body: Buffer, id: number): Buffer[] =>
    [...readElements(body)].filter((child) => child.id === id).map((child) => child.body);
  const number = (body: Buffer, id: number): number => uintOf(within(body, id)[0] ?? Buffer.alloc(0));
  const seeks = within(bodyOf(ID.seekHead), 0x4dbb);
  return {
    duration: floatOf(within(bodyOf(ID.info), 0x4489)[0] ?? Buffer.alloc(0)),
    sought: new Map(seeks.map((seek) => [number(seek, 0x53ab), segment.body + number(seek, 0x53ac)])),
    cues: within(bodyOf(ID.cues), 0xbb).map((point) => {
      const [positions = Buffer.alloc(0)] = within(point, 0xb7);
      return { time: number(point, 0xb3), cluster: segment.body + number(positions, 0xf1) };
    }),
  };
}
