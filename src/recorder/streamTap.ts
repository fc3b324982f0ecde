import type { Incident } from '../domain/incident.ts';
import type { Sample, Track } from '../domain/media.ts';
import type { StopReason } from '../domain/recording.ts';
import type { Stream, StreamSubscriber } from '../streams/stream.ts';
import type { Recording } from './recording.ts';

/**
 * The place where a stream's recording is exchanged: a new recording takes over at a key frame, so that the old one
 * ends right before it and no sample between the two is lost.
 */
export class StreamTap implements StreamSubscriber {
  readonly stream: Stream;
  /** Resolves when nothing of this tap is recorded or being finished any more; never rejects. */
  readonly done: Promise<void>;
  readonly #onEmpty: () => void;
  readonly #ending = new Set<Promise<void>>();
  #current: Recording | undefined;
  #next: Recording | undefined;
  #unsubscribe: (() => void) | undefined;

  /** @param onEmpty called when nothing is recorded any more. */
  constructor(stream: Stream, onEmpty: () => void) {
    this.stream = stream;
    let isDone: () => void = () => undefined;
    this.done = new Promise((resolve) => (isDone = resolve));
    this.#onEmpty = () => {
      isDone();
      onEmpty();
    };
  }

  /** The recording that a stop would end: the one asked for last. */
  get recording(): Recording | undefined {
    return this.#next ?? this.#current;
  }

  /** Starts `recording` from the cached key frame, or at the next key frame in place of the running one. */
  start(recording: Recording): void {
    void this.#next?.stop('replaced');
    this.#next = undefined;
    if (this.#current?.isActive === true) {
      this.#next = recording;
      return;
    }
    this.#unsubscribe?.();
    this.#current = recording;
    this.#unsubscribe = this.stream.subscribe(this);
  }

  /** See {@link Recording.beginPart}. */
  beginPart(reason: StopReason): void {
    this.#current?.beginPart(reason);
  }

  onTrack(track: Track): void {
    this.#current?.onTrack(track);
  }

  onSample(sample: Sample): void {
    if (this.#next !== undefined && this.#current?.isBoundary(sample) === true) this.#exchange(this.#next);
    this.#current?.onSample(sample);
  }

  onFlush(): void {
    this.#current?.flush();
  }

  onIncident(incident: Incident): void {
    this.#current?.onIncident(incident);
  }

  onEnd(): void {
    void this.stop('publisher-left');
  }

  /** Ends what is recorded; resolves when its files are final. */
  async stop(reason: StopReason): Promise<void> {
    this.#unsubscribe?.();
    if (this.#next !== undefined) this.#end(this.#next, reason);
    if (this.#current !== undefined) this.#end(this.#current, reason);
    this.#next = undefined;
    this.#current = undefined;
    await Promise.all(this.#ending);
    this.#onEmpty();
  }

  #exchange(next: Recording): void {
    if (this.#current !== undefined) this.#end(this.#current, 'replaced');
    this.#next = undefined;
    this.#current = next;
    for (const track of this.stream.tracks.values()) next.onTrack(track);
  }

  #end(recording: Recording, reason: StopReason): void {
    const ending = recording.stop(reason).finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}
