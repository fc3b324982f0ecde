import { performance } from 'node:perf_hooks';
import type { Track } from '../domain/media.ts';
import type { Recordings } from '../recorder/recordings.ts';
import type { Stream } from '../streams/stream.ts';
import type { Streams } from '../streams/streams.ts';
import type { Channel } from './channel.ts';
import type { StreamFigures, SupervisorCalls, WorkerCalls, WorkerFigures } from './messages.ts';

/** How often a worker tells its figures, at least. */
const FIGURES_MS = 1000;

/** Tells the supervisor what goes on in a worker. */
export class Telling {
  readonly #channel: Channel<SupervisorCalls, WorkerCalls>;
  readonly #streams: Streams;
  readonly #recordings: Recordings;
  #timer: NodeJS.Timeout | undefined;
  #isDue = false;

  constructor(channel: Channel<SupervisorCalls, WorkerCalls>, streams: Streams, recordings: Recordings) {
    this.#channel = channel;
    this.#streams = streams;
    this.#recordings = recordings;
  }

  /** To be called before recordings hear of streams, so that the supervisor knows a stream before its recording. */
  begin(): void {
    this.#streams.events.on('published', (stream) => this.#published(stream));
    this.#streams.events.on('unpublished', (stream) => {
      this.#channel.tell('unpublished', figuresOf(stream));
      this.soon();
    });
    this.#recordings.events.on('began', (id) => {
      this.#channel.tell('recordingBegan', id);
      this.soon();
    });
    this.#recordings.events.on('over', (id) => {
      this.#channel.tell('recordingOver', id);
      this.soon();
    });
    this.#recordings.events.on('closed', () => this.soon());
    this.#timer = setInterval(() => this.now(), FIGURES_MS);
  }

  end(): void {
    clearInterval(this.#timer);
  }

  /** Tells the figures now: what is said next, the supervisor hears after them. */
  now(): void {
    this.#isDue = false;
    this.#channel.tell('figures', this.#figures());
  }

  /** Tells the figures once all that happens in this turn of the event loop has happened. */
  soon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      if (this.#isDue) this.now();
    });
  }

  #published(stream: Stream): void {
    const { publisher, ...init } = stream.init;
    const { sessionId, appKey, login, mediaProvider, custom } = publisher;
    this.#channel.tell('published', {
      ...init,
      publisher: { sessionId, appKey, login, mediaProvider, custom },
    });
    const { mediaSessionId } = stream;
    stream.onTrackSet = (track: Track) => this.#channel.tell('track', { mediaSessionId, track });
    this.soon();
  }

  #figures(): WorkerFigures {
    const { active, idle } = performance.eventLoopUtilization();
    const { user, system } = process.cpuUsage();
    const recordings = this.#recordings;
    return {
      streams: this.#streams.all().map(figuresOf),
      recordings: recordings.list(),
      load: recordings.load(),
      waiting: recordings.waiting,
      awaited: recordings.awaitedNames,
      counts: recordings.counts.take(),
      loop: { active, idle },
      process: { residentBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 },
    };
  }
}

function figuresOf(stream: Stream): StreamFigures {
  const { mediaSessionId, status, mediaStartedAt, received, driftPpm } = stream;
  const packets = stream.packets?.();
  return { mediaSessionId, status, mediaStartedAt, received: { ...received }, packets, driftPpm };
}
