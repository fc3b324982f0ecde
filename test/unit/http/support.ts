import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import type Koa from 'koa';
import { createHttpApp } from '../../../src/http/app.ts';
import type { HttpAccess, HttpAppOptions } from '../../../src/http/app.ts';
import { DEFAULT_HTTP_LIMITS, HttpServer } from '../../../src/http/server.ts';
import type { HttpLimits } from '../../../src/http/server.ts';
import { RequestCounts } from '../../../src/http/requestCounts.ts';
import type { ReadyCheck, StatusServices } from '../../../src/http/services.ts';
import type {
  CatalogueControl,
  ExportControl,
  HookControl,
  ImportControl,
  PictureControl,
  ReportControl,
  RetentionControl,
  RecordingControl,
  Snapshots,
  WebRtcIngest,
  WebRtcOffer,
  WebRtcPublication,
  WebRtcPublicationEvents,
} from '../../../src/streams/contracts.ts';
import type { RecordingInfo, RecordingOptions } from '../../../src/domain/recording.ts';
import { RecorderdError } from '../../../src/domain/errors.ts';
import type { LogFields, Logger } from '../../../src/domain/log.ts';
import type { Connection, Publisher } from '../../../src/domain/publisher.ts';
import { Connections } from '../../../src/streams/connections.ts';
import type { Stream } from '../../../src/streams/stream.ts';
import { PulledCaptures } from '../../../src/ingest/pull/pulledCaptures.ts';
import { Streams } from '../../../src/streams/streams.ts';
import type { StreamsRules } from '../../../src/streams/streams.ts';
import { AddressList } from '../../../src/tcp/addressList.ts';
import { PULL_OPTIONS } from '../../support/pullRig.ts';

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** Keeps its lines. */
export class MemoryLog implements Logger {
  readonly lines: LogLine[] = [];
  debug = this.#writer('debug');
  info = this.#writer('info');
  warn = this.#writer('warn');
  error = this.#writer('error');

  child(): Logger {
    return this;
  }

  #writer(level: string) {
    return (message: string, fields: LogFields = {}) => void this.lines.push({ level, message, fields });
  }
}

/** The recorder's side of the contract, without files. */
export class MemoryRecordings implements RecordingControl {
  readonly starts: { stream: Stream; options: RecordingOptions }[] = [];
  /** Media sessions that wait for the disk to have room. */
  readonly waiting = new Set<string>();
  readonly #running = new Map<string, RecordingInfo>();
  draining = false;

  start(stream: Stream, options: RecordingOptions): void {
    if (this.draining) throw new RecorderdError('SHUTTING_DOWN', 'the server is shutting down');
    this.starts.push({ stream, options });
    const { mediaSessionId } = stream;
    const fileName = options.fileName ?? `${options.template ?? stream.name}.mp4`;
    const progress = { bytes: 4_000_000, parts: 1, lastWriteAgeMs: 120 };
    const info = { recordingId: `recording-of-${stream.name}`, mediaSessionId, streamName: stream.name };
    this.#running.set(mediaSessionId, { ...info, fileName, startedAt: Date.now() - 7640, ...progress });
  }

  stop(mediaSessionId: string): Promise<void> {
    if (this.#running.delete(mediaSessionId)) return Promise.resolve();
    return Promise.reject(new RecorderdError('RECORDING_NOT_FOUND', 'Recording not found'));
  }

  whenFinal(): Promise<string | undefined> {
    return Promise.resolve(undefined);
  }

  list(): readonly RecordingInfo[] {
    return [...this.#running.values()];
  }

  isWaiting(mediaSessionId: string): boolean {
    return this.waiting.has(mediaSessionId);
  }

  of(mediaSessionId: string): RecordingInfo | undefined {
    return this.#running.get(mediaSessionId);
  }
}

/** Gives the name of the stream in place of its picture. */
export class MemorySnapshots implements Snapshots {
  hasPicture = true;

  take(stream: Stream): Promise<Buffer> {
    if (this.hasPicture) return Promise.resolve(Buffer.from(`picture of ${stream.name}`));
    return Promise.reject(new RecorderdError('SNAPSHOT_FAILED', 'no picture yet'));
  }
}

export const NO_REPORTS: ReportControl = { find: () => Promise.resolve([]) };

/** Tells nothing. */
export const NO_STATUS: StatusServices = {
  readiness: () => Promise.resolve([]),
  metrics: () => Promise.resolve(''),
  stat: () => Promise.resolve({}),
  events: { listen: () => Promise.reject(new Error('no events')) },
};

const unknown = (): Error => new RecorderdError('RECORDING_NOT_FOUND', 'Recording not found');

/** A server that has recorded nothing. */
export const EMPTY_CATALOGUE: CatalogueControl = {
  find: ({ offset }) => ({ total: 0, offset, recordings: [] }),
  recording: () => {
    throw unknown();
  },
  delete: () => Promise.reject(unknown()),
  runHook: () => Promise.reject(unknown()),
};

export const NO_IMPORTS: ImportControl = {
  run: (_, dryRun) =>
    Promise.resolve({ dryRun, imported: 0, bytes: 0, files: [], passedOverTotal: 0, passedOver: [] }),
};

export const NO_RETENTION: RetentionControl = {
  dryRun: false,
  plan: () => Promise.resolve([]),
  run: () => Promise.resolve([]),
};

export const NO_EXPORTS: ExportControl = {
  join: () => Promise.reject(unknown()),
  segment: () => Promise.reject(unknown()),
  playlist: () => {
    throw unknown();
  },
};

export const NO_PICTURES: PictureControl = { of: () => Promise.reject(unknown()) };

/** A server without a hook has no runs of it. */
export const NO_HOOKS: HookControl = {
  list: () => Promise.resolve([]),
  run: () => Promise.reject(new RecorderdError('HOOK_NOT_FOUND', 'Hook run not found')),
};

/** The WebRTC side of the contract without media: lists the stream and answers each offer alike. */
export class MemoryWebRtc implements WebRtcIngest {
  readonly offers: WebRtcOffer[] = [];
  readonly events: WebRtcPublicationEvents[] = [];
  /** Thrown at the next offers. */
  refusal: Error | undefined;
  /** Offers are answered when this is settled. */
  gate: Promise<void> = Promise.resolve();
  readonly #streams: Streams;

  constructor(streams: Streams) {
    this.#streams = streams;
  }

  async publish(offer: WebRtcOffer, events: WebRtcPublicationEvents): Promise<WebRtcPublication> {
    this.offers.push(offer);
    this.events.push(events);
    await this.gate;
    if (this.refusal !== undefined) throw this.refusal;
    const { name, mediaSessionId, publisher, custom, credentials = {}, record } = offer;
    const stream = this.#streams.publish({
      ...{ name, mediaSessionId, publisher, custom, credentials, record },
      createdAt: Date.now(),
    });
    stream.status = 'PENDING';
    const end = (info: string): void => {
      if (stream.ended) return;
      this.#streams.unpublish(stream);
      events.onEnded(info);
    };
    return { stream, answer: `v=0\r\ns=answer to ${name}\r\n`, end };
  }
}

/** The repository: it holds `web/` and finds the Web SDK. */
export const PACKAGE_DIR = fileURLToPath(new URL('../../../', import.meta.url));

const HTTP_ACCESS: HttpAccess = {
  corsOrigin: '*',
  whipToken: '',
  rest: { allow: new AddressList('loopback'), users: [], token: '' },
};

export const HTTP_DEFAULTS: HttpAppOptions = {
  maxBodyBytes: 65_536,
  recordsDir: '/nonexistent/records',
  home: '/nonexistent',
  packageDir: PACKAGE_DIR,
  version: '1.2.3',
  signallingPorts: () => ({ ws: 8080, wss: 8443 }),
  maxSdpBytes: 65_536,
  access: () => HTTP_ACCESS,
};

type RestOptions = Partial<HttpAppOptions & HttpAccess> & {
  limits?: Partial<HttpLimits>;
  noWebRtc?: boolean;
};

/** A whole server on loopback with what it works on. */
export class Rest {
  readonly streams: Streams;
  readonly connections: Connections;
  readonly recordings = new MemoryRecordings();
  readonly snapshots = new MemorySnapshots();
  hooks: HookControl = NO_HOOKS;
  reports: ReportControl = NO_REPORTS;
  catalogue: CatalogueControl = EMPTY_CATALOGUE;
  imports: ImportControl = NO_IMPORTS;
  retention: RetentionControl = NO_RETENTION;
  exports: ExportControl = NO_EXPORTS;
  pictures: PictureControl = NO_PICTURES;
  readonly webrtc: MemoryWebRtc;
  readonly log = new MemoryLog();
  /** What the publishers and connections were told on their end. */
  readonly terminated: string[] = [];
  checks: readonly ReadyCheck[] = [];
  /** In place of what tells nothing. */
  status: Partial<StatusServices> = {};
  port = 0;
  app: Koa | undefined;
  server: HttpServer | undefined;

  constructor(rules: StreamsRules = {}) {
    this.streams = new Streams(1_000_000, rules);
    this.connections = new Connections(rules.secrets);
    this.webrtc = new MemoryWebRtc(this.streams);
  }

  async start(options: RestOptions = {}) {
    const { streams, connections, recordings, hooks, reports, snapshots, webrtc, log } = this;
    const { limits, noWebRtc = false, ...given } = options;
    const readiness = () => Promise.resolve(this.checks);
    const captures = new PulledCaptures({ streams, log }, PULL_OPTIONS);
    const { catalogue, imports, retention, exports, pictures } = this;
    const common = { streams, connections, recordings, hooks, reports, snapshots };
    const requests = new RequestCounts();
    const services = {
      ...common,
      catalogue,
      imports,
      retention,
      exports,
      pictures,
      ...NO_STATUS,
      captures,
      log,
      readiness,
      requests,
      ...this.status,
    };
    const access = { ...HTTP_ACCESS, ...given };
    this.app = createHttpApp(noWebRtc ? services : { ...services, webrtc }, {
      ...HTTP_DEFAULTS,
      access: () => access,
      ...given,
    });
    this.server = new HttpServer(this.app, { log: this.log, limits: { ...DEFAULT_HTTP_LIMITS, ...limits } });
    this.port = await this.server.listen(0, '127.0.0.1');
    return this;
  }

  async close(graceMs = 0): Promise<void> {
    await this.server?.close(graceMs);
  }

  publish(name: string, mediaSessionId = `id-of-${name}`): Stream {
    const publisher: Publisher = {
      sessionId: '/127.0.0.1:50000/127.0.0.1:1935',
      appKey: 'flashStreamingApp',
      login: 'rQq83sodiCPY0pJXCxGO',
      mediaProvider: 'Flash',
      custom: { connectParam: '1' },
      terminate: (info) => void this.terminated.push(`${name}: ${info}`),
    };
    return this.streams.publish({
      name,
      mediaSessionId,
      publisher,
      custom: { token: 'a b' },
      createdAt: 1_000,
    });
  }

  connection(sessionId: string, appKey = 'flashStreamingApp'): void {
    const connection: Connection = {
      sessionId,
      appKey,
      login: 'rQq83sodiCPY0pJXCxGO',
      mediaProvider: 'Flash',
      custom: { connectParam: '1' },
      createdAt: 2_000,
      terminate: (info) => void this.terminated.push(`${sessionId}: ${info}`),
    };
    this.connections.add(connection);
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  get(path: string): Promise<Response> {
    return fetch(this.url(path));
  }

  post(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(this.url(path), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json;charset=UTF-8', ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  }

  /** Sends bytes as they are and gives everything that comes back until the server closes. */
  raw(...writes: readonly string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.port, '127.0.0.1');
      let answer = '';
      socket.setEncoding('utf8');
      socket.on('data', (text: string) => (answer += text));
      socket.on('error', reject);
      socket.on('close', () => resolve(answer));
      for (const text of writes) socket.write(text);
    });
  }
}

/** The JSON body of an answer as a record. */
export async function json(response: Response): Promise<Record<string, unknown>> {
  return (await response.json()) as Record<string, unknown>;
}
