import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { ClientOptions } from 'ws';
import { RecorderdError } from '../../../src/domain/errors.ts';
import { SIGNALLING_DEFAULTS, SignallingServer } from '../../../src/signalling/server.ts';
import type { SignallingOptions } from '../../../src/signalling/server.ts';
import { Connections } from '../../../src/streams/connections.ts';
import type {
  Snapshots,
  WebRtcIngest,
  WebRtcOffer,
  WebRtcPublication,
  WebRtcPublicationEvents,
} from '../../../src/streams/contracts.ts';
import type { Stream } from '../../../src/streams/stream.ts';
import { PulledCaptures } from '../../../src/ingest/pull/pulledCaptures.ts';
import { Streams } from '../../../src/streams/streams.ts';
import type { StreamsRules } from '../../../src/streams/streams.ts';
import { eventually } from '../../support/eventually.ts';
import { MemoryLog, MemoryRecordings } from '../http/support.ts';
import { PULL_OPTIONS } from '../../support/pullRig.ts';

/** A promise that the test settles. */
export class Gate<T = void> {
  open: (value: T) => void = () => undefined;
  readonly passed = new Promise<T>((resolve) => (this.open = resolve));
}

/** One publication that the scripted ingest has answered. */
export interface Taken {
  readonly offer: WebRtcOffer;
  readonly events: WebRtcPublicationEvents;
  readonly stream: Stream;
  /** What `end` was called with, in order. */
  readonly ends: string[];
}

/** WebRTC reception without media: lists streams and does what the test tells it. */
export class ScriptedIngest implements WebRtcIngest {
  readonly taken: Taken[] = [];
  /** Thrown by the next publications. */
  failure: unknown;
  /** Publications are answered when it opens. */
  gate: Gate | undefined;
  /** Media of the next publications is there before they are answered. */
  flowsAtOnce = false;
  answerTo = (offer: WebRtcOffer): string => `answer to ${offer.mediaSessionId}`;
  asked = 0;
  readonly #streams: Streams;

  constructor(streams: Streams) {
    this.#streams = streams;
  }

  async publish(offer: WebRtcOffer, events: WebRtcPublicationEvents): Promise<WebRtcPublication> {
    this.asked++;
    await this.gate?.passed;
    if (this.failure !== undefined) throw this.failure as Error;
    const { name, mediaSessionId, publisher, custom, credentials = {}, record } = offer;
    const stream = this.#streams.publish({
      name,
      mediaSessionId,
      publisher,
      custom,
      credentials,
      record,
      createdAt: 1_000,
    });
    stream.status = 'PENDING';
    const ends: string[] = [];
    this.taken.push({ offer, events, stream, ends });
    const end = (info: string): void => {
      ends.push(info);
      if (stream.ended) return;
      this.#streams.unpublish(stream);
      events.onEnded(info);
    };
    if (this.flowsAtOnce) events.onPublishing();
    return { stream, answer: this.answerTo(offer), end };
  }

  /** Media of the `index`-th publication flows. */
  flow(index = 0): void {
    const { stream, events } = this.taken[index]!;
    stream.status = 'PUBLISHING';
    events.onPublishing();
  }

  /** The `index`-th publication is lost on the network. */
  lose(info: string, index = 0): void {
    const { stream, events } = this.taken[index]!;
    this.#streams.unpublish(stream);
    events.onEnded(info);
  }
}

/** The recorder's side of the contract; the names of finished files come when the test says. */
export class ScriptedRecordings extends MemoryRecordings {
  finals = new Map<string, Promise<string | undefined>>();

  override whenFinal(stream?: Stream): Promise<string | undefined> {
    return this.finals.get(stream?.mediaSessionId ?? '') ?? Promise.resolve(undefined);
  }
}

class ScriptedSnapshots implements Snapshots {
  taken: Stream[] = [];
  gate: Gate | undefined;
  result: Buffer | Error = new RecorderdError('SNAPSHOT_FAILED', 'there is no picture yet');

  async take(stream: Stream): Promise<Buffer> {
    this.taken.push(stream);
    await this.gate?.passed;
    if (this.result instanceof Error) throw this.result;
    return this.result;
  }
}

const OPTIONS: SignallingOptions = {
  ...SIGNALLING_DEFAULTS,
  maxConnections: 1000,
  maxConnectionsPerAddress: 1000,
  maxMessageBytes: 262_144,
  maxBacklogBytes: 4_194_304,
  maxStreamsPerSession: 64,
  closeTimeoutMs: 500,
  keepAlive: { algorithm: 'NONE', intervalMs: 5_000, probes: 10 },
};

/** A whole signalling server on loopback with what it works on. */
export class Door {
  readonly streams: Streams;
  readonly connections: Connections;
  readonly ingest: ScriptedIngest;
  readonly recordings = new ScriptedRecordings();
  readonly snapshots = new ScriptedSnapshots();
  readonly log = new MemoryLog();
  readonly server: SignallingServer;
  readonly #clients: Client[] = [];
  readonly #sockets: Socket[] = [];
  port = 0;

  constructor(options: Partial<SignallingOptions> = {}, rules: StreamsRules = {}) {
    this.streams = new Streams(1_000_000, rules);
    this.connections = new Connections(rules.secrets);
    this.ingest = new ScriptedIngest(this.streams);
    const { streams, connections, recordings, snapshots, log, ingest: webrtc } = this;
    const captures = new PulledCaptures({ streams, log }, PULL_OPTIONS);
    const deps = { streams, connections, recordings, snapshots, captures, log, webrtc };
    this.server = new SignallingServer(deps, { ...OPTIONS, ...options });
  }

  async start(): Promise<this> {
    this.port = await this.server.listen(0, '127.0.0.1');
    return this;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.socket.terminate();
    for (const socket of this.#sockets) socket.destroy();
    await this.server.close(0);
  }

  /** An open WebSocket that has said nothing. */
  async open(path = '', options: ClientOptions = {}): Promise<Client> {
    const client = new Client(`ws://127.0.0.1:${this.port}${path}`, options);
    this.#clients.push(client);
    await client.opened;
    return client;
  }

  /** A client with a session. */
  async connect(body: object = { appKey: 'defaultApp', mediaProviders: ['WebRTC'] }): Promise<Client> {
    const client = await this.open();
    client.say('connection', body);
    await client.heard('getUserData');
    return client;
  }

  /** A raw connection. */
  raw(port = this.port): Socket {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    this.#sockets.push(socket);
    return socket;
  }

  warnings(message: string) {
    return this.log.lines.filter((line) => line.level === 'warn' && line.message === message);
  }
}

export type Data = Readonly<Record<string, unknown>>;

/** A client of the Web SDK's protocol over a real WebSocket; answers pings until told otherwise. */
export class Client {
  readonly socket: WebSocket;
  readonly opened: Promise<void>;
  readonly messages: { message: string; data: unknown[] }[] = [];
  closed: { code: number; reason: string } | undefined;
  answersPings = true;

  constructor(url: string, options: ClientOptions = {}) {
    this.socket = new WebSocket(url, options);
    this.opened = new Promise((resolve, reject) => {
      this.socket.once('open', resolve);
      this.socket.once('error', reject);
    });
    this.socket.on('error', () => undefined);
    this.socket.on('message', (data: Buffer) => this.#hear(data.toString()));
    this.socket.on('close', (code, reason) => (this.closed = { code, reason: reason.toString() }));
  }

  say(message: string, ...data: readonly unknown[]): void {
    this.socket.send(JSON.stringify({ message, data }));
  }

  publish(mediaSessionId: string, more: object = {}): void {
    const body = { name: `name-${mediaSessionId}`, published: true, hasVideo: true, hasAudio: true };
    this.say('publishStream', { mediaSessionId, ...body, status: 'PENDING', sdp: 'v=0\r\n', ...more });
  }

  /** All first arguments of messages of this name, so far. */
  all(message: string): Data[] {
    return this.messages.filter((each) => each.message === message).map(({ data }) => data[0] as Data);
  }

  heard(message: string, matches: (data: Data) => boolean = () => true): Promise<Data> {
    return eventually(() => this.all(message).find(matches), `${message} heard`, 5_000);
  }

  status(mediaSessionId: string, status: string): Promise<Data> {
    return this.heard(
      'notifyStreamStatusEvent',
      (data) => data['mediaSessionId'] === mediaSessionId && data['status'] === status,
    );
  }

  /** Statuses of one media session, in order. */
  statuses(mediaSessionId: string): unknown[] {
    return this.all('notifyStreamStatusEvent')
      .filter((data) => data['mediaSessionId'] === mediaSessionId)
      .map((data) => data['status']);
  }

  /** Resolves when everything sent so far has been served: the server answers in order. */
  async settled(): Promise<void> {
    const count = this.all('pong').length;
    this.say('ping', null);
    await eventually(() => this.all('pong').length > count || undefined, 'pong', 5_000);
  }

  whenClosed(): Promise<{ code: number; reason: string }> {
    return eventually(() => this.closed, 'socket closed', 10_000);
  }

  #hear(text: string): void {
    const message = JSON.parse(text) as { message: string; data: unknown[] };
    this.messages.push(message);
    if (message.message === 'ping' && this.answersPings) this.say('pong', null);
  }
}
