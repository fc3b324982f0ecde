import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../domain/log.ts';
import { CaptureEnded } from '../../streams/captures.ts';
import type { Capture, CaptureInfo, CaptureOrigin, CaptureStatus } from '../../streams/captures.ts';
import type { ExpectedKinds, Stream } from '../../streams/stream.ts';
import { LeapReports } from '../../streams/leapReports.ts';
import type { Streams } from '../../streams/streams.ts';
import { Timeline } from '../../streams/timeline.ts';
import { Connection } from './connection.ts';
import type { ConnectionEnd } from './connection.ts';
import { infoOf, refusalOf } from './failures.ts';
import { accepts } from './probe.ts';
import { publisherOf } from './publisher.ts';
import type { PullOptions } from './settings.ts';
import { SourceFeed } from './sourceFeed.ts';
import type { SourceUri } from '../../domain/sourceUri.ts';

/** A hole in a captured stream. Times are milliseconds since the epoch. */
export interface CaptureGap {
  readonly from: number;
  readonly to: number;
  readonly cause: string;
}

export interface CaptureDeps {
  readonly streams: Streams;
  readonly options: PullOptions;
  readonly log: Logger;
  /** Called right before the first sample after a gap. Must not throw. */
  readonly onGap: (stream: Stream, gap: CaptureGap) => void;
  /** Called once, when the capture is over; `failed` when the source is to blame. */
  readonly onEnd: (capture: SourceCapture, failed: boolean) => void;
}

export interface CaptureTarget {
  readonly uri: SourceUri;
  readonly name: string;
  readonly origin: CaptureOrigin;
}

/** A connection that lasted this long begins the series of retries anew. */
const STABLE_MS = 10_000;
const SHUTDOWN_INFO = 'RtspAgent shutdown';

/** Pulls one source: connection after connection onto one stream. */
export class SourceCapture implements Capture {
  readonly target: CaptureTarget;
  readonly mediaSessionId = randomUUID();
  readonly #deps: CaptureDeps;
  readonly #log: Logger;
  readonly #leaps: LeapReports;
  readonly #timeline: Timeline;
  readonly #stop = new AbortController();
  readonly #playing: Promise<Stream>;
  #resolvePlaying: (stream: Stream) => void = () => undefined;
  #rejectPlaying: (error: CaptureEnded) => void = () => undefined;
  #status: CaptureStatus = 'PENDING';
  #info: string | null = null;
  #connection: Connection | undefined;
  #stream: Stream | undefined;
  #isPaused = false;
  #retries = 0;
  /** Media was lost then, for that cause. */
  #lost: { readonly at: number; readonly cause: string } | undefined;
  #users = 0;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(target: CaptureTarget, deps: CaptureDeps) {
    this.target = target;
    this.#deps = deps;
    this.#log = deps.log.child({
      streamName: target.name,
      mediaSessionId: this.mediaSessionId,
      uri: target.uri.shown,
    });
    this.#leaps = new LeapReports(this.#log);
    this.#timeline = new Timeline({
      bounds: deps.options.leapBounds,
      onLeap: (leap) => this.#leaps.add(this.#stream, leap),
    });
    this.#playing = new Promise((resolve, reject) => {
      this.#resolvePlaying = resolve;
      this.#rejectPlaying = reject;
    });
    // Most captures have nobody who waits.
    this.#playing.catch(() => undefined);
  }

  get info(): CaptureInfo {
    const { uri, name, origin } = this.target;
    return {
      protocol: uri.protocol,
      uri: uri.shown,
      name,
      status: this.#status,
      origin,
      mediaSessionId: this.mediaSessionId,
      info: this.#info,
    };
  }

  /** Begins to pull; resolves when the capture is over and its child is gone. Never rejects. */
  async run(): Promise<void> {
    this.#log.info('capture started', { origin: this.target.origin });
    this.#watchUsers();
    for (;;) {
      const end = await this.#connect();
      if (this.#isOver()) return;
      await this.#onLost(end);
      if (this.#isOver()) return;
    }
  }

  whenPlaying(): Promise<Stream> {
    return this.#playing;
  }

  retain(): () => void {
    let isHeld = true;
    this.#users++;
    this.#watchUsers();
    return () => {
      if (isHeld) this.#users--;
      isHeld = false;
      this.#watchUsers();
    };
  }

  /** To be called about twice a second. */
  watch(): void {
    this.#connection?.watch();
  }

  /** Ends the capture and its stream. Later calls do nothing. @param info WCS's text for the client. */
  end(info: string, failed = false): void {
    if (this.#isOver()) return;
    this.#stop.abort();
    clearTimeout(this.#idleTimer);
    this.#leaps.close();
    this.#status = 'FAILED';
    this.#info = info;
    void this.#connection?.stop();
    if (this.#stream !== undefined) this.#deps.streams.unpublish(this.#stream);
    this.#rejectPlaying(new CaptureEnded(info));
    this.#log.info('capture ended', { reason: info, failed });
    this.#deps.onEnd(this, failed);
  }

  #isOver(): boolean {
    return this.#stop.signal.aborted;
  }

  async #connect(): Promise<ConnectionEnd> {
    this.#timeline.begin();
    const { uri } = this.target;
    const { options } = this.#deps;
    const log = this.#log;
    const feed = new SourceFeed({
      open: (kinds) => this.#open(kinds),
      timeline: this.#timeline,
      lacksDecodeTimes: uri.protocol === 'rtsp',
      log,
    });
    this.#connection = new Connection({ uri, options, feed, log });
    if (this.#isPaused) this.#connection.setPaused(true);
    const end = await this.#connection.ended;
    this.#connection = undefined;
    return end;
  }

  /** A connection has its first sample. */
  #open(kinds: ExpectedKinds): Stream {
    this.#stream ??= this.#tryToPublish(kinds);
    const lost = this.#lost;
    if (lost !== undefined) {
      const gap = { from: lost.at, to: Date.now(), cause: lost.cause };
      this.#log.warn('capture goes on after a gap', {
        from: new Date(gap.from).toISOString(),
        to: new Date(gap.to).toISOString(),
        gapMs: gap.to - gap.from,
        cause: gap.cause,
        retries: this.#retries,
      });
      this.#lost = undefined;
      this.#deps.onGap(this.#stream, gap);
    }
    this.#status = 'PLAYING';
    this.#info = null;
    this.#resolvePlaying(this.#stream);
    return this.#stream;
  }

  /**
   * @throws RecorderdError after which the capture is over: the name was taken meanwhile, a limit is reached, or the
   * server drains.
   */
  #tryToPublish(kinds: ExpectedKinds): Stream {
    try {
      return this.#publish(kinds);
    } catch (error) {
      this.end(refusalOf(error) ?? SHUTDOWN_INFO, true);
      throw error;
    }
  }

  #publish(kinds: ExpectedKinds): Stream {
    const { uri, name } = this.target;
    const stream = this.#deps.streams.publish({
      name,
      mediaSessionId: this.mediaSessionId,
      publisher: publisherOf(uri, (info) => this.end(info)),
      custom: {},
      isPulled: true,
      createdAt: Date.now(),
    });
    stream.expected = kinds;
    stream.setPaused = (isPaused) => {
      this.#isPaused = isPaused;
      this.#connection?.setPaused(isPaused);
    };
    this.#log.info('captured stream published');
    return stream;
  }

  async #onLost(end: ConnectionEnd): Promise<void> {
    const { uri, origin } = this.target;
    const { options } = this.#deps;
    const info = infoOf(end.cause, uri.protocol);
    const hasPlayed = this.#stream !== undefined;
    const level = this.#retries === 0 ? 'warn' : 'debug';
    this.#log[level](hasPlayed ? 'capture lost its source' : 'source does not play', {
      cause: end.cause,
      leaps: this.#timeline.leaps,
      ...end.facts,
    });
    if (hasPlayed ? !options.reconnect : origin !== 'settings') {
      this.end(info, true);
      return;
    }
    this.#status = hasPlayed ? 'RECONNECTING' : 'PENDING';
    this.#info = info;
    if (hasPlayed) this.#lost ??= { at: end.lastMediaAt, cause: end.cause };
    if (end.playedMs >= STABLE_MS) this.#retries = 0;
    const delayMs = Math.min(options.maxRetryMs, options.firstRetryMs * 2 ** Math.min(this.#retries++, 16));
    await this.#reachable(delayMs).catch(() => undefined);
  }

  /**
   * Waits, then until the source takes connections: to look for it costs no child, so that a camera is found again
   * soon after any outage. @throws when the capture ends.
   */
  async #reachable(delayMs: number): Promise<void> {
    const { signal } = this.#stop;
    const { probeMs } = this.#deps.options;
    await sleep(delayMs, undefined, { signal });
    while (!(await accepts(this.target.uri, probeMs))) await sleep(probeMs, undefined, { signal });
    signal.throwIfAborted();
  }

  /** A player's capture ends some time after the last player. */
  #watchUsers(): void {
    clearTimeout(this.#idleTimer);
    if (this.target.origin !== 'player' || this.#users > 0 || this.#isOver()) return;
    this.#idleTimer = setTimeout(() => this.end(SHUTDOWN_INFO), this.#deps.options.playerIdleMs);
  }
}
