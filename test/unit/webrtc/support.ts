import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { LogFields, Logger } from '../../../src/domain/log.ts';
import type { Sample } from '../../../src/domain/media.ts';
import type { Publisher } from '../../../src/domain/publisher.ts';
import { WebRtcServer } from '../../../src/ingest/webrtc/server.ts';
import type { WebRtcDeps, WebRtcOptions } from '../../../src/ingest/webrtc/server.ts';
import type { WebRtcOffer } from '../../../src/streams/contracts.ts';
import { Streams } from '../../../src/streams/streams.ts';
import type { StreamItem } from '../../../src/streams/gopCache.ts';

interface SdkUtil {
  readonly stripCodecs: (sdp: string, codecs: string) => string;
  readonly SDP: { readonly setPublishingBitrate: (sdp: string, min: number, max: number) => string };
}

/** The SDK's own editing of SDP, as it is published. */
export const sdk = createRequire(import.meta.url)('@flashphoner/websdk/src/util.js') as SdkUtil;

/** An offer of test/unit/webrtc/offers as it was captured. */
export function captured(name: string): string {
  return readFileSync(new URL(`offers/${name}.sdp`, import.meta.url), 'utf8');
}

/** A log that remembers its lines. */
export class MemoryLog implements Logger {
  readonly lines: { readonly message: string; readonly fields: LogFields }[] = [];
  debug = (message: string, fields: LogFields = {}): void => void this.lines.push({ message, fields });
  info = this.debug;
  warn = this.debug;
  error = this.debug;
  child(): Logger {
    return this;
  }

  find(message: string): LogFields | undefined {
    return this.lines.find((line) => line.message === message)?.fields;
  }
}

export const OPTIONS: WebRtcOptions = {
  publishTimeoutMs: 20_000,
  maxPublishers: 10,
  videoLossWaitMs: 1_000,
  audioLossWaitMs: 300,
  syncWaitMs: 3_000,
  keyFrameIntervalMs: 0,
};

export const PUBLISHER: Publisher = {
  sessionId: '/127.0.0.1:1/127.0.0.1:2',
  appKey: 'test',
  login: 'test',
  mediaProvider: 'WebRTC',
  custom: {},
  terminate: () => undefined,
};

/** A server with everything it works with. */
export class Setup {
  readonly streams = new Streams(16_777_216);
  readonly log = new MemoryLog();
  readonly server: WebRtcServer;
  /** Tracks and samples of every stream, in order. */
  readonly items: StreamItem[] = [];
  /** Events of every publication, e.g. `publishing`, `ended: …`. */
  readonly events: string[] = [];
  port = 0;
  #count = 0;

  constructor(options: Partial<WebRtcOptions> = {}, deps: Partial<WebRtcDeps> = {}) {
    this.server = new WebRtcServer(
      { streams: this.streams, log: this.log, ...deps },
      { ...OPTIONS, ...options },
    );
    this.streams.events.on('published', (stream) => {
      stream.subscribe({
        onTrack: (track) => this.items.push({ track }),
        onSample: (sample) => this.items.push({ sample }),
        onEnd: () => this.events.push('stream ended'),
      });
    });
  }

  async start(): Promise<this> {
    this.port = await this.server.start();
    return this;
  }

  offer(sdp: string, wish: Partial<WebRtcOffer> = {}): WebRtcOffer {
    const n = ++this.#count;
    return {
      name: `stream-${n}`,
      mediaSessionId: `session-${n}`,
      publisher: PUBLISHER,
      custom: {},
      record: false,
      sdp,
      transport: 'UDP',
      ...wish,
    };
  }

  publish(sdp: string, wish: Partial<WebRtcOffer> = {}) {
    return this.server.publish(this.offer(sdp, wish), {
      onPublishing: () => this.events.push('publishing'),
      onEnded: (info) => this.events.push(`ended: ${info}`),
    });
  }

  samples(trackId: number): readonly Sample[] {
    return this.items.flatMap((item) =>
      'sample' in item && item.sample.trackId === trackId ? [item.sample] : [],
    );
  }
}
