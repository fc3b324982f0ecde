import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Logger } from '../../domain/log.ts';
import type { Connections } from '../../streams/connections.ts';
import type { Streams } from '../../streams/streams.ts';
import { endpoint, plainAddress } from '../../util/endpoint.ts';
import { RepeatLog } from '../../util/repeatLog.ts';
import { Ticker } from '../../util/ticker.ts';
import { SocketLink } from './link.ts';
import { MediaPorts } from './mediaPorts.ts';
import type { MediaPortOptions } from './mediaPorts.ts';
import type { Publication } from './publication.ts';
import { Session } from './session.ts';
import type { SessionOptions } from './session.ts';

/** What the RTSP room works with. */
export interface RtspServerDeps {
  readonly streams: Streams;
  readonly connections: Connections;
  readonly log: Logger;
}

/** Limits and manners of one RTSP listener. All are required; the settings table has the defaults. */
export interface RtspOptions extends Omit<SessionOptions, 'acceptsUdp'>, MediaPortOptions {
  /** Clients at once, with or without a stream. */
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  /** What a client may leave unread of the server's replies and reports. */
  readonly maxReplyBacklogBytes: number;
  /** Makes it RTSPS, where media comes interleaved only: PEM texts. */
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer };
}

const MIN_CHECK_MS = 20;
const MAX_CHECK_MS = 1_000;
/** Checks within the shortest time limit. */
const CHECKS_PER_LIMIT = 5;
/** Lost packets are given up with this precision. */
const MEDIA_TICK_MS = 20;

/** Accepts RTSP or RTSPS publishers and turns each into a stream. */
export class RtspServer {
  readonly #deps: RtspServerDeps;
  readonly #options: RtspOptions;
  readonly #ports: MediaPorts;
  readonly #sessions = new Map<Session, Socket>();
  readonly #publications = new Set<Publication>();
  readonly #sockets = new Set<Socket>();
  readonly #perAddress = new Map<string, number>();
  readonly #server: Server;
  readonly #checkTicker: Ticker;
  readonly #mediaTicker = new Ticker(MEDIA_TICK_MS);
  readonly #refusals: RepeatLog;
  readonly #faults: RepeatLog;
  readonly #fruitless: RepeatLog;
  #isDraining = false;

  constructor(deps: RtspServerDeps, options: RtspOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#ports = new MediaPorts(options);
    this.#refusals = new RepeatLog(deps.log, 'rtsp connection refused');
    this.#faults = new RepeatLog(deps.log, 'rtsp client broke the protocol');
    this.#fruitless = new RepeatLog(deps.log, 'rtsp connection ended without a stream');
    const { requestTimeoutMs, publishTimeoutMs, publisherTimeoutMs } = options;
    const shortest = Math.min(requestTimeoutMs, publishTimeoutMs, publisherTimeoutMs);
    this.#checkTicker = new Ticker(
      Math.min(MAX_CHECK_MS, Math.max(MIN_CHECK_MS, shortest / CHECKS_PER_LIMIT)),
    );
    this.#server = this.#createServer();
  }

  /** Starts to listen; port 0 takes a free one. @returns the port. @throws the system's error, e.g. EADDRINUSE. */
  async listen(port: number, host?: string): Promise<number> {
    const server = this.#server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => {
        server.off('error', reject);
        resolve();
      });
    });
    server.on('error', (err) => this.#deps.log.error('rtsp listener failed', { err }));
    return (server.address() as AddressInfo).port;
  }

  /** Refuses new connections and new publishers from now on; running streams go on. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#server.close();
  }

  /** Ends every stream and connection. Resolves when all sockets are closed, after about a second at most. */
  async close(): Promise<void> {
    this.drain();
    const info = 'the server is shutting down';
    const served = [...this.#sessions].map(async ([session, socket]) => {
      // Not events.once: it would reject when the peer resets the connection meanwhile.
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      session.terminate(info);
      await closed;
    });
    // Publications whose connection is gone already, and which wait for their last datagrams.
    for (const publication of [...this.#publications]) publication.finish(info);
    await Promise.all(served);
    // What is left has not finished its TLS handshake.
    for (const socket of this.#sockets) socket.destroy();
    for (const log of [this.#refusals, this.#faults, this.#fruitless]) log.close();
  }

  #createServer(): Server {
    const { tls, requestTimeoutMs } = this.#options;
    if (tls === undefined) {
      return createServer({ noDelay: true }, (socket) => {
        if (this.#admit(socket)) this.#serve(socket);
      });
    }
    const server = createTlsServer({ ...tls, noDelay: true, handshakeTimeout: requestTimeoutMs });
    server.on('connection', (socket: Socket) => this.#admit(socket));
    server.on('secureConnection', (socket) => this.#serve(socket));
    server.on('tlsClientError', (error) => this.#faults.add({ reason: `TLS: ${error.message}` }));
    return server;
  }

  /** Counts a connection, or closes it at once when there are too many. */
  #admit(socket: Socket): boolean {
    socket.on('error', () => undefined);
    const address = plainAddress(socket.remoteAddress ?? '');
    const sameAddress = this.#perAddress.get(address) ?? 0;
    const reason = this.#refusalOf(address, sameAddress);
    if (reason !== undefined) {
      socket.destroy();
      this.#refusals.add({ address, reason });
      return false;
    }
    this.#sockets.add(socket);
    this.#perAddress.set(address, sameAddress + 1);
    socket.once('close', () => this.#release(socket, address));
    return true;
  }

  #refusalOf(address: string, sameAddress: number): string | undefined {
    if (this.#isDraining) return 'the server is shutting down';
    if (address === '') return 'closed before it was accepted';
    if (this.#sockets.size >= this.#options.maxConnections) return 'too many connections';
    return sameAddress >= this.#options.maxConnectionsPerAddress
      ? 'too many connections of one address'
      : undefined;
  }

  #release(socket: Socket, address: string): void {
    this.#sockets.delete(socket);
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left > 0) this.#perAddress.set(address, left);
    else this.#perAddress.delete(address);
  }

  #serve(socket: Socket): void {
    const { remoteAddress, remotePort, localAddress, localPort } = socket;
    if (!remoteAddress || !remotePort || !localAddress || !localPort) {
      socket.destroy();
      return;
    }
    const sessionId = `/${endpoint(remoteAddress, remotePort)}/${endpoint(localAddress, localPort)}`;
    const link = new SocketLink(socket, this.#options.maxReplyBacklogBytes);
    const session = this.#createSession(sessionId, { address: remoteAddress, localAddress }, link);
    this.#sessions.set(session, socket);
    const stopChecks = this.#checkTicker.add(() => session.check(performance.now()));
    let cause: Error | undefined;
    socket.on('data', (chunk: Buffer) => session.receive(chunk));
    socket.on('error', (error) => (cause = error));
    socket.once('close', () => {
      stopChecks();
      this.#sessions.delete(session);
      session.closed(cause);
      this.#logEnd(session, sessionId);
    });
  }

  #createSession(
    sessionId: string,
    client: { readonly address: string; readonly localAddress: string },
    link: SocketLink,
  ): Session {
    const deps = {
      ...this.#deps,
      ...{ sessionId, client, ports: this.#ports },
      isDraining: () => this.#isDraining,
      attend: (publication: Publication) => this.#attend(publication),
    };
    return new Session(deps, { ...this.#options, acceptsUdp: this.#options.tls === undefined }, link);
  }

  #attend(publication: Publication): () => void {
    this.#publications.add(publication);
    const stopTicks = this.#mediaTicker.add(() => publication.tick(performance.now()));
    return () => {
      stopTicks();
      this.#publications.delete(publication);
    };
  }

  #logEnd(session: Session, sessionId: string): void {
    const fields = { sessionId, reason: session.reason };
    if (session.isFaulty) this.#faults.add(fields);
    else if (session.hasPublished) this.#deps.log.debug('rtsp connection closed', fields);
    else this.#fruitless.add(fields);
  }
}
