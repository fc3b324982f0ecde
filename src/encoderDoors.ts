import type { Settings } from './config/settings.ts';
import { RtmpServer } from './ingest/rtmp/server.ts';
import type { RtmpServerDeps } from './ingest/rtmp/server.ts';
import { RtspServer } from './ingest/rtsp/server.ts';
import type { Doors } from './listening.ts';
import type { IngestWorkers } from './workers/ingestWorkers.ts';
import type { ConnectionLoad } from './tcp/admission.ts';
import { rtmpOptions, rtspOptions } from './wiring.ts';

/** The listeners of RTMP and RTSP, with TLS and without: one server for each. */
export class EncoderDoors {
  readonly #settings: Settings;
  readonly #deps: Omit<RtmpServerDeps, 'placement'>;
  readonly #servers: { readonly door: string; readonly server: RtmpServer | RtspServer }[] = [];

  constructor(settings: Settings, deps: Omit<RtmpServerDeps, 'placement'>) {
    this.#settings = settings;
    this.#deps = deps;
  }

  /** Connections of each that is open. */
  loads(): readonly { readonly door: string; readonly load: ConnectionLoad }[] {
    return this.#servers.map(({ door, server }) => ({ door, load: server.connections }));
  }

  /** Opens those that the settings want. @param workers get publishers, too. @throws UnavailableError */
  async open(doors: Doors, workers: IngestWorkers): Promise<void> {
    for (const door of ['rtmp', 'rtmps', 'rtsp', 'rtsps'] as const) {
      if (!doors.isWanted(door)) continue;
      const tls = doors.tlsFor(door);
      const secured = tls === undefined ? {} : { tls };
      const isRtmp = door === 'rtmp' || door === 'rtmps';
      const placement = workers.placement(isRtmp ? 'rtmp' : 'rtsp');
      const deps = { ...this.#deps, log: this.#deps.log.child({ component: door }), placement };
      const server = isRtmp
        ? new RtmpServer(deps, { ...rtmpOptions(this.#settings), ...secured })
        : new RtspServer(deps, { ...rtspOptions(this.#settings), ...secured });
      this.#servers.push({ door, server });
      if (tls !== undefined) doors.addCertificateUser(server);
      await doors.open(door, (port, host) => server.listen(port, host));
    }
  }

  /** Refuses new connections and publishers; resolves when what has arrived of the others is in their streams. */
  async drain(): Promise<void> {
    await Promise.all(this.#servers.map(({ server }) => server.drain()));
  }

  /** Ends every stream and connection. */
  async close(): Promise<void> {
    await Promise.all(this.#servers.map(({ server }) => server.close()));
  }
}
