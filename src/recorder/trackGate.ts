import type { Track } from '../domain/media.ts';
import type { Stream } from '../streams/stream.ts';

/** Says when enough tracks are known to start a child: all that the publisher announced, or a time limit. */
export class TrackGate {
  readonly #stream: Stream;
  readonly #timer: NodeJS.Timeout;
  #timeIsUp = false;

  /**
   * @param waitMs longest wait, counted from the stream's first sample.
   * @param onTimeUp called once when the wait is over.
   */
  constructor(stream: Stream, waitMs: number, onTimeUp: () => void) {
    this.#stream = stream;
    const ageMs = stream.mediaStartedAt === undefined ? 0 : Date.now() - stream.mediaStartedAt;
    this.#timeIsUp = ageMs >= waitMs;
    this.#timer = setTimeout(
      () => {
        this.#timeIsUp = true;
        onTimeUp();
      },
      Math.max(0, waitMs - ageMs),
    );
  }

  /** True when `tracks` is what a child should declare. */
  isOpen(tracks: ReadonlyMap<number, Track>): boolean {
    const kinds = new Set([...tracks.values()].map((track) => track.kind));
    const wanted = this.#stream.expected ?? { audio: true, video: true };
    const complete = (!wanted.audio || kinds.has('audio')) && (!wanted.video || kinds.has('video'));
    return kinds.size > 0 && (complete || this.#timeIsUp);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
