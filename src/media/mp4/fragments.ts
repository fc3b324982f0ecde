import { boxes, findBox, Mp4Error, needBox, type Box } from './boxes.ts';
import type { MovieTrack, TrackDefaults } from './movie.ts';
import { SampleTable, type FragmentSample } from './sampleTable.ts';

/** A track of a fragmented file with the samples found so far. */
export interface FragmentedTrack {
  readonly track: MovieTrack;
  readonly table: SampleTable;
  /** Samples that are decoded so long after the track's first, in ticks, or later are left out. */
  readonly endTicks: number;
  /** Decode time at which the next fragment starts when it does not say so itself. */
  nextDts: number;
  /** File position behind the last whole sample's bytes, left out or not; -1 without samples. */
  mediaEnd: number;
}

/** The media bytes a fragment may point to: file positions from `start` up to `end`. */
export interface MediaRange {
  readonly start: number;
  readonly end: number;
}

/** Samples of one run or of one file; far above ten days at 30 frames per second. */
const MAX_RUN_SAMPLES = 1_000_000;
const MAX_SAMPLES = 2 ** 25;
const NON_SYNC = 0x10000;

const TFHD = { base: 0x1, description: 0x2, duration: 0x8, size: 0x10, flags: 0x20, baseIsMoof: 0x20000 };
const TRUN = { offset: 0x1, firstFlags: 0x4, duration: 0x100, size: 0x200, flags: 0x400, composition: 0x800 };
const UNTOLD: TrackDefaults = { description: 1, duration: 0, size: 0, flags: 0 };

/** Where reading one `traf` stands. */
interface Cursor {
  readonly track: FragmentedTrack;
  readonly base: number;
  readonly defaults: TrackDefaults;
  readonly media: MediaRange;
  /** Filled anew for each sample. */
  readonly sample: FragmentSample;
  /** Set at the first sample that does not lie wholly in `media`: it and the rest of the `traf` are lost. */
  torn: boolean;
}

/** Reads a box's 32-bit fields one after another. */
class Fields {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;
  readonly version: number;
  readonly flags: number;

  constructor(bytes: Buffer, box: Box) {
    this.#bytes = bytes;
    this.#end = box.end;
    this.version = bytes.readUInt8(box.body);
    this.flags = bytes.readUIntBE(box.body + 1, 3);
    this.#at = box.body + 4;
  }

  u32(): number {
    this.#at += 4;
    if (this.#at > this.#end) throw new RangeError('a box ends early');
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  i32(): number {
    return this.u32() | 0;
  }

  u64(): number {
    return this.u32() * 2 ** 32 + this.u32();
  }

  /** The next word when `flag` is set, else `otherwise`. */
  optional(flag: number, otherwise: number): number {
    return (this.flags & flag) === 0 ? otherwise : this.u32();
  }
}

/** Reads `tfhd` and `tfdt`; undefined for a track the movie does not know. */
function openTraf(
  moof: Buffer,
  traf: Box,
  tracks: ReadonlyMap<number, FragmentedTrack>,
  where: { readonly implicitBase: number; readonly moofStart: number; readonly media: MediaRange },
): Cursor | undefined {
  const tfhd = new Fields(moof, needBox(moof, traf, 'tfhd'));
  const track = tracks.get(tfhd.u32());
  if (track === undefined) return undefined;
  const trex = track.track.defaults ?? UNTOLD;
  const implicit = (tfhd.flags & TFHD.baseIsMoof) === 0 ? where.implicitBase : where.moofStart;
  const base = (tfhd.flags & TFHD.base) === 0 ? implicit : tfhd.u64();
  const defaults = {
    description: tfhd.optional(TFHD.description, trex.description),
    duration: tfhd.optional(TFHD.duration, trex.duration),
    size: tfhd.optional(TFHD.size, trex.size),
    flags: tfhd.optional(TFHD.flags, trex.flags),
  };
  const tfdt = findBox(moof, traf, 'tfdt');
  const time = tfdt && new Fields(moof, tfdt);
  const dts = time === undefined ? track.nextDts : time.version === 1 ? time.u64() : time.u32();
  const sample = { dts, duration: 0, composition: 0, size: 0, sync: true, offset: base, description: 1 };
  sample.description = defaults.description;
  return { track, base, defaults, media: where.media, sample, torn: false };
}

function addSample(cursor: Cursor): void {
  const { sample, media, track } = cursor;
  cursor.torn ||= sample.offset < media.start || sample.offset + sample.size > media.end;
  if (!cursor.torn) {
    const { table, endTicks } = track;
    track.mediaEnd = sample.offset + sample.size;
    const sinceFirst = table.count === 0 ? 0 : sample.dts - table.origin;
    if (sinceFirst < endTicks) table.add(sample);
  }
  sample.offset += sample.size;
  sample.dts += sample.duration;
}

/** Reads one `trun` (ISO 14496-12, 8.8.8). */
function readRun(moof: Buffer, box: Box, cursor: Cursor): void {
  const run = new Fields(moof, box);
  const count = run.u32();
  if (count > MAX_RUN_SAMPLES || cursor.track.table.count + count > MAX_SAMPLES) {
    throw new Mp4Error('corrupt', `trun of ${count} samples`);
  }
  const { sample, defaults } = cursor;
  if ((run.flags & TRUN.offset) !== 0) sample.offset = cursor.base + run.i32();
  const firstFlags = run.optional(TRUN.firstFlags, defaults.flags);
  for (let i = 0; i < count && !cursor.torn; i++) {
    sample.duration = run.optional(TRUN.duration, defaults.duration);
    sample.size = run.optional(TRUN.size, defaults.size);
    const flags = run.optional(TRUN.flags, i === 0 ? firstFlags : defaults.flags);
    sample.sync = (flags & NON_SYNC) === 0;
    // FFmpeg writes and reads the field as signed in both versions.
    sample.composition = run.optional(TRUN.composition, 0) | 0;
    addSample(cursor);
  }
}

function readTrafs(
  moof: Buffer,
  moofStart: number,
  media: MediaRange,
  tracks: ReadonlyMap<number, FragmentedTrack>,
): void {
  const [top] = boxes(moof, 0, moof.length);
  if (top === undefined) return;
  let implicitBase = moofStart;
  for (const traf of boxes(moof, top.body, top.end)) {
    if (traf.type !== 'traf') continue;
    const cursor = openTraf(moof, traf, tracks, { implicitBase, moofStart, media });
    if (cursor === undefined) continue;
    for (const box of boxes(moof, traf.body, traf.end)) if (box.type === 'trun') readRun(moof, box, cursor);
    cursor.track.nextDts = cursor.sample.dts;
    implicitBase = cursor.sample.offset;
  }
}

/**
 * Adds the samples of one `moof` (header included, found at `moofStart`) that lie wholly in `media`.
 * @throws Mp4Error `corrupt`; the samples before the damage stay added.
 */
export function readFragment(
  moof: Buffer,
  moofStart: number,
  media: MediaRange,
  tracks: ReadonlyMap<number, FragmentedTrack>,
): void {
  try {
    readTrafs(moof, moofStart, media, tracks);
  } catch (error) {
    if (error instanceof RangeError) throw new Mp4Error('corrupt', `moof at ${moofStart}: ${error.message}`);
    throw error;
  }
}
