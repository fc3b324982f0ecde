import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createHttpsServer, Server as HttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { ServerOptions, WebSocket } from 'ws';
import type { Logger } from '../domain/log.ts';
import { Admission } from '../tcp/admission.ts';
import type { AdmissionLimits, ConnectionLoad } from '../tcp/admission.ts';
import type { TlsIdentity } from '../tcp/clientServer.ts';
import { endpoint } from '../util/endpoint.ts';
import { RepeatLog } from '../util/repeatLog.ts';
import { Ticker } from '../util/ticker.ts';
import { within } from '../util/within.ts';
import { INFO } from './infos.ts';
import { CLOSE, WebSocketLink } from './link.ts';
import { Session } from './session.ts';
import type { SessionDeps, SessionOptions } from './session.ts';

/** What the signalling room works with. */
export type SignallingDeps = Omit<SessionDeps, 'idsInUse' | 'refusals' | 'isDraining'>;

/** Limits and manners of the Web SDK's doors. */
export interface SignallingOptions extends AdmissionLimits, SessionOptions {
  readonly maxMessageBytes: number;
  /** What a client may leave unread; a single message may be larger. */
  readonly maxBacklogBytes: number;
  /** From the TCP connection to the open WebSocket, TLS included. */
  readonly handshakeTimeoutMs: number;
  /** From our closing of a WebSocket to the cut, when the client does not answer. */
  readonly closeTimeoutMs: number;
}

/** Times and limits that have no setting of their own. */
export const SIGNALLING_DEFAULTS = {
  handshakeTimeoutMs: 10_000,
  connectTimeoutMs: 15_000,
  finalTimeoutMs: 60_000,
  closeTimeoutMs: 2_000,
  maxSnapshotsPerSession: 2,
} as const satisfies Partial<SignallingOptions>;

/** A connection that has no open WebSocket yet. */
interface Opening {
  readonly socket: Socket;
  readonly since: number;
}

const MAX_HEADER_BYTES = 16_384;
const PROBE_SLOTS = 8;
const MIN_CHECK_MS = 20;
const MAX_CHECK_MS = 1_000;
/** Checks within the shortest time limit. */
const CHECKS_PER_LIMIT = 5;

/** Serves the Web SDK by ws and wss on any number of ports; every URL path is the same. */
export class SignallingServer {
  readonly #log: Logger;
  readonly #options: SignallingOptions;
  readonly #sessionDeps: SessionDeps;
  readonly #webSockets: WebSocketServer;
  readonly #admission: Admission;
  readonly #servers: Server[] = [];
  readonly #sessions = new Map<Session, WebSocket>();
  /** By endpoints, because a TLS socket does not say which raw socket carries it. */
  readonly #opening = new Map<string, Opening>();
  readonly #probes: Ticker;
  readonly #checks: Ticker;
  #stopChecks: (() => void) | undefined;
  readonly #refusals: RepeatLog;
  readonly #refusedPublications: RepeatLog;
  readonly #faults: RepeatLog;
  #isDraining = false;

  constructor(deps: SignallingDeps, options: SignallingOptions) {
    this.#log = deps.log;
    this.#options = options;
    this.#admission = new Admission(options);
    this.#probes = new Ticker(options.keepAlive.intervalMs, PROBE_SLOTS);
    const shortest = Math.min(options.handshakeTimeoutMs, options.connectTimeoutMs);
    this.#checks = new Ticker(Math.min(MAX_CHECK_MS, Math.max(MIN_CHECK_MS, shortest / CHECKS_PER_LIMIT)));
    this.#refusals = new RepeatLog(deps.log, 'web sdk connection refused');
    this.#refusedPublications = new RepeatLog(deps.log, 'web sdk publication refused');
    this.#faults = new RepeatLog(deps.log, 'web sdk client broke the protocol');
    this.#sessionDeps = {
      ...deps,
      idsInUse: new Set(),
      refusals: this.#refusedPublications,
      isDraining: () => this.#isDraining,
    };
    const webSocketOptions: ServerOptions & { readonly closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.maxMessageBytes,
      closeTimeout: options.closeTimeoutMs,
    };
    this.#webSockets = new WebSocketServer(webSocketOptions);
  }

  /** Connections of all its ports. */
  get connections(): ConnectionLoad {
    return this.#admission.load;
  }

  /**
   * Opens one listener; with `tls` it speaks wss. Port 0 picks a free one.
   * @returns the port bound.
   * @throws the system's error, e.g. EADDRINUSE, or OpenSSL's for a bad certificate.
   */
  async listen(port: number, host?: string, tls?: TlsIdentity): Promise<number> {
    const server = this.#create(tls);
    server.listen(port, host);
    await once(server, 'listening');
    server.on('error', (err) => this.#log.error('web sdk listener failed', { err, port }));
    this.#servers.push(server);
    this.#stopChecks ??= this.#checks.add(() => this.#check(performance.now()));
    return (server.address() as AddressInfo).port;
  }

  /** Takes another certificate for new connections of all TLS listeners. @throws OpenSSL's error. */
  useCertificate(tls: TlsIdentity): void {
    for (const server of this.#servers) if (server instanceof HttpsServer) server.setSecureContext(tls);
  }

  /** Refuses new connections and new publications from now on; running streams go on. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    for (const server of this.#servers) server.close();
  }

  /**
   * Ends every stream and session with a goodbye and closes all sockets.
   * @param graceMs how long the last events may wait for their files, at most `finalTimeoutMs`.
   */
  async close(graceMs: number): Promise<void> {
    this.drain();
    await Promise.all(
      [...this.#sessions].map(([session, socket]) => this.#dismiss(session, socket, graceMs)),
    );
    this.#admission.destroyAll();
    this.#stopChecks?.();
    for (const log of [this.#refusals, this.#refusedPublications, this.#faults]) log.close();
  }

  async #dismiss(session: Session, socket: WebSocket, graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    await within(session.terminate(INFO.shutdown, CLOSE.goingAway), graceMs);
    if (socket.readyState === socket.CLOSED) return;
    socket.close(CLOSE.goingAway, INFO.shutdown);
    await within(closed, this.#options.closeTimeoutMs);
  }

  #create(tls: TlsIdentity | undefined): Server {
    const { handshakeTimeoutMs } = this.#options;
    const options = { maxHeaderSize: MAX_HEADER_BYTES, noDelay: true };
    const server =
      tls === undefined
        ? createHttpServer(options)
        : createHttpsServer({ ...options, ...tls, handshakeTimeout: handshakeTimeoutMs });
    server.on('connection', (socket: Socket) => this.#admit(socket));
    server.on('secureConnection', (socket: Socket) => socket.on('error', ignore));
    server.on('tlsClientError', (error: Error) => this.#faults.add({ reason: `TLS: ${error.message}` }));
    server.on('clientError', (error: Error, socket: Duplex) => {
      this.#faults.add({ reason: `HTTP: ${error.message}` });
      socket.destroy();
    });
    server.on('request', refuseRequest);
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    return server;
  }

  /** Counts a raw connection, or closes it at once when there are too many. */
  #admit(socket: Socket): void {
    socket.on('error', ignore);
    const reason = this.#isDraining ? 'the server is shutting down' : this.#admission.admit(socket);
    const name = endpointsOf(socket);
    if (reason !== undefined || name === undefined) {
      this.#refusals.add({ address: socket.remoteAddress, reason });
      socket.destroy();
      return;
    }
    const opening = { socket, since: performance.now() };
    this.#opening.set(name, opening);
    socket.once('close', () => {
      if (this.#opening.get(name) === opening) this.#opening.delete(name);
    });
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', ignore);
    if (this.#isDraining) {
      socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n');
      return;
    }
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) =>
      this.#serve(webSocket, request.socket),
    );
  }

  #serve(webSocket: WebSocket, socket: Socket): void {
    const name = endpointsOf(socket);
    const session = name === undefined ? undefined : this.#open(webSocket, name);
    // An error without a listener would end the process.
    webSocket.on('error', (error) => session?.fault(CLOSE.policyViolation, error.message));
    if (session === undefined) {
      webSocket.terminate();
      return;
    }
    webSocket.on('message', (data: Buffer, isBinary: boolean) => {
      if (isBinary) session.fault(CLOSE.unsupportedData, 'binary message');
      else session.receive(data.toString());
    });
    for (const event of ['ping', 'pong'] as const) webSocket.on(event, () => session.alive());
  }

  #open(webSocket: WebSocket, name: string): Session {
    this.#opening.delete(name);
    const link = new WebSocketLink(webSocket, this.#options.maxBacklogBytes, () => session.overflowed());
    const session = new Session(this.#sessionDeps, this.#options, link, name);
    this.#sessions.set(session, webSocket);
    const isProbed = this.#options.keepAlive.algorithm !== 'NONE';
    const stopProbes = isProbed ? this.#probes.add(() => session.probe()) : ignore;
    webSocket.once('close', () => {
      stopProbes();
      this.#sessions.delete(session);
      session.closed();
      this.#logEnd(session, name);
    });
    return session;
  }

  #check(now: number): void {
    for (const session of this.#sessions.keys()) session.check(now);
    for (const { socket, since } of this.#opening.values()) {
      if (now - since <= this.#options.handshakeTimeoutMs) continue;
      this.#faults.add({ address: socket.remoteAddress, reason: 'no WebSocket in time' });
      socket.destroy();
    }
  }

  #logEnd(session: Session, sessionId: string): void {
    const fields = { sessionId, reason: session.reason };
    if (session.isFaulty) this.#faults.add(fields);
    else this.#log.debug('web sdk connection closed', fields);
  }
}

function ignore(): void {
  // The end of the socket is told by `close`.
}

function refuseRequest(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  response.writeHead(426, { Upgrade: 'websocket', Connection: 'Upgrade, close' });
  response.end();
}

/** `/clientIP:port/serverIP:port`; undefined when the socket is closed already. */
function endpointsOf(socket: Socket): string | undefined {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  if (!remoteAddress || !remotePort || !localAddress || !localPort) return undefined;
  return `/${endpoint(remoteAddress, remotePort)}/${endpoint(localAddress, localPort)}`;
}
