import type { Track } from '../domain/media.ts';
import type { Stream } from '../streams/stream.ts';

/** Says when media of enough tracks is there to start a child: of all that are to be expected, or a time limit. */
export class TrackGate {
  readonly #stream: Stream;
  readonly #isYoung: boolean;
  readonly #timer: NodeJS.Timeout;
  #timeIsUp = false;

  /**
   * @param waitMs longest wait from now on; a stream younger than this may yet get tracks that nobody announced.
   * @param onTimeUp called once when the wait is over.
   */
  constructor(stream: Stream, waitMs: number, onTimeUp: () => void) {
    this.#stream = stream;
    this.#isYoung = Date.now() - (stream.mediaStartedAt ?? Date.now()) < waitMs;
    this.#timer = setTimeout(() => {
      this.#timeIsUp = true;
      onTimeUp();
    }, waitMs);
  }

  /** True when a child for these tracks, whose media is there, should start. */
  isOpen(tracks: readonly Pick<Track, 'kind'>[]): boolean {
    const kinds = new Set(tracks.map(({ kind }) => kind));
    if (this.#timeIsUp) return kinds.size > 0;
    return (['audio', 'video'] as const).every((kind) => kinds.has(kind) || !this.#awaits(kind));
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #awaits(kind: Track['kind']): boolean {
    const isKnown = [...this.#stream.tracks.values()].some((track) => track.kind === kind);
    return isKnown || (this.#isYoung && (this.#stream.expected?.[kind] ?? true));
  }
}
