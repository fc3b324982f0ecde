import { findBox, Mp4Error, needBox, wholeBox, type Box } from './boxes.ts';
import { Fields } from './fields.ts';
import type { TrackDefaults } from './movie.ts';
import { readRun, type Cursor, type FragmentedTrack, type MediaRange } from './runs.ts';

const TFHD = { base: 0x1, description: 0x2, duration: 0x8, size: 0x10, flags: 0x20, baseIsMoof: 0x20000 };
const UNTOLD: TrackDefaults = { description: 1, duration: 0, size: 0, flags: 0 };

/** A fragment whose `traf` boxes are read one after another. */
interface Fragment {
  readonly moof: Buffer;
  /** Where it was found in the file. */
  readonly moofStart: number;
  readonly media: MediaRange;
  /** Where the media of the `traf` before ended: what offsets count from unless they say otherwise. */
  implicitBase: number;
}

/** Reads `tfhd` and the `tfdt` behind it; undefined for a track the movie does not know. */
function openTraf(
  { moof, moofStart, media, implicitBase }: Fragment,
  traf: Box,
  header: Box,
  tracks: ReadonlyMap<number, FragmentedTrack>,
): Cursor | undefined {
  const tfhd = new Fields(moof, header);
  const track = tracks.get(tfhd.u32());
  if (track === undefined) return undefined;
  const trex = track.track.defaults ?? UNTOLD;
  const implicit = (tfhd.flags & TFHD.baseIsMoof) === 0 ? implicitBase : moofStart;
  const base = (tfhd.flags & TFHD.base) === 0 ? implicit : tfhd.u64();
  const defaults = {
    description: tfhd.optional(TFHD.description, trex.description),
    duration: tfhd.optional(TFHD.duration, trex.duration),
    size: tfhd.optional(TFHD.size, trex.size),
    flags: tfhd.optional(TFHD.flags, trex.flags),
  };
  const tfdt = findBox(moof, traf, 'tfdt', header.end);
  const time = tfdt && new Fields(moof, tfdt);
  const dts = time === undefined ? track.nextDts : time.version === 1 ? time.u64() : time.u32();
  const sample = { dts, duration: 0, composition: 0, size: 0, sync: true, offset: base, description: 1 };
  sample.description = defaults.description;
  return { track, base, defaults, media, sample, torn: false };
}

/** Everything in a `traf` stands behind its `tfhd`. */
function readTraf(fragment: Fragment, traf: Box, tracks: ReadonlyMap<number, FragmentedTrack>): void {
  const header = needBox(fragment.moof, traf, 'tfhd');
  const cursor = openTraf(fragment, traf, header, tracks);
  if (cursor === undefined) return;
  for (let at = header.end; at < traf.end;) {
    const box = wholeBox(fragment.moof, at, traf.end);
    if (box.type === 'trun') readRun(fragment.moof, box, cursor);
    at = box.end;
  }
  cursor.track.nextDts = cursor.sample.dts;
  fragment.implicitBase = cursor.sample.offset;
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
  const fragment = { moof, moofStart, media, implicitBase: moofStart };
  try {
    const top = wholeBox(moof, 0, moof.length);
    for (let at = top.body; at < top.end;) {
      const box = wholeBox(moof, at, top.end);
      if (box.type === 'traf') readTraf(fragment, box, tracks);
      at = box.end;
    }
  } catch (error) {
    if (error instanceof RangeError) throw new Mp4Error('corrupt', `moof at ${moofStart}: ${error.message}`);
    throw error;
  }
}
