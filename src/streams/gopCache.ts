import type { Sample, Track, VideoTrack } from '../domain/media.ts';

/** What a subscriber is told, in order. */
export type StreamItem = { readonly track: Track } | { readonly sample: Sample };

/** A picture that can be decoded alone. */
export interface KeyFrame {
  readonly track: VideoTrack;
  readonly sample: Sample;
}

/** What an object for a sample and its view of the media take beside the media itself, about. */
const SAMPLE_BYTES = 256;

/**
 * The stream since its newest video key frame, so that a recording started on demand begins at a picture that was
 * already received. While there is no video it keeps the newest audio frame only.
 */
export class GopCache {
  /** The newest video key frame with its configuration; it stays when its GOP is given up. */
  keyFrame: KeyFrame | undefined;
  readonly #maxBytes: number;
  #items: StreamItem[] = [];
  readonly #tracks = new Map<number, Track>();
  #bytes = 0;
  #overflowed = false;
  #hasVideo = false;

  /** @param maxBytes bound on the memory in use, about; a longer GOP is given up until the next key frame. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  addTrack(track: Track): void {
    this.#hasVideo ||= track.kind === 'video';
    this.#items.push({ track });
  }

  addSample(sample: Sample, track: Track): void {
    if (sample.key && track.kind === 'video') this.keyFrame = { track, sample };
    if (sample.key && (track.kind === 'video' || !this.#hasVideo)) {
      const beside = track.kind === 'video' ? this.#soundSince(sample.dts) : [];
      this.#restart();
      for (const each of beside) this.#add(each);
    }
    if (this.#overflowed) return;
    this.#add(sample);
    if (this.#bytes > this.#maxBytes) {
      this.#restart();
      this.#overflowed = true;
    }
  }

  /** Tracks in force at the start of the cache, then everything since. */
  replay(): readonly StreamItem[] {
    return [...[...this.#tracks.values()].map((track) => ({ track })), ...this.#items];
  }

  /** From the first sample to the last one, microseconds. */
  get spanUs(): number {
    const isSample = (item: StreamItem): item is { readonly sample: Sample } => 'sample' in item;
    const first = this.#items.find(isSample);
    const last = this.#items.findLast(isSample);
    return first === undefined || last === undefined ? 0 : last.sample.dts - first.sample.dts;
  }

  /** Sound that belongs beside a key frame but came before it. */
  #soundSince(dts: number): readonly Sample[] {
    const sound: Sample[] = [];
    for (const item of this.#items) {
      if (!('sample' in item) || item.sample.dts < dts) continue;
      if (item.sample.trackId !== this.keyFrame?.track.id) sound.push(item.sample);
    }
    return sound;
  }

  #add(sample: Sample): void {
    this.#items.push({ sample });
    this.#bytes += sample.data.length + SAMPLE_BYTES;
  }

  #restart(): void {
    for (const item of this.#items) if ('track' in item) this.#tracks.set(item.track.id, item.track);
    this.#items = [];
    this.#bytes = 0;
    this.#overflowed = false;
  }
}
