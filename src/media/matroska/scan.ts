import { BlockReader } from './blocks.ts';
import { CueList } from './cues.ts';
import { MAX_HEAD_BYTES, type Element, type ElementFile } from './elementFile.ts';
import { ID, LEVEL_1 } from './ids.ts';
import { MAX_INFO_BYTES, readInfo } from './info.ts';
import { MatroskaError } from './matroskaError.ts';
import { findSegment, readTrackFacts, type TrackFacts } from './segment.ts';
import { TrackEnds } from './trackEnds.ts';

/** An element of known size. */
export type WholeElement = Element & { readonly end: number };

/** A cluster whose size field does not say where it ends. */
export interface WrongSize {
  readonly cluster: Element;
  readonly end: number;
}

/** What a walk over the elements of a file found. */
export interface Scan {
  readonly segment: Element;
  /** What stands before the first cluster, in order. */
  readonly head: readonly WholeElement[];
  readonly info: WholeElement;
  readonly cues: CueList;
  /** When the last frame ends, in ticks. */
  readonly duration: number;
  /** Length of a tick, nanoseconds. */
  readonly tickNs: number;
  readonly wrongSizes: readonly WrongSize[];
  /** End of the bytes that stay; behind it lie a torn block, an old index or what is no element. */
  readonly keepEnd: number;
  /** Bytes that are torn or damaged. */
  readonly lostBytes: number;
}

const MAX_HEAD_ELEMENTS = 64;
/** Elements that a recording ends in the middle of. */
const KNOWN: ReadonlySet<number> = new Set([...LEVEL_1, ID.timestamp, ID.simpleBlock, ID.blockGroup]);
/** A key frame that comes later than this (4 KiB, and a frame) begins a cluster of its own. */
const KEY_FRAME_WITHIN_BYTES = 16 * 1024;
/** Clusters whose blocks are all read to find the end; tracks lie up to one second apart in a file. */
const LAST_CLUSTERS = 3;

/**
 * Walks over the elements of a file. Of a cluster that is whole only the first blocks are read, and never media.
 * @throws MatroskaError when there is nothing that could be finished.
 */
export async function scanFile(file: ElementFile): Promise<Scan> {
  return new Scanner(file, await findSegment(file)).scan();
}

class Scanner {
  readonly #file: ElementFile;
  readonly #segment: Element;
  readonly #head: WholeElement[] = [];
  readonly #cues = new CueList();
  readonly #wrongSizes: WrongSize[] = [];
  #tracks: ReadonlyMap<number, TrackFacts> = new Map();
  #videoTracks: ReadonlySet<number> = new Set();
  #last: Element[] = [];
  #keepEnd: number;
  #lostBytes = 0;
  #isDamaged = false;

  constructor(file: ElementFile, segment: Element) {
    this.#file = file;
    this.#segment = segment;
    this.#keepEnd = segment.body;
  }

  async scan(): Promise<Scan> {
    for (let at = this.#segment.body; at < this.#file.size;) at = await this.#step(at);
    const info = this.#head.find(({ id }) => id === ID.info);
    if (this.#last.length === 0 && !this.#isDamaged)
      throw new MatroskaError('nothing-to-save', 'no whole block');
    if (this.#last.length === 0) throw new MatroskaError('corrupt', 'no block behind damaged elements');
    if (info === undefined || this.#tracks.size === 0)
      throw new MatroskaError('corrupt', 'Info or Tracks is missing');
    const [keepEnd, lostBytes] = [this.#keepEnd, this.#lostBytes];
    // A cluster of which nothing is kept needs no size.
    const wrongSizes = this.#wrongSizes.filter(({ end }) => end <= keepEnd);
    const found = { segment: this.#segment, head: this.#head, info, cues: this.#cues, keepEnd, lostBytes };
    return { ...found, wrongSizes, ...(await this.#times(info)) };
  }

  /** @returns where to go on. */
  async #step(at: number): Promise<number> {
    const found = await this.#file.topElement(at);
    if (found?.id === ID.cluster) return this.#cluster(found);
    if (found?.end === undefined || found.end > this.#file.size) return this.#resync(at);
    if (this.#last.length === 0 && this.#head.length < MAX_HEAD_ELEMENTS)
      this.#head.push({ ...found, end: found.end });
    if (found.id === ID.tracks && this.#tracks.size === 0) {
      this.#tracks = await readTrackFacts(this.#file, found);
      const videos = [...this.#tracks].filter(([, { isVideo }]) => isVideo);
      this.#videoTracks = new Set(videos.map(([number]) => number));
    }
    if (found.id !== ID.cues && found.id !== ID.void) this.#keepEnd = found.end;
    return found.end;
  }

  /** Goes on at the next cluster behind what is torn or damaged; there is none behind a file's torn end. */
  async #resync(at: number): Promise<number> {
    const torn = await this.#file.element(at);
    const isCut =
      this.#file.size - at < MAX_HEAD_BYTES ||
      (torn?.end !== undefined && torn.end > this.#file.size && KNOWN.has(torn.id));
    const next = await this.#file.nextCluster(at + 1);
    const to = next ?? this.#file.size;
    if (next !== undefined || !isCut) this.#isDamaged = true;
    if (torn?.id !== ID.cues || next !== undefined) this.#lostBytes += to - at;
    return to;
  }

  async #cluster(cluster: Element): Promise<number> {
    const { end } = cluster;
    const isWhole = end !== undefined && (await this.#file.topElement(end)) !== undefined;
    const { hasBlock, blocksEnd } = await this.#blocks(cluster, isWhole);
    const to = isWhole ? end : blocksEnd;
    if (to !== end) this.#wrongSizes.push({ cluster, end: to });
    if (hasBlock) this.#last = [...this.#last, { ...cluster, end: to }].slice(-LAST_CLUSTERS);
    if (hasBlock || isWhole) this.#keepEnd = to;
    else this.#lostBytes += to - cluster.start;
    return to;
  }

  /** Looks for a place to seek to near the beginning: a key frame, or a sound where there are no pictures. */
  async #blocks(
    cluster: Element,
    onlyFirst: boolean,
  ): Promise<{ readonly hasBlock: boolean; readonly blocksEnd: number }> {
    const reader = new BlockReader(this.#file, cluster);
    let [hasBlock, isSought] = [false, true];
    for (let block = await reader.next(); block !== undefined; block = await reader.next()) {
      hasBlock = true;
      if (!isSought) continue;
      const { track, time, key } = block;
      const isPlace = key && (this.#videoTracks.size === 0 || this.#videoTracks.has(track));
      if (isPlace) this.#cues.add({ time, track, cluster: cluster.start - this.#segment.body });
      isSought = !isPlace && reader.end < cluster.body + KEY_FRAME_WITHIN_BYTES;
      if (!isSought && onlyFirst) break;
    }
    return { hasBlock, blocksEnd: reader.end };
  }

  async #times(info: Element): Promise<Pick<Scan, 'duration' | 'tickNs'>> {
    const ends = new TrackEnds();
    for (const cluster of this.#last) {
      const reader = new BlockReader(this.#file, cluster);
      for (let block = await reader.next(); block !== undefined; block = await reader.next()) ends.add(block);
    }
    const { tickNs } = readInfo(await this.#file.content(info, MAX_INFO_BYTES));
    return { duration: ends.end(this.#tracks, tickNs), tickNs };
  }
}
