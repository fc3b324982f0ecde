import type { Socket } from 'node:net';
import type { Logger } from '../../domain/log.ts';
import type { Connections } from '../../streams/connections.ts';
import type { Streams } from '../../streams/streams.ts';
import type { ConnectionLoad } from '../../tcp/admission.ts';
import type { ClientPlace } from '../../tcp/clientPlace.ts';
import { ClientServer } from '../../tcp/clientServer.ts';
import type { ClientServerOptions, TlsIdentity } from '../../tcp/clientServer.ts';
import type { Crossing, Placement } from '../../tcp/crossing.ts';
import { SocketLink } from '../../tcp/socketLink.ts';
import { Ticker } from '../../util/ticker.ts';
import { Session } from './session.ts';
import type { SessionDeps, SessionOptions } from './session.ts';

/** What the RTMP room works with. */
export interface RtmpServerDeps {
  readonly streams: Streams;
  readonly connections: Connections;
  readonly log: Logger;
  /** Finds other processes for publishers; absent keeps all. */
  readonly placement?: Placement | undefined;
}

/** Limits and manners of one RTMP listener. All but `tls` are required; the settings table has the defaults. */
export interface RtmpOptions extends SessionOptions, ClientServerOptions {
  /** What a client may leave unread of the server's replies. */
  readonly maxReplyBacklogBytes: number;
  /** Pause between two reads of a publisher; 0 reads at once. RTMPS is always read at once. */
  readonly readIntervalMs: number;
}

const SAYS = {
  refused: 'rtmp connection refused',
  brokeProtocol: 'rtmp client broke the protocol',
  fruitless: 'rtmp connection ended without a stream',
  closed: 'rtmp connection closed',
  failed: 'rtmp listener failed',
};

/** Accepts RTMP or RTMPS publishers and turns each into a stream. */
export class RtmpServer {
  readonly #options: RtmpOptions;
  readonly #sessionDeps: Omit<SessionDeps, 'moves'>;
  readonly #clients: ClientServer<Session>;
  readonly #readTicker: Ticker | undefined;

  constructor(deps: RtmpServerDeps, options: RtmpOptions) {
    this.#options = options;
    this.#sessionDeps = { ...deps, isDraining: () => this.#clients.isDraining };
    const batched = options.readIntervalMs > 0 && options.tls === undefined;
    this.#readTicker = batched ? new Ticker(options.readIntervalMs) : undefined;
    const { handshakeTimeoutMs, publishTimeoutMs, publisherTimeoutMs } = options;
    this.#clients = new ClientServer(
      {
        log: deps.log,
        says: SAYS,
        tlsHandshakeTimeoutMs: handshakeTimeoutMs,
        shortestLimitMs: Math.min(handshakeTimeoutMs, publishTimeoutMs, publisherTimeoutMs),
        createSession: (socket, place, crossing) => this.#createSession(socket, place, crossing),
        placement: deps.placement,
      },
      options,
    );
  }

  get connections(): ConnectionLoad {
    return this.#clients.connections;
  }

  /** Starts to listen; port 0 takes a free one. @returns the port. @throws the system's error, e.g. EADDRINUSE. */
  async listen(port: number, host?: string): Promise<number> {
    return this.#clients.listen(port, host);
  }

  /** Goes on with a connection of another process: see {@link ClientServer.adopt}. */
  adopt(socket: Socket, place: ClientPlace, received: Buffer): void {
    this.#clients.adopt(socket, place, received);
  }

  /** Takes another certificate for new connections. @throws OpenSSL's error. */
  useCertificate(tls: TlsIdentity): void {
    this.#clients.useCertificate(tls);
  }

  /**
   * Refuses new connections and new publishers from now on; running streams go on. Resolves when what has arrived of
   * them is in their streams.
   */
  async drain(): Promise<void> {
    if (this.#clients.isDraining) return;
    this.#clients.drain();
    await Promise.all(this.#clients.sessions.map((session) => session.arrived()));
  }

  /** Ends every stream and connection. Resolves when all sockets are closed, after about a second at most. */
  async close(): Promise<void> {
    await this.#clients.close();
  }

  #createSession(socket: Socket, { sessionId }: ClientPlace, crossing: Crossing): Session {
    const { maxReplyBacklogBytes } = this.#options;
    const link = new SocketLink(
      socket,
      { maxBacklogBytes: maxReplyBacklogBytes, crossing },
      this.#readTicker,
    );
    const deps = { ...this.#sessionDeps, moves: (name: string) => crossing.moves(name) };
    return new Session(deps, this.#options, link, sessionId);
  }
}
