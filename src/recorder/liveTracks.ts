import type { Sample, Track } from '../domain/media.ts';
import type { HeldSamples } from './heldSamples.ts';

/** A track that gave nothing for this long is taken for gone: a muted microphone, a camera that was switched off. */
const SILENCE_US = 10_000_000;

/** The tracks of one recording: their newest configuration, and which of them give media to the running child. */
export class LiveTracks {
  readonly #known = new Map<number, Track>();
  /** Newest decode time of each track since the child started, microseconds. */
  readonly #heardUs = new Map<number, number>();
  #declared: readonly Track[] = [];
  #fromUs = 0;

  get(id: number): Track | undefined {
    return this.#known.get(id);
  }

  /** Notes a new track or a new configuration. */
  set(track: Track): void {
    this.#known.set(track.id, track);
  }

  /**
   * Tracks of a child that begins with what is held, and takes over what gives media at `nowUs`. A file declares the
   * configuration that its first frame has, though a newer one may have come since.
   */
  toDeclare(held: HeldSamples, nowUs = Infinity): Track[] {
    return [...this.#known.values()]
      .filter(({ id }) => held.has(id) || this.isLive(id, nowUs))
      .map((track) => held.trackOf(track.id) ?? track);
  }

  /** A child was started with these tracks, for media from `fromUs` on. */
  begin(declared: readonly Track[], fromUs: number): void {
    this.#declared = declared;
    this.#fromUs = fromUs;
    this.#heardUs.clear();
  }

  hear(sample: Sample): void {
    this.#heardUs.set(sample.trackId, sample.dts);
  }

  /** True while a track that the child declares gives media. */
  isLive(id: number, nowUs: number): boolean {
    const isDeclared = this.#declared.some((track) => track.id === id);
    return isDeclared && nowUs - (this.#heardUs.get(id) ?? this.#fromUs) <= SILENCE_US;
  }

  /** True while the child declares video that gives media. */
  hasVideo(nowUs: number): boolean {
    return this.#declared.some(({ kind, id }) => kind === 'video' && this.isLive(id, nowUs));
  }

  /** Nothing came before `us` for a while, of any track: none is taken for gone because of that. */
  skipTo(us: number): void {
    this.#fromUs = us;
    for (const id of this.#heardUs.keys()) this.#heardUs.set(id, us);
  }

  /**
   * True when a declared track is gone whose absence stops the output: FFmpeg's MP4 muxer keeps a file in memory
   * until each track of it has media, which matters to every file that is begun (`eachPart`) or to the first.
   */
  isStarved(nowUs: number, eachPart: boolean): boolean {
    return this.#declared.some(({ id }) => !this.isLive(id, nowUs) && (eachPart || !this.#heardUs.has(id)));
  }
}
