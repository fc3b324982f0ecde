import type { Sample, Track } from '../domain/media.ts';

/** What an object for a sample and its view of the media take beside the media itself, about. */
const SAMPLE_BYTES = 256;

/** Samples that wait for a child, in order. */
export class HeldSamples {
  readonly #maxBytes: number;
  #samples: Sample[] = [];
  readonly #tracks = new Map<number, Track>();
  #bytes = 0;

  /** @param maxBytes bound on the memory in use, about; it is for the user to keep. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get isFull(): boolean {
    return this.#bytes > this.#maxBytes;
  }

  get isEmpty(): boolean {
    return this.#samples.length === 0;
  }

  /** True when media of this track waits. */
  has(trackId: number): boolean {
    return this.#tracks.has(trackId);
  }

  /** The track's configuration at its first sample that waits. */
  trackOf(trackId: number): Track | undefined {
    return this.#tracks.get(trackId);
  }

  push(sample: Sample, track: Track): void {
    this.#samples.push(sample);
    if (!this.#tracks.has(track.id)) this.#tracks.set(track.id, track);
    this.#bytes += sample.data.length + SAMPLE_BYTES;
  }

  /** Takes samples again whose tracks `trackOf` knows. */
  pushAll(samples: readonly Sample[], trackOf: (id: number) => Track | undefined): void {
    for (const sample of samples) {
      const track = trackOf(sample.trackId);
      if (track !== undefined) this.push(sample, track);
    }
  }

  /** Hands over everything and is empty. */
  take(): readonly Sample[] {
    const samples = this.#samples;
    this.#samples = [];
    this.#tracks.clear();
    this.#bytes = 0;
    return samples;
  }
}
