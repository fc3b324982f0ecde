import type { Track } from '../domain/media.ts';
import type { Connection, Publisher } from '../domain/publisher.ts';
import type { RecordingInfo, RecordingLoad } from '../domain/recording.ts';
import type { Connections } from '../streams/connections.ts';
import type { Streams } from '../streams/streams.ts';
import type { StreamBirth, StreamFigures, WorkerFigures } from './messages.ts';
import { MirroredStream } from './mirroredStream.ts';
import type { WorkerChannel } from './mirroredStream.ts';

/** What a mirror works with. */
export interface MirrorHost {
  readonly streams: Streams;
  readonly connections: Connections;
  readonly channel: WorkerChannel;
}

const IDLE: RecordingLoad = { active: 0, finishing: 0, waiting: 0 };

/** What the supervisor shows of one worker: its streams, connections and recordings, as the worker told last. */
export class Mirror {
  readonly #host: MirrorHost;
  readonly #streams = new Map<string, MirroredStream>();
  readonly #unlist = new Map<string, () => void>();
  #recordings: ReadonlyMap<string, RecordingInfo> = new Map();
  #waiting: ReadonlySet<string> = new Set();
  readonly #unfinished = new Set<string>();
  #load = IDLE;

  constructor(host: MirrorHost) {
    this.#host = host;
  }

  /** Live streams. */
  get size(): number {
    return this.#streams.size;
  }

  get recordings(): readonly RecordingInfo[] {
    return [...this.#recordings.values()];
  }

  get load(): RecordingLoad {
    return this.#load;
  }

  /** Ids of recordings that have files to come. */
  get unfinished(): ReadonlySet<string> {
    return this.#unfinished;
  }

  recordingOf(mediaSessionId: string): RecordingInfo | undefined {
    return this.#recordings.get(mediaSessionId);
  }

  isWaiting(mediaSessionId: string): boolean {
    return this.#waiting.has(mediaSessionId);
  }

  streamOf(mediaSessionId: string): MirroredStream | undefined {
    return this.#streams.get(mediaSessionId);
  }

  /**
   * Lists a stream. @param publisher stands for the one that cannot travel.
   * @returns false when it must not live, because its name or media session is taken.
   */
  published(birth: StreamBirth, publisher: Publisher | undefined): boolean {
    const { mediaSessionId } = birth;
    const { channel, streams } = this.#host;
    const terminate = (info: string): void => channel.tell('terminateStream', { mediaSessionId, info });
    const init = { ...birth, publisher: publisher ?? { ...birth.publisher, terminate } };
    const stream = new MirroredStream(init, channel);
    if (!streams.adopt(stream)) return false;
    this.#streams.set(mediaSessionId, stream);
    return true;
  }

  track(mediaSessionId: string, track: Track): void {
    this.#streams.get(mediaSessionId)?.setTrack(track);
  }

  unpublished(figures: StreamFigures): void {
    const stream = this.#streams.get(figures.mediaSessionId);
    if (stream === undefined) return;
    stream.follow(figures);
    this.#streams.delete(figures.mediaSessionId);
    this.#host.streams.unpublish(stream);
  }

  connected(connection: Omit<Connection, 'terminate'>): void {
    const { sessionId } = connection;
    const { channel, connections } = this.#host;
    const terminate = (info: string): void => channel.tell('terminateConnection', { sessionId, info });
    this.#unlist.set(sessionId, connections.add({ ...connection, terminate }));
  }

  disconnected(sessionId: string): void {
    this.#unlist.get(sessionId)?.();
    this.#unlist.delete(sessionId);
  }

  recordingBegan(id: string): void {
    this.#unfinished.add(id);
  }

  recordingOver(id: string): void {
    this.#unfinished.delete(id);
  }

  follow({ streams, recordings, load, waiting }: WorkerFigures): void {
    for (const figures of streams) this.#streams.get(figures.mediaSessionId)?.follow(figures);
    this.#recordings = new Map(recordings.map((info) => [info.mediaSessionId, info]));
    this.#load = load;
    this.#waiting = new Set(waiting);
  }

  /** The worker is gone. @returns ids of the recordings that it left unfinished. */
  clear(): readonly string[] {
    for (const stream of this.#streams.values()) this.#host.streams.unpublish(stream);
    this.#streams.clear();
    for (const unlist of this.#unlist.values()) unlist();
    this.#unlist.clear();
    this.#recordings = new Map();
    this.#waiting = new Set();
    this.#load = IDLE;
    const left = [...this.#unfinished];
    this.#unfinished.clear();
    return left;
  }
}
