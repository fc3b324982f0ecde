import { Mp4Error, type Box } from './boxes.ts';
import type { BoxFile } from './boxFile.ts';
import { readFragment } from './fragments.ts';
import { readMovie, type Movie } from './movie.ts';
import type { FragmentedTrack } from './runs.ts';
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
  /** The `moof` whose media comes next. */
  #moof: Box | undefined;
  /** It lies at the beginning of these. */
  #moofBytes = Buffer.alloc(0);
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
    for (let offset = 0; offset < this.#file.size;) {
      const header = this.#file.header(offset);
      const box = header instanceof Promise ? await header : header;
      if (box === undefined) {
        this.#keepUnreadable(offset);
        break;
      }
      const content = this.#contentOf(box);
      if (!this.#take(box, content instanceof Promise ? await content : content)) break;
      offset = box.end;
    }
    return this.#result();
  }

  /** Bytes that are no box are not ours to delete, unless they are too few to be anything. */
  #keepUnreadable(offset: number): void {
    this.#meantEnd = this.#file.size;
    if (this.#file.size - offset >= HEADER_BYTES) this.#keepEnd = this.#file.size;
  }

  /** The boxes that describe media, as far as they are whole; undefined for all others. */
  #contentOf(box: Box): Buffer | undefined | Promise<Buffer> {
    if (box.start === 0 && box.type !== 'ftyp')
      throw new Mp4Error('not-fragmented-mp4', 'no ftyp at the start');
    if (box.end > this.#file.size) return undefined;
    if (box.type === 'moof') return this.#file.read(box, MAX_MOOF_BYTES);
    return box.type === 'moov' && this.#movie === undefined
      ? this.#file.read(box, MAX_MOOV_BYTES)
      : undefined;
  }

  /** Takes in one top-level box; false when the walk ends with it. */
  #take(box: Box, content: Buffer | undefined): boolean {
    const whole = box.end <= this.#file.size;
    const end = Math.min(box.end, this.#file.size);
    const isIndex = box.type === 'mfra' || (box.type === 'moov' && this.#movie !== undefined);
    if (isIndex) return whole;
    this.#meantEnd = end;
    if (box.type === 'moof') return content !== undefined && this.#takeMoof(box, content);
    this.#keepEnd = end;
    if (box.type === 'moov') return content !== undefined && this.#takeMoov(box, content);
    if (box.type === 'mdat') this.#takeMdat(box, end);
    return whole;
  }

  #takeMoov(box: Box, content: Buffer): boolean {
    const movie = readMovie(Buffer.from(content));
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

  #takeMoof(box: Box, content: Buffer): boolean {
    if (content.length > this.#moofBytes.length) this.#moofBytes = Buffer.allocUnsafeSlow(content.length);
    content.copy(this.#moofBytes);
    this.#moof = box;
    return true;
  }

  /** Reads the fragment whose media this is. A damaged one is left out: the next one says its own time. */
  #takeMdat(box: Box, end: number): void {
    this.#mdat = box;
    const moof = this.#moof;
    this.#moof = undefined;
    if (moof === undefined) return;
    try {
      const bytes = this.#moofBytes.subarray(0, moof.end - moof.start);
      readFragment(bytes, moof.start, { start: box.body, end }, this.#tracks);
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
export function scanFile(file: BoxFile, ends: TrackEnds = {}): Promise<Scan> {
  return new Walk(file, ends).run();
}
