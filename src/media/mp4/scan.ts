import { Mp4Error, type Box } from './boxes.ts';
import type { BoxFile } from './boxFile.ts';
import { fragmentIndex } from './fragmentIndex.ts';
import { readFragment, type FragmentedTrack } from './fragments.ts';
import { readMovie, type Movie } from './movie.ts';
import { SampleTable } from './sampleTable.ts';

/** What a walk over the top-level boxes of a file found. */
export interface Scan {
  readonly movie: Movie;
  /** Where the first `moov` starts in the file. */
  readonly moovStart: number;
  readonly tracks: readonly FragmentedTrack[];
  /** End of the bytes that stay; behind it lies only an old index, or a `moof` without its media. */
  readonly keepEnd: number;
  /** Bytes of torn or damaged fragments that hold no usable sample. */
  readonly lostBytes: number;
  /** The last `mdat` when it claims more bytes than the file has. */
  readonly tornMdat: Box | undefined;
}

/** Where tracks are to end, seconds since their first sample; an absent one ends where it ends. */
export interface TrackEnds {
  readonly video?: number | undefined;
  readonly audio?: number | undefined;
}

/** The index of ten hours is about 40 MB; a larger one is damage. */
export const MAX_MOOV_BYTES = 256 * 1024 * 1024;
const MAX_MOOF_BYTES = 64 * 1024 * 1024;
const HEADER_BYTES = 8;

/** One walk from the first byte to the last; reads headers, `moov` and `moof` boxes, never the media. */
class Walk {
  readonly #file: BoxFile;
  readonly #ends: TrackEnds;
  #movie: Movie | undefined;
  #moovStart = 0;
  #tracks: ReadonlyMap<number, FragmentedTrack> = new Map();
  #moof: { readonly bytes: Buffer; readonly start: number } | undefined;
  #keepEnd = 0;
  /** End of the bytes that were meant to be media or its description. */
  #meantEnd = 0;
  #damagedBytes = 0;
  #mdat: Box | undefined;

  constructor(file: BoxFile, ends: TrackEnds) {
    this.#file = file;
    this.#ends = ends;
  }

  async run(): Promise<Scan> {
    let offset = 0;
    while (offset < this.#file.size) {
      const box = await this.#file.header(offset);
      if (box === undefined) {
        this.#keepUnreadable(offset);
        break;
      }
      if (!(await this.#take(box))) break;
      offset = box.end;
    }
    return this.#result();
  }

  /** Bytes that are no box are not ours to delete, unless they are too few to be anything. */
  #keepUnreadable(offset: number): void {
    this.#meantEnd = this.#file.size;
    if (this.#file.size - offset >= HEADER_BYTES) this.#keepEnd = this.#file.size;
  }

  /** Takes in one top-level box; false when the walk ends with it. */
  async #take(box: Box): Promise<boolean> {
    if (box.start === 0 && box.type !== 'ftyp')
      throw new Mp4Error('not-fragmented-mp4', 'no ftyp at the start');
    const whole = box.end <= this.#file.size;
    const end = Math.min(box.end, this.#file.size);
    const isIndex = box.type === 'mfra' || (box.type === 'moov' && this.#movie !== undefined);
    if (isIndex) return whole;
    this.#meantEnd = end;
    if (box.type === 'moof') return whole && this.#takeMoof(box);
    this.#keepEnd = end;
    if (box.type === 'moov') return whole && this.#takeMoov(box);
    if (box.type === 'mdat') this.#takeMdat(box, end);
    return whole;
  }

  async #takeMoov(box: Box): Promise<boolean> {
    const movie = readMovie(Buffer.from(await this.#file.read(box, MAX_MOOV_BYTES)));
    this.#tracks = new Map(
      movie.tracks.map((track) => {
        const endS = track.kind === 'other' ? undefined : this.#ends[track.kind];
        const endTicks = endS === undefined ? Infinity : endS * track.timescale;
        return [track.id, { track, table: new SampleTable(), endTicks, nextDts: 0, mediaEnd: -1 }];
      }),
    );
    this.#moovStart = box.start;
    this.#movie = movie;
    return movie.fragmented;
  }

  async #takeMoof(box: Box): Promise<boolean> {
    this.#moof = { bytes: Buffer.from(await this.#file.read(box, MAX_MOOF_BYTES)), start: box.start };
    return true;
  }

  /** Reads the fragment whose media this is. A damaged one is left out: the next one says its own time. */
  #takeMdat(box: Box, end: number): void {
    this.#mdat = box;
    const moof = this.#moof;
    this.#moof = undefined;
    if (moof === undefined) return;
    try {
      readFragment(moof.bytes, moof.start, { start: box.body, end }, this.#tracks);
    } catch (error) {
      if (!(error instanceof Mp4Error)) throw error;
      this.#damagedBytes += end - moof.start;
    }
  }

  #result(): Scan {
    if (this.#movie === undefined) {
      if (this.#mdat !== undefined)
        throw new Mp4Error('not-fragmented-mp4', 'media without a moov box before it');
      throw new Mp4Error('nothing-to-save', 'no whole moov box');
    }
    const tracks = [...this.#tracks.values()];
    const mediaEnd = Math.max(...tracks.map((track) => track.mediaEnd));
    return {
      movie: this.#movie,
      moovStart: this.#moovStart,
      tracks,
      keepEnd: this.#keepEnd,
      lostBytes: this.#damagedBytes + Math.max(0, this.#meantEnd - mediaEnd),
      tornMdat: this.#mdat !== undefined && this.#mdat.end > this.#file.size ? this.#mdat : undefined,
    };
  }
}

/** Walks over `file`. @param ends samples behind them are not counted. @throws Mp4Error when it is no MP4, damaged at its start, or holds no whole `moov`. */
export async function scanFile(file: BoxFile, ends: TrackEnds = {}): Promise<Scan> {
  file.expect(await fragmentIndex(file));
  return new Walk(file, ends).run();
}
