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
  /** Finds other processes for publishers; absent keeps all. */
  readonly placement?: Placement | undefined;
}

/**
 * Limits and manners of one RTSP listener. All but `tls`, with which media comes interleaved only, and `portRange` are
 * required; the settings table has the defaults.
 */
export interface RtspOptions
  extends Omit<SessionOptions, 'acceptsUdp'>, ClientServerOptions, MediaPortOptions {
  /** What a client may leave unread of the server's replies and reports. */
  readonly maxReplyBacklogBytes: number;
}

const SAYS = {
  refused: 'rtsp connection refused',
  brokeProtocol: 'rtsp client broke the protocol',
  fruitless: 'rtsp connection ended without a stream',
  closed: 'rtsp connection closed',
  failed: 'rtsp listener failed',
};

/** Lost packets are given up with this precision. */
const MEDIA_TICK_MS = 20;

/** Accepts RTSP or RTSPS publishers and turns each into a stream. */
export class RtspServer {
  readonly #deps: RtspServerDeps;
  readonly #options: RtspOptions;
  readonly #ports: MediaPorts;
  readonly #clients: ClientServer<Session>;
  /** Those whose connection is gone, and which wait for their last datagrams, included. */
  readonly #publications = new Set<Publication>();
  readonly #mediaTicker = new Ticker(MEDIA_TICK_MS);

  constructor(deps: RtspServerDeps, options: RtspOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#ports = new MediaPorts(options);
    const { requestTimeoutMs, publishTimeoutMs, publisherTimeoutMs } = options;
    this.#clients = new ClientServer(
      {
        log: deps.log,
        says: SAYS,
        tlsHandshakeTimeoutMs: requestTimeoutMs,
        shortestLimitMs: Math.min(requestTimeoutMs, publishTimeoutMs, publisherTimeoutMs),
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
    for (const publication of this.#publications) publication.flush();
  }

  /** Ends every stream and connection. Resolves when all sockets are closed, after about a second at most. */
  async close(): Promise<void> {
    const closed = this.#clients.close();
    for (const publication of [...this.#publications]) publication.finish('the server is shutting down');
    await closed;
  }

  #createSession(socket: Socket, client: ClientPlace, crossing: Crossing): Session {
    const { maxReplyBacklogBytes } = this.#options;
    const link = new SocketLink(socket, { maxBacklogBytes: maxReplyBacklogBytes, crossing });
    const deps = {
      ...this.#deps,
      client,
      ports: this.#ports,
      isDraining: () => this.#clients.isDraining,
      moves: (name: string) => crossing.moves(name),
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
}
