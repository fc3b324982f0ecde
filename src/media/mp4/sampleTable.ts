import { makeBox, Mp4Error, words } from './boxes.ts';
import { GrowingTable, RunTable } from './growingTable.ts';

/** One sample as a fragment describes it. Times in ticks of the track's timescale. */
export interface FragmentSample {
  /** Decode time on the fragments' clock. */
  dts: number;
  duration: number;
  /** Presentation minus decode time. */
  composition: number;
  size: number;
  sync: boolean;
  /** Where its bytes lie in the file. */
  offset: number;
  /** Entry of `stsd`, from 1. */
  description: number;
}

const U32_MAX = 2 ** 32 - 1;

/** Collects one track's samples into the tables of an `stbl`, a few bytes per sample, ready to be written. */
export class SampleTable {
  readonly #sizes = new GrowingTable();
  readonly #durations = new RunTable();
  readonly #compositions = new RunTable();
  readonly #syncSamples = new GrowingTable();
  readonly #offsets: number[] = [];
  readonly #chunks = new GrowingTable();
  #needsCompositions = false;
  #signedCompositions = false;
  #chunkSamples = 0;
  #chunkDescription = 0;
  #chunkEnd = -1;
  /** What `stsc` said last. */
  #listedSamples = 0;
  #listedDescription = 0;
  #count = 0;
  #origin = 0;
  #dts = 0;
  #pts = 0;
  #duration = 0;
  #visibleEnd = 0;
  #bytes = 0;

  /** Sum of the samples' sizes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Samples added. */
  get count(): number {
    return this.#count;
  }

  /** Decode time of the first sample on the fragments' clock; the table itself starts at 0. */
  get origin(): number {
    return this.#origin;
  }

  /** Sum of the samples' durations. */
  get duration(): number {
    return this.count === 0 ? 0 : this.#dts + this.#duration - this.#origin;
  }

  /** When the last sample shown ends, on the table's clock. */
  get visibleEnd(): number {
    return Math.max(this.#visibleEnd, this.#pts + this.#duration) - this.#origin;
  }

  /**
   * Adds the next sample. A sample lasts until the next one's decode time, so that gaps between fragments stay;
   * one that claims to be decoded before its predecessor is moved behind it and keeps its presentation time.
   * @throws Mp4Error `corrupt` when a gap or offset does not fit 32 bits.
   */
  add(sample: FragmentSample): void {
    const isFirst = this.#count === 0;
    const dts = isFirst ? sample.dts : Math.max(sample.dts, this.#dts);
    const composition = sample.dts + sample.composition - dts;
    if (Math.abs(composition) > U32_MAX / 2)
      throw new Mp4Error('corrupt', `composition offset ${composition}`);
    if (isFirst) this.#origin = dts;
    else this.#settle(dts - this.#dts);
    this.#dts = dts;
    this.#pts = dts + composition;
    this.#duration = sample.duration;
    this.#addToChunk(sample);
    this.#sizes.push(sample.size);
    this.#bytes += sample.size;
    this.#count++;
    this.#compositions.push(composition);
    this.#needsCompositions ||= composition !== 0;
    this.#signedCompositions ||= composition < 0;
    if (sample.sync) this.#syncSamples.push(this.#count);
  }

  /** The `stbl` content after `stsd` (ISO 14496-12, 8.6 and 8.7). Call once, after the last sample. */
  boxes(): Buffer[] {
    this.#settle(this.#duration);
    this.#closeChunk();
    const allSync = this.#syncSamples.length === this.count;
    const table = (type: string, count: number, bytes: readonly Buffer[]) =>
      makeBox(type, words(0, count), ...bytes);
    const durations = this.#durations.finish();
    return [
      ...table('stts', durations.pairs, durations.bytes),
      ...(this.#needsCompositions ? this.#compositionBox() : []),
      ...(allSync ? [] : table('stss', this.#syncSamples.length, this.#syncSamples.bytes)),
      ...table('stsc', this.#chunks.length / 3, this.#chunks.bytes),
      ...makeBox('stsz', words(0, 0, this.count), ...this.#sizes.bytes),
      ...this.#offsetBox(),
    ];
  }

  /** Fixes the duration of the sample added last. */
  #settle(duration: number): void {
    if (duration > U32_MAX) throw new Mp4Error('corrupt', `a gap of ${duration} ticks`);
    this.#durations.push(duration);
    this.#visibleEnd = Math.max(this.#visibleEnd, this.#pts + duration);
  }

  #addToChunk(sample: FragmentSample): void {
    if (sample.offset !== this.#chunkEnd || sample.description !== this.#chunkDescription) {
      this.#closeChunk();
      this.#offsets.push(sample.offset);
      this.#chunkDescription = sample.description;
    }
    this.#chunkSamples++;
    this.#chunkEnd = sample.offset + sample.size;
  }

  /** Notes the chunk's shape in `stsc`, which lists changes only. */
  #closeChunk(): void {
    if (this.#chunkSamples === 0) return;
    if (this.#chunkSamples !== this.#listedSamples || this.#chunkDescription !== this.#listedDescription) {
      this.#chunks.push(this.#offsets.length);
      this.#chunks.push(this.#chunkSamples);
      this.#chunks.push(this.#chunkDescription);
    }
    this.#listedSamples = this.#chunkSamples;
    this.#listedDescription = this.#chunkDescription;
    this.#chunkSamples = 0;
  }

  #compositionBox(): Buffer[] {
    const version = this.#signedCompositions ? 0x01000000 : 0;
    const { pairs, bytes } = this.#compositions.finish();
    return makeBox('ctts', words(version, pairs), ...bytes);
  }

  #offsetBox(): Buffer[] {
    const wide = this.#offsets.some((offset) => offset > U32_MAX);
    const table = new GrowingTable();
    for (const offset of this.#offsets) {
      if (wide) table.push(Math.floor(offset / 2 ** 32));
      table.push(offset >>> 0);
    }
    return makeBox(wide ? 'co64' : 'stco', words(0, this.#offsets.length), ...table.bytes);
  }
}
