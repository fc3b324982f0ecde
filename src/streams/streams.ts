import { EventEmitter } from 'node:events';
import { RecorderdError } from '../domain/errors.ts';
import { Stream } from './stream.ts';
import type { StreamInit } from './stream.ts';

interface StreamsEvents {
  published: [stream: Stream];
  unpublished: [stream: Stream];
}

/** Every live stream, by name and by media session. Ingest publishes here; recordings and REST look here. */
export class Streams {
  readonly events = new EventEmitter<StreamsEvents>();
  readonly #gopCacheMaxBytes: number;
  readonly #byName = new Map<string, Stream>();
  readonly #byId = new Map<string, Stream>();
  #closed = false;

  /** @param gopCacheMaxBytes bound of each stream's cache, bytes. */
  constructor(gopCacheMaxBytes: number) {
    this.#gopCacheMaxBytes = gopCacheMaxBytes;
  }

  /**
   * Starts a stream.
   * @throws RecorderdError STREAM_NAME_IN_USE while another publisher has the name; SHUTTING_DOWN while draining.
   */
  publish(init: Omit<StreamInit, 'gopCacheMaxBytes'>): Stream {
    if (this.#closed) throw new RecorderdError('SHUTTING_DOWN', 'the server is shutting down');
    if (this.#byName.has(init.name)) {
      throw new RecorderdError('STREAM_NAME_IN_USE', `Stream name is already in use: ${init.name}`);
    }
    const stream = new Stream({ ...init, gopCacheMaxBytes: this.#gopCacheMaxBytes });
    this.#byName.set(stream.name, stream);
    this.#byId.set(stream.mediaSessionId, stream);
    try {
      this.events.emit('published', stream);
    } catch (error) {
      this.unpublish(stream);
      throw error;
    }
    return stream;
  }

  /** Ends a stream and frees its name. Ending it twice does nothing. */
  unpublish(stream: Stream): void {
    if (stream.ended) return;
    this.#byName.delete(stream.name);
    this.#byId.delete(stream.mediaSessionId);
    stream.end();
    this.events.emit('unpublished', stream);
  }

  byName(name: string): Stream | undefined {
    return this.#byName.get(name);
  }

  byMediaSessionId(id: string): Stream | undefined {
    return this.#byId.get(id);
  }

  all(): readonly Stream[] {
    return [...this.#byName.values()];
  }

  /** Refuses new publishers from now on. */
  drain(): void {
    this.#closed = true;
  }
}
