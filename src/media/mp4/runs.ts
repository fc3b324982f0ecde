import { Mp4Error, type Box } from './boxes.ts';
import { Fields } from './fields.ts';
import type { MovieTrack, TrackDefaults } from './movie.ts';
import type { FragmentSample, SampleTable } from './sampleTable.ts';

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

/** Where reading one `traf` stands. */
export interface Cursor {
  readonly track: FragmentedTrack;
  readonly base: number;
  readonly defaults: TrackDefaults;
  readonly media: MediaRange;
  /** Filled anew for each sample. */
  readonly sample: FragmentSample;
  /** Set at the first sample that does not lie wholly in `media`: it and the rest of the `traf` are lost. */
  torn: boolean;
}

/** Samples of one run or of one file; far above ten days at 30 frames per second. */
const MAX_RUN_SAMPLES = 1_000_000;
const MAX_SAMPLES = 2 ** 25;
const NON_SYNC = 0x10000;
const TRUN = { offset: 0x1, firstFlags: 0x4, duration: 0x100, size: 0x200, flags: 0x400, composition: 0x800 };

/** Reads one `trun` (ISO 14496-12, 8.8.8). @throws Mp4Error `corrupt`, RangeError when it is cut short. */
export function readRun(moof: Buffer, box: Box, cursor: Cursor): void {
  const run = new Fields(moof, box);
  const count = run.u32();
  if (count > MAX_RUN_SAMPLES || cursor.track.table.count + count > MAX_SAMPLES) {
    throw new Mp4Error('corrupt', `trun of ${count} samples`);
  }
  const { sample, defaults } = cursor;
  if ((run.flags & TRUN.offset) !== 0) sample.offset = cursor.base + run.i32();
  const firstFlags = run.optional(TRUN.firstFlags, defaults.flags);
  const { at, flags } = run;
  const shape = shapeOf(flags);
  // All samples have the same fields: how many are whole is seen once, not at each.
  const whole = shape.bytes === 0 ? count : Math.min(count, Math.floor((box.end - at) / shape.bytes));
  readSamples(moof, { at, count: whole, shape, firstFlags }, cursor);
  if (whole < count && !cursor.torn) throw new RangeError('a box ends early');
}

/** How the samples of a run are described: where the fields lie from a sample's first, -1 for those that are absent. */
interface SampleShape {
  readonly durationAt: number;
  readonly sizeAt: number;
  readonly flagsAt: number;
  readonly compositionAt: number;
  /** Of one sample. */
  readonly bytes: number;
}

function shapeOf(flags: number): SampleShape {
  let bytes = 0;
  const place = (flag: number): number => ((flags & flag) === 0 ? -1 : (bytes += 4) - 4);
  const durationAt = place(TRUN.duration);
  const sizeAt = place(TRUN.size);
  const flagsAt = place(TRUN.flags);
  const compositionAt = place(TRUN.composition);
  return { durationAt, sizeAt, flagsAt, compositionAt, bytes };
}

interface Run {
  /** Where the first sample's fields start. */
  readonly at: number;
  /** Samples whose fields are all there. */
  readonly count: number;
  readonly shape: SampleShape;
  /** Flags of the first sample where samples have none of their own. */
  readonly firstFlags: number;
}

/** Called for millions of samples: makes no object for any. */
function readSamples(moof: Buffer, { at: start, count, shape, firstFlags }: Run, cursor: Cursor): void {
  const { sample, defaults } = cursor;
  const { durationAt, sizeAt, flagsAt, compositionAt, bytes } = shape;
  for (let i = 0, at = start; i < count && !cursor.torn; i++, at += bytes) {
    sample.duration = durationAt < 0 ? defaults.duration : moof.readUInt32BE(at + durationAt);
    sample.size = sizeAt < 0 ? defaults.size : moof.readUInt32BE(at + sizeAt);
    const untold = i === 0 ? firstFlags : defaults.flags;
    sample.sync = ((flagsAt < 0 ? untold : moof.readInt32BE(at + flagsAt)) & NON_SYNC) === 0;
    // FFmpeg writes and reads the field as signed in both versions.
    sample.composition = compositionAt < 0 ? 0 : moof.readInt32BE(at + compositionAt);
    addSample(cursor);
  }
}

function addSample(cursor: Cursor): void {
  const { sample, media, track } = cursor;
  const end = sample.offset + sample.size;
  cursor.torn ||= sample.offset < media.start || end > media.end;
  if (!cursor.torn) {
    const { table, endTicks } = track;
    track.mediaEnd = end;
    const sinceFirst = table.count === 0 ? 0 : sample.dts - table.origin;
    if (sinceFirst < endTicks) table.add(sample);
  }
  sample.offset = end;
  sample.dts += sample.duration;
}
