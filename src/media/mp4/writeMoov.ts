import { makeBox, needBox, rewriteBox, u64, words, type Box } from './boxes.ts';
import type { FragmentedTrack } from './runs.ts';
import type { Movie } from './movie.ts';
import { timeHeader, withDuration } from './timeHeader.ts';

/** The new index and what it says. */
export interface NewMovie {
  /** The `moov` box as buffers to be written one after another. */
  readonly bytes: readonly Buffer[];
  /** Ticks per second of the durations below. */
  readonly timescale: number;
  readonly duration: number;
  readonly tracks: readonly PlacedTrack[];
}

/** A track that has samples, placed on the movie's clock (in its ticks). */
export interface PlacedTrack extends FragmentedTrack {
  /** Empty time before the track. */
  readonly delay: number;
  /** First media time shown, in ticks of the media, counted from the track's first sample. */
  readonly mediaTime: number;
  /** How long media is shown. */
  readonly visible: number;
}

const U32_MAX = 2 ** 32 - 1;

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

/** Ticks by which the track's first sample lies behind the start of its edit: they become empty time. */
function lateBy({ table, track }: FragmentedTrack): number {
  return Math.max(0, table.origin - track.mediaTime);
}

/** The movie's timescale, made fine enough to hold every late start without rounding where 32 bits allow. */
function exactTimescale(movie: Movie, tracks: readonly FragmentedTrack[]): number {
  let timescale = movie.timescale;
  for (const entry of tracks) {
    if (lateBy(entry) === 0) continue;
    const media = entry.track.timescale;
    const finer = (timescale / greatestDivisor(timescale, media)) * media;
    if (finer <= U32_MAX) timescale = finer;
  }
  return timescale;
}

function placeTrack(entry: FragmentedTrack, movieTimescale: number, timescale: number): PlacedTrack {
  const { table, track } = entry;
  const mediaTime = Math.max(0, track.mediaTime - table.origin);
  const toMovie = timescale / track.timescale;
  return {
    ...entry,
    mediaTime,
    delay: Math.round(track.delay * (timescale / movieTimescale) + lateBy(entry) * toMovie),
    // Rounded up: a player would cut the last frame of an edit that is a fraction of a tick short.
    visible: Math.max(0, Math.ceil((table.visibleEnd - mediaTime) * toMovie)),
  };
}

/** Takes away the emptiness that all tracks begin with, which the muxer leaves before a part of a rotated recording. */
function atZero(tracks: readonly PlacedTrack[]): PlacedTrack[] {
  const lead = Math.min(...tracks.map(({ delay }) => delay));
  return tracks.map((track) => ({ ...track, delay: track.delay - lead }));
}

/** `edts` with an empty edit for the delay and one for the media (ISO 14496-12, 8.6.6). */
function editBox({ delay, mediaTime, visible }: PlacedTrack): Buffer[] {
  const wide = Math.max(delay, visible, mediaTime) > 0x7fffffff;
  const field = wide ? u64 : words;
  const one = words(0x00010000);
  const empty = delay > 0 ? [field(delay), wide ? words(U32_MAX, U32_MAX) : words(U32_MAX), one] : [];
  const head = words(wide ? 0x01000000 : 0, delay > 0 ? 2 : 1);
  return makeBox('edts', ...makeBox('elst', head, ...empty, field(visible), field(mediaTime), one));
}

function trackBox(moov: Buffer, placed: PlacedTrack): Buffer[] {
  const { table, track, delay, visible } = placed;
  const sampleTables = (stbl: Box) => {
    const stsd = needBox(moov, stbl, 'stsd');
    return makeBox('stbl', moov.subarray(stsd.start, stsd.end), ...table.boxes());
  };
  return rewriteBox(moov, track.box, {
    tkhd: (box) => [...withDuration(timeHeader(moov, box), delay + visible), ...editBox(placed)],
    edts: () => undefined,
    mdia: (mdia) =>
      rewriteBox(moov, mdia, {
        mdhd: (box) => withDuration(timeHeader(moov, box), table.duration),
        minf: (minf) => rewriteBox(moov, minf, { stbl: sampleTables }),
      }),
  });
}

/**
 * Builds the `moov` of a plain file from the fragmented file's own: the same tracks, sample descriptions, handlers,
 * languages, matrices and user data, with full sample tables. Tracks without samples are left out.
 */
export function newMovie(movie: Movie, found: readonly FragmentedTrack[]): NewMovie {
  const withSamples = found.filter(({ table }) => table.count > 0);
  const timescale = exactTimescale(movie, withSamples);
  const tracks = atZero(withSamples.map((entry) => placeTrack(entry, movie.timescale, timescale)));
  const duration = Math.max(0, ...tracks.map(({ delay, visible }) => delay + visible));
  const placedByStart = new Map(tracks.map((placed) => [placed.track.box.start, placed]));
  const bytes = rewriteBox(movie.bytes, movie.box, {
    mvhd: (box) => withDuration(timeHeader(movie.bytes, box), duration, words(timescale)),
    mvex: () => undefined,
    trak: (box) => {
      const placed = placedByStart.get(box.start);
      return placed && trackBox(movie.bytes, placed);
    },
  });
  return { bytes, timescale, duration, tracks };
}
