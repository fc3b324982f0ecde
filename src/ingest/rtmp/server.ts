import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Logger } from '../../domain/log.ts';
import type { Connections } from '../../streams/connections.ts';
import type { Streams } from '../../streams/streams.ts';
import { endpoint, plainAddress } from '../../util/endpoint.ts';
import { RepeatLog } from '../../util/repeatLog.ts';
import { Ticker } from '../../util/ticker.ts';
import { Session } from './session.ts';
import type { SessionDeps, SessionOptions } from './session.ts';
import { SocketLink } from './socketLink.ts';

/** What the RTMP room works with. */
export interface RtmpServerDeps {
  readonly streams: Streams;
  readonly connections: Connections;
  readonly log: Logger;
}

/** Limits and manners of one RTMP listener. All are required; the settings table has the defaults. */
export interface RtmpOptions extends SessionOptions {
  /** Clients at once, with or without a stream. */
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  /** What a client may leave unread of the server's replies. */
  readonly maxReplyBacklogBytes: number;
  /** Pause between two reads of a publisher; 0 reads at once. RTMPS is always read at once. */
  readonly readIntervalMs: number;
  /** Makes it RTMPS: PEM texts. */
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer };
}

const MIN_CHECK_MS = 20;
const MAX_CHECK_MS = 1_000;
/** Checks within the shortest time limit. */
const CHECKS_PER_LIMIT = 5;

/** Accepts RTMP or RTMPS publishers and turns each into a stream. */
export class RtmpServer {
  readonly #options: RtmpOptions;
  readonly #log: Logger;
  readonly #sessionDeps: SessionDeps;
  readonly #sessions = new Map<Session, Socket>();
  readonly #sockets = new Set<Socket>();
  readonly #perAddress = new Map<string, number>();
  readonly #server: Server;
  readonly #readTicker: Ticker | undefined;
  readonly #checkTicker: Ticker;
  readonly #refusals: RepeatLog;
  readonly #faults: RepeatLog;
  readonly #fruitless: RepeatLog;
  #isDraining = false;

  constructor(deps: RtmpServerDeps, options: RtmpOptions) {
    this.#options = options;
    this.#log = deps.log;
    this.#sessionDeps = { ...deps, isDraining: () => this.#isDraining };
    this.#refusals = new RepeatLog(deps.log, 'rtmp connection refused');
    this.#faults = new RepeatLog(deps.log, 'rtmp client broke the protocol');
    this.#fruitless = new RepeatLog(deps.log, 'rtmp connection ended without a stream');
    const shortest = Math.min(
      options.handshakeTimeoutMs,
      options.publishTimeoutMs,
      options.publisherTimeoutMs,
    );
    this.#checkTicker = new Ticker(
      Math.min(MAX_CHECK_MS, Math.max(MIN_CHECK_MS, shortest / CHECKS_PER_LIMIT)),
    );
    const batched = options.readIntervalMs > 0 && options.tls === undefined;
    this.#readTicker = batched ? new Ticker(options.readIntervalMs) : undefined;
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
    server.on('error', (err) => this.#log.error('rtmp listener failed', { err }));
    return (server.address() as AddressInfo).port;
  }

  /**
   * Refuses new connections and new publishers from now on; running streams go on. Resolves when what has arrived of
   * them is in their streams.
   */
  async drain(): Promise<void> {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#server.close();
    await Promise.all([...this.#sessions.keys()].map((session) => session.arrived()));
  }

  /** Ends every stream and connection. Resolves when all sockets are closed, after about a second at most. */
  async close(): Promise<void> {
    void this.drain();
    const served = [...this.#sessions].map(async ([session, socket]) => {
      // Not events.once: it would reject when the peer resets the connection meanwhile.
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      session.terminate('the server is shutting down');
      await closed;
    });
    await Promise.all(served);
    // What is left has not finished its TLS handshake.
    for (const socket of this.#sockets) socket.destroy();
    for (const log of [this.#refusals, this.#faults, this.#fruitless]) log.close();
  }

  #createServer(): Server {
    const { tls, handshakeTimeoutMs } = this.#options;
    if (tls === undefined) {
      // The mark makes Node stop reading ahead after one read while a socket rests.
      return createServer({ noDelay: true, highWaterMark: 1 }, (socket) => {
        if (this.#admit(socket)) this.#serve(socket);
      });
    }
    const server = createTlsServer({ ...tls, noDelay: true, handshakeTimeout: handshakeTimeoutMs });
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
    const link = new SocketLink(socket, this.#options.maxReplyBacklogBytes, this.#readTicker);
    const session = new Session(this.#sessionDeps, this.#options, link, sessionId);
    this.#sessions.set(session, socket);
    const stopChecks = this.#checkTicker.add(() => session.check(performance.now()));
    let cause: Error | undefined;
    socket.on('data', (chunk: Buffer) => {
      session.receive(chunk);
      if (link.onRead(chunk.length)) session.rested();
    });
    socket.on('error', (error) => (cause = error));
    socket.once('close', () => {
      stopChecks();
      this.#sessions.delete(session);
      session.closed(cause);
      this.#logEnd(session, sessionId);
    });
  }

  #logEnd(session: Session, sessionId: string): void {
    const fields = { sessionId, reason: session.reason };
    if (session.isFaulty) this.#faults.add(fields);
    else if (session.hasPublished) this.#log.debug('rtmp connection closed', fields);
    else this.#fruitless.add(fields);
  }
}
