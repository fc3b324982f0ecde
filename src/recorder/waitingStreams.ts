import type { Logger } from '../domain/log.ts';
import type { RecordingOptions } from '../domain/recording.ts';
import type { Stream } from '../streams/stream.ts';

/** A stream that is recorded as soon as the disk has room. */
export interface WaitingStream {
  readonly stream: Stream;
  readonly options: RecordingOptions;
  /** Milliseconds since the epoch on the server's clock. */
  readonly since: number;
}

/** Streams that are recorded as soon as the disk has room, by media session. */
export class WaitingStreams {
  readonly #log: Logger;
  readonly #byId = new Map<string, WaitingStream>();

  constructor(log: Logger) {
    this.#log = log;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Their media sessions. */
  get ids(): readonly string[] {
    return [...this.#byId.keys()];
  }

  has(mediaSessionId: string): boolean {
    return this.#byId.has(mediaSessionId);
  }

  add(stream: Stream, options: RecordingOptions): void {
    const { name, mediaSessionId } = stream;
    this.#byId.set(mediaSessionId, { stream, options, since: Date.now() });
    this.#log.warn('stream is recorded when the disk has room', { stream: name, mediaSessionId });
  }

  /** @returns false when it did not wait. */
  delete(mediaSessionId: string): boolean {
    return this.#byId.delete(mediaSessionId);
  }

  clear(): void {
    this.#byId.clear();
  }

  /** Those that wait now, one after the other; each waits no longer once it is given out. */
  *take(): Generator<WaitingStream> {
    for (const [id, waiting] of [...this.#byId]) if (this.#byId.delete(id)) yield waiting;
  }
}
