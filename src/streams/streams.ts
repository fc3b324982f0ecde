import { EventEmitter } from 'node:events';
import { RecorderdError } from '../domain/errors.ts';
import type { CustomParameters } from '../domain/publisher.ts';
import { PublishSecrets } from '../domain/publishSecrets.ts';
import { Stream } from './stream.ts';
import type { StreamInit } from './stream.ts';
import { StreamCounts } from './streamCounts.ts';

interface StreamsEvents {
  published: [stream: Stream];
  unpublished: [stream: Stream];
}

/** What a publisher asks for. */
export interface PublishRequest extends Omit<StreamInit, 'gopCacheMaxBytes'> {
  /** Parameters that may carry the secret of the name, besides those of the stream and of its publisher. */
  readonly credentials?: CustomParameters;
  /** The server itself fetches the stream: no secret is asked for. */
  readonly isPulled?: boolean;
}

/** Who may publish, and how many at the same time; absent rules restrict nobody. */
export interface StreamsRules {
  readonly secrets?: PublishSecrets | undefined;
  readonly maxStreams?: number | undefined;
}

/** What {@link Streams.use} takes. */
export interface StreamLimits {
  /** Bound of each stream's cache, bytes. */
  readonly gopCacheMaxBytes: number;
  readonly maxStreams: number;
}

/** Every live stream, by name and by media session. Ingest publishes here; recordings and REST look here. */
export class Streams {
  readonly events = new EventEmitter<StreamsEvents>();
  readonly counts = new StreamCounts();
  /** What publishers have to know. */
  readonly secrets: PublishSecrets;
  #gopCacheMaxBytes: number;
  #maxStreams: number;
  readonly #byName = new Map<string, Stream>();
  readonly #byId = new Map<string, Stream>();
  /** Names whose publishers are on their way to another process. */
  readonly #reserved = new Map<string, symbol>();
  #closed = false;

  /** @param gopCacheMaxBytes bound of each stream's cache, bytes. */
  constructor(gopCacheMaxBytes: number, { secrets, maxStreams }: StreamsRules = {}) {
    this.#gopCacheMaxBytes = gopCacheMaxBytes;
    this.#maxStreams = maxStreams ?? Infinity;
    this.secrets = secrets ?? new PublishSecrets([]);
  }

  /** Takes other limits for the streams that begin from now on. */
  use({ gopCacheMaxBytes, maxStreams }: StreamLimits): void {
    this.#gopCacheMaxBytes = gopCacheMaxBytes;
    this.#maxStreams = maxStreams;
  }

  /** Starts a stream; what carries a secret is not among its parameters. @throws RecorderdError as `admit` does. */
  publish({ credentials = {}, isPulled = false, ...init }: PublishRequest): Stream {
    const { name, custom, publisher } = init;
    this.admit(name, isPulled ? undefined : [custom, publisher.custom, credentials]);
    const stream = new Stream({
      ...init,
      custom: this.secrets.conceal(custom),
      publisher: { ...publisher, custom: this.secrets.conceal(publisher.custom) },
      gopCacheMaxBytes: this.#gopCacheMaxBytes,
    });
    this.#byName.set(stream.name, stream);
    this.#byId.set(stream.mediaSessionId, stream);
    this.counts.published.add(publisher.mediaProvider);
    try {
      this.events.emit('published', stream);
    } catch (error) {
      this.unpublish(stream);
      throw error;
    }
    return stream;
  }

  /**
   * Refuses what cannot be published now.
   * @param presented parameters that may carry the secret of the name; undefined asks for none.
   * @throws RecorderdError SHUTTING_DOWN while draining; UNAUTHORIZED without the secret; STREAM_NAME_IN_USE while
   * another publisher has the name; LIMIT_REACHED when there are as many streams as there may be.
   */
  admit(name: string, presented: readonly CustomParameters[] | undefined): void {
    try {
      this.#admit(name, presented);
    } catch (error) {
      if (error instanceof RecorderdError) this.counts.refused.add(error.code);
      throw error;
    }
  }

  #admit(name: string, presented: readonly CustomParameters[] | undefined): void {
    if (this.#closed) throw new RecorderdError('SHUTTING_DOWN', 'the server is shutting down');
    if (presented !== undefined) this.secrets.demand(name, presented);
    if (this.#byName.has(name) || this.#reserved.has(name)) {
      throw new RecorderdError('STREAM_NAME_IN_USE', `Stream name is already in use: ${name}`);
    }
    if (this.#byName.size + this.#reserved.size >= this.#maxStreams) {
      throw new RecorderdError('LIMIT_REACHED', `no more than ${this.#maxStreams} streams`);
    }
  }

  /** Keeps a name for a stream of another process until {@link adopt}, or until the returned function is called. */
  reserve(name: string): () => void {
    const reservation = Symbol(name);
    this.#reserved.set(name, reservation);
    return () => {
      if (this.#reserved.get(name) === reservation) this.#reserved.delete(name);
    };
  }

  /**
   * Lists a stream that another process receives and records. @returns false when its name or media session is taken.
   */
  adopt(stream: Stream): boolean {
    this.#reserved.delete(stream.name);
    if (this.#byName.has(stream.name) || this.#byId.has(stream.mediaSessionId)) return false;
    this.#byName.set(stream.name, stream);
    this.#byId.set(stream.mediaSessionId, stream);
    this.counts.published.add(stream.init.publisher.mediaProvider);
    return true;
  }

  /** Ends a stream and frees its name. Ending it twice does nothing. */
  unpublish(stream: Stream): void {
    if (stream.ended) return;
    this.#byName.delete(stream.name);
    this.#byId.delete(stream.mediaSessionId);
    stream.end();
    this.counts.ended(stream);
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
