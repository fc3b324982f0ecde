import {
  boxes,
  findBox,
  makeBox,
  needBox,
  readU64,
  u64,
  words,
  type Box,
} from '../../../../src/media/mp4/boxes.ts';

/** One sample as a fragment is told to hold it; its bytes are `size` times `fill`. */
export interface TestSample {
  readonly duration: number;
  readonly composition: number;
  readonly size: number;
  readonly sync: boolean;
}

export interface TestRun {
  readonly trackId: number;
  /** Decode time of the first sample; left out of the file when undefined. */
  readonly time?: number;
  readonly samples: readonly TestSample[];
}

export interface TestTrack {
  readonly id: number;
  readonly handler: 'vide' | 'soun';
  readonly timescale: number;
  readonly edits?: readonly (readonly [duration: number, mediaTime: number])[];
}

const concat = (...parts: (Buffer | Buffer[])[]) => Buffer.concat(parts.flat());
const box = (type: string, ...parts: (Buffer | Buffer[])[]) => concat(makeBox(type, concat(...parts)));
const zeros = (bytes: number) => Buffer.alloc(bytes);

export const FTYP = box('ftyp', Buffer.from('iso5'), words(0x200), Buffer.from('iso5iso6mp41'));

function trak({ id, handler, timescale, edits }: TestTrack): Buffer {
  const elst = (edits ?? []).map(([duration, mediaTime]) => words(duration, mediaTime, 0x10000));
  const edts = edits ? box('edts', box('elst', words(0, elst.length), elst)) : zeros(0);
  const empty = (type: string) => box(type, words(0, 0));
  const stsd = box('stsd', words(0, 1), box('test', zeros(8)));
  const stbl = box('stbl', stsd, empty('stts'), empty('stsc'), box('stsz', words(0, 0, 0)), empty('stco'));
  return box(
    'trak',
    box('tkhd', words(3, 0, 0, id, 0, 0), zeros(60)),
    edts,
    box(
      'mdia',
      box('mdhd', words(0, 0, 0, timescale, 0, 0x55c40000)),
      box('hdlr', words(0, 0), Buffer.from(handler), zeros(13)),
      box('minf', box('dinf', zeros(4)), stbl),
    ),
  );
}

/** The `moov` of a fragmented file with a movie timescale of 1000. */
export function testMoov(tracks: readonly TestTrack[]): Buffer {
  const trex = tracks.map(({ id }) => box('trex', words(0, id, 1, 0, 0, 0)));
  return box('moov', box('mvhd', words(0, 0, 0, 1000, 0), zeros(80)), tracks.map(trak), box('mvex', trex));
}

function traf(run: TestRun, dataOffset: number): Buffer {
  const samples = run.samples.map(({ duration, size, sync, composition }) =>
    words(duration, size, sync ? 0x02000000 : 0x01010000, composition),
  );
  const time = run.time === undefined ? zeros(0) : box('tfdt', words(0x01000000), u64(run.time));
  const trun = box('trun', words(0x01000f01, samples.length, dataOffset), samples);
  return box('traf', box('tfhd', words(0x00020000, run.trackId)), time, trun);
}

/** `moof` and `mdat` of one fragment; the media counts up so that every sample differs. */
export function testFragment(runs: readonly TestRun[]): Buffer {
  const build = (offsets: readonly number[]) =>
    box('moof', box('mfhd', words(0, 1)), ...runs.map((run, i) => traf(run, offsets[i] ?? 0)));
  const moofBytes = build([]).length;
  let end = moofBytes + 8;
  const offsets = runs.map((run) => {
    const start = end;
    end += run.samples.reduce((sum, { size }) => sum + size, 0);
    return start;
  });
  const media = Buffer.from(Array.from({ length: end - moofBytes - 8 }, (_, i) => (i * 7) % 251));
  return concat(build(offsets), box('mdat', media));
}

export interface ReadSample {
  readonly dts: number;
  readonly pts: number;
  readonly duration: number;
  readonly offset: number;
  readonly size: number;
  readonly sync: boolean;
}

export interface ReadTrack {
  readonly id: number;
  readonly timescale: number;
  /** [duration, media time] of each edit. */
  readonly edits: readonly (readonly [number, number])[];
  readonly samples: readonly ReadSample[];
  readonly types: readonly string[];
}

/** `count` rows of `width` words each. */
function rows(moov: Buffer, table: Box | undefined, width: number): number[][] {
  if (table === undefined) return [];
  const count = moov.readUInt32BE(table.body + 4);
  return Array.from({ length: count }, (_, row) =>
    Array.from({ length: width }, (_unused, i) => moov.readUInt32BE(table.body + 8 + (row * width + i) * 4)),
  );
}

function readTrack(moov: Buffer, track: Box): ReadTrack {
  const stbl = needBox(moov, track, 'mdia', 'minf', 'stbl');
  const table = (type: string) => findBox(moov, stbl, type);
  const stsz = needBox(moov, stbl, 'stsz');
  const sizes = Array.from({ length: moov.readUInt32BE(stsz.body + 8) }, (_, i) =>
    moov.readUInt32BE(stsz.body + 12 + i * 4),
  );
  const expand = (runs: number[][]) =>
    runs.flatMap(([count = 0, value = 0]) => Array<number>(count).fill(value));
  const durations = expand(rows(moov, table('stts'), 2));
  const compositions = expand(rows(moov, table('ctts'), 2));
  const syncs = table('stss') && new Set(rows(moov, table('stss'), 1).flat());
  const offsets = sampleOffsets(moov, stbl, sizes);
  let dts = 0;
  const samples = sizes.map((size, i) => {
    const duration = durations[i] ?? NaN;
    const pts = dts + ((compositions[i] ?? 0) | 0);
    const sample = { dts, pts, duration, offset: offsets[i] ?? NaN, size, sync: syncs?.has(i + 1) ?? true };
    dts += duration;
    return sample;
  });
  const elst = needBox(moov, track, 'edts', 'elst');
  const tkhd = needBox(moov, track, 'tkhd');
  return {
    id: moov.readUInt32BE(tkhd.body + 12),
    timescale: moov.readUInt32BE(needBox(moov, track, 'mdia', 'mdhd').body + 12),
    edits: rows(moov, elst, 3).map(([duration = 0, mediaTime = 0]) => [duration, mediaTime | 0] as const),
    samples,
    types: [...boxes(moov, stbl.body, stbl.end)].map(({ type }) => type),
  };
}

function sampleOffsets(moov: Buffer, stbl: Box, sizes: readonly number[]): number[] {
  const co64 = findBox(moov, stbl, 'co64');
  const chunks = co64
    ? rows(moov, co64, 2).map((_, i) => readU64(moov, co64.body + 8 + i * 8))
    : rows(moov, needBox(moov, stbl, 'stco'), 1).flat();
  const shapes = rows(moov, needBox(moov, stbl, 'stsc'), 3);
  const offsets: number[] = [];
  chunks.forEach((start, i) => {
    const [, count = 0] = shapes.findLast(([first = 0]) => first <= i + 1) ?? [];
    let at = start;
    for (let left = count; left > 0; left--) {
      offsets.push(at);
      at += sizes[offsets.length - 1] ?? NaN;
    }
  });
  return offsets;
}

/** Reads the sample tables of a plain MP4's `moov` box. */
export function readPlainMoov(moov: Buffer): { timescale: number; duration: number; tracks: ReadTrack[] } {
  const [top] = boxes(moov, 0, moov.length);
  if (top?.type !== 'moov') throw new Error('no moov');
  const mvhd = needBox(moov, top, 'mvhd');
  const tracks = [...boxes(moov, top.body, top.end)].filter(({ type }) => type === 'trak');
  return {
    timescale: moov.readUInt32BE(mvhd.body + 12),
    duration: moov.readUInt32BE(mvhd.body + 16),
    tracks: tracks.map((track) => readTrack(moov, track)),
  };
}

/** Top-level boxes of a whole file in memory. */
export function topBoxes(file: Buffer): Box[] {
  return [...boxes(file, 0, file.length)];
}

/** The tables of a plain MP4 in memory. */
export function readPlain(file: Buffer): ReturnType<typeof readPlainMoov> {
  const moov = topBoxes(file).find(({ type }) => type === 'moov');
  if (moov === undefined) throw new Error('no moov');
  return readPlainMoov(Buffer.from(file.subarray(moov.start, moov.end)));
}
