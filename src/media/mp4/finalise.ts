import { open, type FileHandle } from 'node:fs/promises';
import { BoxFile } from './boxFile.ts';
import { byteLength, Mp4Error, u64, words } from './boxes.ts';
import { FragmentIndex } from './fragmentIndex.ts';
import type { Movie } from './movie.ts';
import { scanFile, type Scan, type TrackEnds } from './scan.ts';
import { writeBuffers } from './writeBuffers.ts';
import { newMovie, type NewMovie } from './writeMoov.ts';

/** One track of a finished file. */
export interface FinalisedTrack {
  readonly kind: 'video' | 'audio' | 'other';
  readonly samples: number;
  /** Sum of the samples' sizes. */
  readonly bytes: number;
  /** How long the track is played, with the empty time before it. */
  readonly durationMs: number;
}

/** Facts about a finished file. */
export interface FinalisedMp4 {
  readonly durationMs: number;
  /** Size of the file. */
  readonly bytes: number;
  readonly tracks: readonly FinalisedTrack[];
  /** Bytes of torn or damaged fragments that could not be used; 0 after a clean stop. */
  readonly truncatedBytes: number;
}

/** A 64-bit `mdat` header as it replaces the start of the old `moov`. */
const MDAT_HEADER_BYTES = 16;
const U32_MAX = 2 ** 32 - 1;

function toMs(ticks: number, timescale: number): number {
  return Math.round((ticks * 1000) / timescale);
}

function plainFacts(movie: Movie, bytes: number): FinalisedMp4 {
  const tracks = movie.tracks.map(({ kind, samples, sampleBytes, duration }) => ({
    kind,
    samples,
    bytes: sampleBytes,
    durationMs: toMs(duration, movie.timescale),
  }));
  return { durationMs: toMs(movie.duration, movie.timescale), bytes, tracks, truncatedBytes: 0 };
}

function newFacts(movie: NewMovie, bytes: number, truncatedBytes: number): FinalisedMp4 {
  const tracks = movie.tracks.map(({ track, table, delay, visible }) => ({
    kind: track.kind,
    samples: table.count,
    bytes: table.bytes,
    durationMs: toMs(delay + visible, movie.timescale),
  }));
  return { durationMs: toMs(movie.duration, movie.timescale), bytes, tracks, truncatedBytes };
}

/**
 * Gives a torn `mdat` the size it has, so that the index appended behind it is never taken for media, neither by a
 * player nor by the next run after an interruption.
 */
async function closeTornMdat(handle: FileHandle, { tornMdat, keepEnd }: Scan): Promise<void> {
  if (tornMdat === undefined) return;
  const size = keepEnd - tornMdat.start;
  const wide = tornMdat.body - tornMdat.start === MDAT_HEADER_BYTES;
  if (!wide && size > U32_MAX) throw new Mp4Error('corrupt', 'mdat is too long for its header');
  const field = wide ? u64(size) : words(size);
  await handle.write(field, 0, field.length, tornMdat.start + (wide ? 8 : 0));
  await handle.sync();
}

/** Appends the index at `position`; a failed attempt (disk full) is taken back. */
async function append(handle: FileHandle, position: number, moov: readonly Buffer[]): Promise<void> {
  try {
    await writeBuffers(handle, moov, position);
    await handle.sync();
  } catch (error) {
    await handle.truncate(position).catch(() => undefined);
    throw error;
  }
}

/** Turns everything from the old `moov` up to `end` into media data; from here on the file is plain. */
async function hideFragments(handle: FileHandle, moovStart: number, end: number): Promise<void> {
  const header = Buffer.concat([words(1), Buffer.from('mdat', 'latin1'), u64(end - moovStart)]);
  await handle.write(header, 0, header.length, moovStart);
  await handle.sync();
}

async function finalise(
  handle: FileHandle,
  ends: TrackEnds,
  index: FragmentIndex | undefined,
): Promise<FinalisedMp4> {
  const { size } = await handle.stat();
  const scan = await scanFile(new BoxFile(handle, size, index), ends);
  if (!scan.movie.fragmented) return plainFacts(scan.movie, size);
  if (scan.movie.tracks.some(({ samples }) => samples > 0)) {
    throw new Mp4Error('not-fragmented-mp4', 'the first moov lists samples of its own');
  }
  const movie = newMovie(scan.movie, scan.tracks);
  if (movie.tracks.length === 0) throw new Mp4Error('nothing-to-save', 'no whole sample');
  await closeTornMdat(handle, scan);
  await handle.truncate(scan.keepEnd);
  await append(handle, scan.keepEnd, movie.bytes);
  await hideFragments(handle, scan.moovStart, scan.keepEnd);
  return newFacts(movie, scan.keepEnd + byteLength(movie.bytes), scan.lostBytes);
}

/**
 * Turns a fragmented MP4 into a plain one in place: one `moov` with full sample tables is appended, then the start
 * of the old one is overwritten with an `mdat` header that spans everything before the new. Media is neither read
 * nor moved. May be interrupted at any byte and run again; a file that is plain already is left as it is. The
 * caller must be the only writer.
 * @param ends samples behind them get no entry in the index; their bytes stay, unseen.
 * @param indexPath where an index of its fragments may be, as `IndexGrowth` made it while the file was written.
 * @throws Mp4Error when there is nothing to finalise (the file is unchanged), or the system's error (disk full).
 */
export async function finaliseMp4(
  path: string,
  ends: TrackEnds = {},
  indexPath?: string,
): Promise<FinalisedMp4> {
  const handle = await open(path, 'r+');
  const index = indexPath === undefined ? undefined : await FragmentIndex.open(indexPath);
  try {
    return await finalise(handle, ends, index);
  } finally {
    await index?.close();
    await handle.close();
  }
}
