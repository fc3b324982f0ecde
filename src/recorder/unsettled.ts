import type { Sample } from '../domain/media.ts';

/** A child's container, its muxer's interleaving and its fragments hold back less than this of the media, µs. */
const MUXER_HOLDS_US = 3_000_000;
/** Bytes between a write to the child and its demuxer: the kernel's pipe and FFmpeg's own buffer hold less. */
const PIPE_HOLDS_BYTES = 512 * 1024;
/** Without video a group is this long, µs. */
const AUDIO_GROUP_US = 500_000;

/** Samples from one that a file can begin with up to the next such one. */
interface Group {
  readonly samples: Sample[];
  readonly startUs: number;
  bytes: number;
  /** Where it ends in the child's input; undefined while some of it is not written. */
  endsAt: number | undefined;
}

/**
 * The media a child was given that may not be in its file yet: if the child dies, another gets it again. Groups of
 * pictures are let go when all of them must be on disk. Holds no copies.
 */
export class UnsettledSamples {
  readonly #videoId: number | undefined;
  readonly #maxBytes: number;
  readonly #groups: Group[] = [];
  #bytes = 0;

  /** @param maxBytes bound on the media kept; beyond it the oldest group is given up. */
  constructor(videoId: number | undefined, maxBytes: number) {
    this.#videoId = videoId;
    this.#maxBytes = maxBytes;
  }

  /** @returns true when the sample begins a group. */
  push(sample: Sample): boolean {
    const begins = this.#begins(sample);
    if (begins) {
      this.#groups.push({ samples: [], startUs: sample.dts, bytes: 0, endsAt: undefined });
    }
    const group = this.#groups.at(-1);
    // Given up: what follows can be used from the next key frame on.
    if (group === undefined) return begins;
    group.samples.push(sample);
    group.bytes += sample.data.length;
    this.#bytes += sample.data.length;
    while (this.#bytes > this.#maxBytes) this.#dropOldest();
    return begins;
  }

  /** Everything pushed so far ends before this byte of the child's input, which has taken `takenBytes` of it. */
  written(endsAt: number, takenBytes: number): void {
    const newest = this.#groups.at(-1);
    for (const group of this.#groups) if (group !== newest) group.endsAt ??= endsAt;
    for (;;) {
      const [oldest, next] = this.#groups;
      if (oldest?.endsAt === undefined || next === undefined || newest === undefined) return;
      if (takenBytes - oldest.endsAt < PIPE_HOLDS_BYTES) return;
      if (newest.startUs - next.startUs < MUXER_HOLDS_US) return;
      this.#dropOldest();
    }
  }

  /**
   * Everything from the newest beginning of a group on before which nothing is missing on disk.
   * @param onDisk tells whether the file holds a sample.
   */
  missing(onDisk: (sample: Sample) => boolean): readonly Sample[] {
    const first = this.#groups.findIndex(({ samples }) => !samples.every(onDisk));
    return first < 0 ? [] : this.#groups.slice(first).flatMap(({ samples }) => samples);
  }

  #begins(sample: Sample): boolean {
    if (this.#videoId !== undefined) return sample.key && sample.trackId === this.#videoId;
    const startUs = this.#groups.at(-1)?.startUs ?? -Infinity;
    return sample.dts - startUs >= AUDIO_GROUP_US;
  }

  #dropOldest(): void {
    this.#bytes -= this.#groups.shift()?.bytes ?? 0;
  }
}
