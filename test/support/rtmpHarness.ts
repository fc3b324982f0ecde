import type { LogFields, Logger } from '../../src/domain/log.ts';
import type { Sample, Track } from '../../src/domain/media.ts';
import { RtmpServer } from '../../src/ingest/rtmp/server.ts';
import type { RtmpOptions } from '../../src/ingest/rtmp/server.ts';
import { Connections } from '../../src/streams/connections.ts';
import type { Stream } from '../../src/streams/stream.ts';
import { Streams } from '../../src/streams/streams.ts';
import type { StreamsRules } from '../../src/streams/streams.ts';
import { eventually } from './eventually.ts';

/** Limits for tests: roomy, and short only where a test makes them so. */
export const RTMP_OPTIONS: RtmpOptions = {
  publisherTimeoutMs: 10_000,
  handshakeTimeoutMs: 5_000,
  publishTimeoutMs: 10_000,
  maxConnections: 100,
  maxConnectionsPerAddress: 100,
  maxMessageBytes: 8 << 20,
  maxUnfinishedBytes: 16 << 20,
  maxChunkStreams: 32,
  maxCommandBytes: 64 << 10,
  maxReplyBacklogBytes: 256 << 10,
  chunkSize: 4096,
  readIntervalMs: 0,
  leapBounds: { forwardMs: 10_000, backMs: 1_000 },
};

export interface LoggedLine {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger that keeps its lines. */
export function memoryLog(
  lines: LoggedLine[] = [],
  context: LogFields = {},
): Logger & { readonly lines: LoggedLine[] } {
  const at =
    (level: string) =>
    (message: string, fields: LogFields = {}) =>
      void lines.push({ level, message, fields: { ...context, ...fields } });
  const child = (fields: LogFields): Logger => memoryLog(lines, { ...context, ...fields });
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child, lines };
}

/** Everything one stream delivered. */
export interface Taken {
  readonly stream: Stream;
  readonly tracks: Track[];
  readonly samples: Sample[];
  /** How many samples were there at each flush. */
  readonly flushes: number[];
  /** How often the end was told. */
  ends: number;
}

/** A started RtmpServer that keeps all that is published on it. */
export class RtmpHarness {
  readonly streams: Streams;
  readonly connections: Connections;
  readonly log = memoryLog();
  readonly taken: Taken[] = [];
  readonly server: RtmpServer;
  port = 0;

  constructor(options: Partial<RtmpOptions> = {}, rules: StreamsRules = {}) {
    this.streams = new Streams(1 << 20, rules);
    this.connections = new Connections(rules.secrets);
    this.server = new RtmpServer(this, { ...RTMP_OPTIONS, ...options });
    this.streams.events.on('published', (stream) => {
      const taken: Taken = { stream, tracks: [], samples: [], flushes: [], ends: 0 };
      this.taken.push(taken);
      stream.subscribe({
        onTrack: (track) => taken.tracks.push(track),
        onSample: (sample) => taken.samples.push(sample),
        onFlush: () => taken.flushes.push(taken.samples.length),
        onEnd: () => (taken.ends += 1),
      });
    });
  }

  static async start(options: Partial<RtmpOptions> = {}, rules: StreamsRules = {}): Promise<RtmpHarness> {
    const harness = new RtmpHarness(options, rules);
    harness.port = await harness.server.listen(0, '127.0.0.1');
    return harness;
  }

  /** What the newest stream of this name delivered. */
  of(name: string): Taken {
    const taken = this.taken.findLast((each) => each.stream.name === name);
    if (taken === undefined) throw new Error(`${name} was not published`);
    return taken;
  }

  async ended(name: string): Promise<Taken> {
    return eventually(() => (this.of(name).ends > 0 ? this.of(name) : undefined), `${name} ended`);
  }

  /** Waits until a stream has delivered `count` samples. */
  async sampled(name: string, count: number): Promise<Taken> {
    return eventually(
      () => (this.of(name).samples.length >= count ? this.of(name) : undefined),
      `${count} samples of ${name}`,
    );
  }

  logged(message: string): LoggedLine[] {
    return this.log.lines.filter((line) => line.message === message);
  }
}
