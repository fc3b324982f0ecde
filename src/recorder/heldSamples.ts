import type { Sample } from '../domain/media.ts';

/** What an object for a sample and its view of the media take beside the media itself, about. */
const SAMPLE_BYTES = 256;

/** Samples that wait for a child, in order. */
export class HeldSamples {
  readonly #maxBytes: number;
  #samples: Sample[] = [];
  readonly #trackIds = new Set<number>();
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
    return this.#trackIds.has(trackId);
  }

  push(sample: Sample): void {
    this.#samples.push(sample);
    this.#trackIds.add(sample.trackId);
    this.#bytes += sample.data.length + SAMPLE_BYTES;
  }

  /** Hands over everything and is empty. */
  take(): readonly Sample[] {
    const samples = this.#samples;
    this.#samples = [];
    this.#trackIds.clear();
    this.#bytes = 0;
    return samples;
  }
}
