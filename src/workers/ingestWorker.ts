import type { PartEvidence } from '../domain/integrityReport.ts';
import type { Logger } from '../domain/log.ts';
import type { FinishedPart } from '../domain/recording.ts';
import type { Publisher } from '../domain/publisher.ts';
import { WorkerProcess } from '../process/workerProcess.ts';
import type { RecorderCounts } from '../recorder/recorderCounts.ts';
import type { Connections } from '../streams/connections.ts';
import type { WebRtcPublicationEvents } from '../streams/contracts.ts';
import type { Streams } from '../streams/streams.ts';
import type { MovingClient, Taker } from '../tcp/crossing.ts';
import { within } from '../util/within.ts';
import { Channel } from './channel.ts';
import type { Encoder, SupervisorCalls, WorkerCalls, WorkerFigures, WorkerSettings } from './messages.ts';
import { Mirror } from './mirror.ts';
import type { WorkerChannel } from './mirroredStream.ts';
import { Pressure } from './pressure.ts';

/** What the supervisor does for its workers. */
export interface WorkerHost {
  /** JavaScript that a worker runs. */
  readonly modulePath: string;
  readonly streams: Streams;
  readonly connections: Connections;
  /** Gets what workers count. */
  readonly counts: RecorderCounts;
  readonly log: Logger;
  /** Takes over a finished part; awaited. */
  readonly onPart: (part: FinishedPart, evidence: PartEvidence) => Promise<void>;
  /** A worker's figures changed. */
  readonly onFigures: (worker: IngestWorker) => void;
  /** A worker is gone. @param left recordings that it did not finish. */
  readonly onGone: (worker: IngestWorker, left: readonly string[]) => void;
}

/** A WebRTC publication that a worker serves. */
export interface RemotePublication {
  readonly publisher: Publisher;
  readonly events: WebRtcPublicationEvents;
}

/** How long a worker has to close everything: a little longer than its connections have for their last words. */
const CLOSE_MS = 3000;
/** How long a worker has to end once it has closed everything. */
const EXIT_MS = 2000;

/** One process that receives and records streams, as the supervisor sees it. */
export class IngestWorker {
  readonly index: number;
  readonly pressure = new Pressure();
  readonly mirror: Mirror;
  readonly channel: WorkerChannel;
  /** By media session. */
  readonly publications = new Map<string, RemotePublication>();
  readonly #host: WorkerHost;
  readonly #process: WorkerProcess;
  /** What to call when a connection that was handed over is closed, by its key. */
  readonly #moved = new Map<number, () => void>();
  #lastKey = 0;
  #figures: WorkerFigures | undefined;
  #others = 0;
  #heardAt = performance.now();
  #isReady = false;
  #takesWebRtc = false;
  #isClosing = false;

  /** @param index its number among the workers, from 1. @throws Error when no process can be made. */
  constructor(index: number, host: WorkerHost) {
    this.index = index;
    this.#host = host;
    this.#process = new WorkerProcess(host.modulePath, (message) => this.channel.receive(message));
    this.channel = new Channel<WorkerCalls, SupervisorCalls>(
      (message, socket) => this.#process.send(message, socket),
      this.#calls(),
    );
    this.mirror = new Mirror({ ...host, channel: this.channel });
    void this.#process.exited.then((exit) => this.#gone(exit));
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** It takes streams. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** It takes WebRTC, too. */
  get takesWebRtc(): boolean {
    return this.#takesWebRtc;
  }

  get figures(): WorkerFigures | undefined {
    return this.#figures;
  }

  /** A recording of its own waits for the publisher of `name`. */
  awaits(name: string): boolean {
    return this.#figures?.awaited.includes(name) === true;
  }

  /** Recordings that it has open. */
  get openRecordings(): number {
    const { active, finishing, waiting } = this.mirror.load;
    return active + finishing + waiting;
  }

  /** Streams that it has, and connections that are about to bring some. */
  get load(): number {
    return Math.max(this.mirror.size, this.#moved.size);
  }

  /** Opens its doors. @throws RecorderdError with the reason why it cannot. */
  async start(settings: WorkerSettings): Promise<void> {
    this.#takesWebRtc = await this.channel.call('start', settings);
    this.#isReady = true;
    this.#host.log.info('ingest worker is ready', { worker: this.index, pid: this.pid });
  }

  /** Serves connections of one protocol. */
  taker(encoder: Encoder): Taker {
    return {
      take: ({ socket, place, received, streamName }: MovingClient, onGone: () => void) => {
        const key = ++this.#lastKey;
        const free = this.#host.streams.reserve(streamName);
        this.#moved.set(key, () => {
          free();
          onGone();
        });
        this.channel.tell('adopt', { encoder, place, received, key }, socket);
      },
    };
  }

  /** How many recordings are open in other processes. */
  tellOthers(recordings: number): void {
    if (recordings === this.#others) return;
    this.#others = recordings;
    this.channel.tell('others', recordings);
  }

  /** How long it has told nothing, milliseconds. */
  get silentMs(): number {
    return performance.now() - this.#heardAt;
  }

  /** Lets it end; resolves when it is gone. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#isReady = false;
    const closed = this.channel.call('close', undefined).catch(() => undefined);
    await within(Promise.race([closed, this.#process.exited]), CLOSE_MS);
    if ((await within(this.#process.exited, EXIT_MS)) === undefined) this.kill();
    await this.#process.exited;
  }

  /** Ends it at once. */
  kill(): void {
    this.#process.kill('SIGKILL');
  }

  #calls(): SupervisorCalls {
    const { log, onPart, streams } = this.#host;
    return {
      log: ({ level, message, fields }) => log[level](message, { ...fields, worker: this.index }),
      left: (key) => this.#left(key),
      connected: (connection) => this.mirror.connected(connection),
      disconnected: (sessionId) => this.mirror.disconnected(sessionId),
      published: (birth) => {
        const { mediaSessionId, name } = birth;
        if (this.mirror.published(birth, this.publications.get(mediaSessionId)?.publisher)) return;
        this.channel.tell('terminateStream', {
          mediaSessionId,
          info: `Stream name is already in use: ${name}`,
        });
      },
      track: ({ mediaSessionId, track }) => this.mirror.track(mediaSessionId, track),
      unpublished: (figures) => this.mirror.unpublished(figures),
      refused: (code) => streams.counts.refused.add(code),
      figures: (figures) => this.#follow(figures),
      recordingBegan: (id) => this.mirror.recordingBegan(id),
      recordingOver: (id) => this.mirror.recordingOver(id),
      part: ({ part, evidence }) => onPart(part, evidence),
      webRtcPublishing: (mediaSessionId) => this.publications.get(mediaSessionId)?.events.onPublishing(),
      webRtcEnded: ({ mediaSessionId, info }) => this.#ended(mediaSessionId, info),
    };
  }

  #left(key: number): void {
    const onGone = this.#moved.get(key);
    this.#moved.delete(key);
    onGone?.();
  }

  #ended(mediaSessionId: string, info: string): void {
    const publication = this.publications.get(mediaSessionId);
    this.publications.delete(mediaSessionId);
    publication?.events.onEnded(info);
  }

  #follow(figures: WorkerFigures): void {
    this.#heardAt = performance.now();
    const before = this.#figures?.loop ?? { active: 0, idle: 0 };
    const active = figures.loop.active - before.active;
    const total = active + figures.loop.idle - before.idle;
    // Figures that were asked for right after others say nothing of the time.
    if (total >= MIN_SPAN_MS || this.#figures === undefined) {
      this.pressure.look(total > 0 ? active / total : 0);
      this.#figures = figures;
    } else this.#figures = { ...figures, loop: before };
    this.#host.counts.addAll(figures.counts);
    this.mirror.follow(figures);
    this.#host.onFigures(this);
  }

  #gone({ code, signal }: { readonly code: number | null; readonly signal: string | null }): void {
    this.#isReady = false;
    this.channel.close();
    const left = this.mirror.clear();
    const fields = { worker: this.index, pid: this.pid, code, signal, recordings: left };
    if (this.#isClosing) this.#host.log.debug('ingest worker has ended', fields);
    else this.#host.log.error('ingest worker died; what it recorded is being finished', fields);
    for (const key of [...this.#moved.keys()]) this.#left(key);
    for (const id of [...this.publications.keys()]) this.#ended(id, 'Failed by error');
    this.#host.onGone(this, left);
  }
}

/** Figures that are closer together than this do not change {@link IngestWorker.pressure}. */
const MIN_SPAN_MS = 500;
