import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer, Server as TlsServer } from 'node:tls';
import type { Logger } from '../domain/log.ts';
import { endpoint } from '../util/endpoint.ts';
import { RepeatLog } from '../util/repeatLog.ts';
import { Ticker } from '../util/ticker.ts';
import { Admission } from './admission.ts';
import type { AdmissionLimits, ConnectionLoad } from './admission.ts';
import type { ClientPlace } from './clientPlace.ts';
import { Arrival, Departure, HERE } from './crossing.ts';
import type { Crossing, Placement } from './crossing.ts';
import { RESTING_MARK_BYTES, restAfterOneRead } from './socketInternals.ts';

/** One client's side of a protocol. Nothing it is given makes it throw. */
export interface ClientSession {
  /** Why it ended; the first cause. */
  readonly reason: string;
  /** The client broke the protocol or a limit. */
  readonly isFaulty: boolean;
  readonly hasPublished: boolean;
  receive(chunk: Buffer): void;
  /** Enforces the time limits; `nowMs` is `performance.now()`. */
  check(nowMs: number): void;
  /** Says goodbye and closes its connection, after about a second at most. */
  terminate(info: string): void;
  /** The connection is gone; `error` is its cause, if any. */
  closed(error?: Error): void;
}

/** PEM texts of a server certificate. */
export interface TlsIdentity {
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
}

/** Who may connect, and how. */
export interface ClientServerOptions extends AdmissionLimits {
  /** Makes it TLS: PEM texts. */
  readonly tls?: TlsIdentity;
}

/** What a `ClientServer` is made for. */
export interface ClientServerInit<S extends ClientSession> {
  readonly log: Logger;
  /** Sentences of the log, whole so that they are found in the code. */
  readonly says: {
    readonly refused: string;
    readonly brokeProtocol: string;
    readonly fruitless: string;
    readonly closed: string;
    readonly failed: string;
  };
  readonly tlsHandshakeTimeoutMs: number;
  /** Shortest limit that `check` enforces, ms: it is called several times within it. */
  readonly shortestLimitMs: number;
  readonly createSession: (socket: Socket, place: ClientPlace, crossing: Crossing) => S;
  /** Finds another process for the publisher of a stream; absent serves everybody here. */
  readonly placement?: Placement | undefined;
}

const MIN_CHECK_MS = 20;
const MAX_CHECK_MS = 500;
/** Checks within the shortest time limit. */
const CHECKS_PER_LIMIT = 5;

/** Accepts the connections of one TCP or TLS port within limits and gives each a session. */
export class ClientServer<S extends ClientSession> {
  readonly #init: ClientServerInit<S>;
  readonly #options: ClientServerOptions;
  readonly #log: Logger;
  readonly #admission: Admission;
  readonly #sessions = new Map<S, Socket>();
  readonly #server: Server;
  readonly #checkTicker: Ticker;
  readonly #refusals: RepeatLog;
  readonly #faults: RepeatLog;
  readonly #fruitless: RepeatLog;
  #isDraining = false;

  constructor(init: ClientServerInit<S>, options: ClientServerOptions) {
    const { says, log, shortestLimitMs } = init;
    this.#init = init;
    this.#options = options;
    this.#log = log;
    this.#admission = new Admission(options);
    this.#refusals = new RepeatLog(log, says.refused);
    this.#faults = new RepeatLog(log, says.brokeProtocol);
    this.#fruitless = new RepeatLog(log, says.fruitless);
    const checkMs = shortestLimitMs / CHECKS_PER_LIMIT;
    this.#checkTicker = new Ticker(Math.min(MAX_CHECK_MS, Math.max(MIN_CHECK_MS, checkMs)));
    this.#server = this.#createServer();
  }

  get sessions(): readonly S[] {
    return [...this.#sessions.keys()];
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Connections of all its ports. */
  get connections(): ConnectionLoad {
    return this.#admission.load;
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
    server.on('error', (err) => this.#log.error(this.#init.says.failed, { err }));
    return (server.address() as AddressInfo).port;
  }

  /** Takes another certificate for new connections; only for a TLS listener. @throws OpenSSL's error. */
  useCertificate(tls: TlsIdentity): void {
    if (this.#server instanceof TlsServer) this.#server.setSecureContext(tls);
  }

  /** Refuses new connections from now on. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#server.close();
  }

  /** Ends every connection. Resolves when all sockets are closed, after about a second at most. */
  async close(): Promise<void> {
    this.drain();
    const served = [...this.#sessions].map(async ([session, socket]) => {
      // Not events.once: it would reject when the peer resets the connection meanwhile.
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      session.terminate('the server is shutting down');
      await closed;
    });
    await Promise.all(served);
    // What is left has not finished its TLS handshake.
    this.#admission.destroyAll();
    for (const log of [this.#refusals, this.#faults, this.#fruitless]) log.close();
  }

  #createServer(): Server {
    const { tls } = this.#options;
    if (tls === undefined) {
      return createServer({ noDelay: true, highWaterMark: RESTING_MARK_BYTES }, (socket) => {
        if (this.#admit(socket)) this.#accept(socket);
      });
    }
    const handshakeTimeout = this.#init.tlsHandshakeTimeoutMs;
    const server = createTlsServer({ ...tls, noDelay: true, handshakeTimeout });
    server.on('connection', (socket: Socket) => this.#admit(socket));
    server.on('secureConnection', (socket) => this.#accept(socket));
    server.on('tlsClientError', (error) => this.#faults.add({ reason: `TLS: ${error.message}` }));
    return server;
  }

  /** Counts a connection, or closes it at once when there are too many. */
  #admit(socket: Socket): boolean {
    socket.on('error', () => undefined);
    const reason = this.#isDraining ? 'the server is shutting down' : this.#admission.admit(socket);
    if (reason === undefined) return true;
    this.#refusals.add({ address: socket.remoteAddress, reason });
    socket.destroy();
    return false;
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort, localAddress, localPort } = socket;
    if (!remoteAddress || !remotePort || !localAddress || !localPort) {
      socket.destroy();
      return;
    }
    const sessionId = `/${endpoint(remoteAddress, remotePort)}/${endpoint(localAddress, localPort)}`;
    const place = { address: remoteAddress, localAddress, sessionId };
    const { placement } = this.#init;
    // What is encrypted stays with the process that has the keys.
    const canMove = placement !== undefined && this.#options.tls === undefined;
    this.#serve(socket, place, canMove ? new Departure(placement, place) : HERE);
  }

  /**
   * Goes on with a connection that another process has accepted.
   * @param received all that the client has sent so far: the session uses it anew, and repeats no answer.
   */
  adopt(socket: Socket, place: ClientPlace, received: Buffer): void {
    restAfterOneRead(socket);
    const session = this.#serve(socket, place, new Arrival());
    session.receive(received);
  }

  #serve(socket: Socket, place: ClientPlace, crossing: Crossing): S {
    const session = this.#init.createSession(socket, place, crossing);
    this.#sessions.set(session, socket);
    const stopChecks = this.#checkTicker.add(() => session.check(performance.now()));
    let cause: Error | undefined;
    const forget = (): void => {
      stopChecks();
      this.#sessions.delete(session);
    };
    socket.on('data', (chunk: Buffer) => {
      crossing.received(chunk);
      session.receive(chunk);
    });
    socket.on('error', (error) => (cause = error));
    const onClose = (): void => {
      forget();
      session.closed(cause);
      this.#logEnd(session, place.sessionId);
    };
    socket.once('close', onClose);
    crossing.begin(socket, () => {
      socket.off('close', onClose);
      forget();
    });
    return session;
  }

  #logEnd(session: S, sessionId: string): void {
    const fields = { sessionId, reason: session.reason };
    if (session.isFaulty) this.#faults.add(fields);
    else if (session.hasPublished) this.#log.debug(this.#init.says.closed, fields);
    else this.#fruitless.add(fields);
  }
}
