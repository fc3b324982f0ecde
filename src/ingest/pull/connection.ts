import type { Logger } from '../../domain/log.ts';
import { ContainerError } from '../../media/demuxed.ts';
import type { Demuxer } from '../../media/demuxed.ts';
import { FlvReader } from '../../media/flvReader.ts';
import { MatroskaReader } from '../../media/matroskaReader.ts';
import { SourceChild } from '../../process/sourceChild.ts';
import type { ChildExit } from '../../process/pipedChild.ts';
import { causeOf } from './failures.ts';
import type { FailureCause } from './failures.ts';
import type { PullOptions } from './settings.ts';
import { NoUsableTrack } from './sourceFeed.ts';
import type { SourceFeed } from './sourceFeed.ts';
import { sourcePlan, TIME_SCALE } from './sourcePlan.ts';
import { withoutSecrets } from '../../domain/sourceUri.ts';
import type { SourceUri } from '../../domain/sourceUri.ts';

/** How a connection ended. */
export interface ConnectionEnd {
  readonly cause: FailureCause;
  /** Milliseconds that media flowed. */
  readonly playedMs: number;
  /** When media came last, milliseconds since the epoch. */
  readonly lastMediaAt: number;
  /** For the log; without secrets. */
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface ConnectionDeps {
  readonly uri: SourceUri;
  readonly options: PullOptions;
  readonly feed: SourceFeed;
  readonly log: Logger;
}

/** One connection to a source: a child, its output read into a feed, and a watch over its progress. */
export class Connection {
  /** Resolves when the child is gone; never rejects. */
  readonly ended: Promise<ConnectionEnd>;
  readonly #deps: ConnectionDeps;
  readonly #child: SourceChild;
  readonly #reader: Demuxer;
  readonly #startedMs = performance.now();
  /** When bytes came last; the start until then. */
  #progressMs = this.#startedMs;
  #firstBytesMs: number | undefined;
  #isPaused = false;
  #cause: FailureCause | undefined;
  #error: unknown;

  constructor(deps: ConnectionDeps) {
    const { uri, options, feed } = deps;
    this.#deps = deps;
    this.#reader =
      uri.protocol === 'rtsp'
        ? new MatroskaReader(feed, { maxElementBytes: options.maxFrameBytes, timeScale: TIME_SCALE })
        : new FlvReader(feed, options.maxFrameBytes);
    const plan = sourcePlan(uri, options);
    this.#child = new SourceChild({
      command: options.ffmpegPath,
      args: plan.args,
      input: plan.input,
      onData: (chunk) => this.#onData(chunk),
    });
    deps.log.debug('source child started', { pid: this.#child.pid });
    this.ended = this.#child.exited.then((exit) => this.#judge(exit));
  }

  /** Ends a connection without progress. To be called a few times within the time limits. */
  watch(): void {
    if (this.#isPaused || this.#cause !== undefined) return;
    const { connectTimeoutMs, stallTimeoutMs } = this.#deps.options;
    const isFlowing = this.#firstBytesMs !== undefined;
    const limitMs = isFlowing ? stallTimeoutMs : connectTimeoutMs;
    if (performance.now() - this.#progressMs < limitMs) return;
    // FFmpeg hears no SIGTERM while it waits for its peer.
    this.#end(isFlowing ? 'silent' : 'connect');
  }

  /** Leaves the source's media in the pipe, or goes on. */
  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#progressMs = performance.now();
    if (isPaused) this.#child.pause();
    else this.#child.resume();
  }

  /** Ends the connection, with a goodbye to the source where the protocol has one. */
  async stop(): Promise<void> {
    this.#cause ??= 'ended';
    await this.#child.stop(this.#deps.options.stopGraceMs);
  }

  #onData(chunk: Buffer): void {
    // After the end is decided, the child is only emptied.
    if (this.#cause !== undefined) return;
    this.#progressMs = performance.now();
    this.#firstBytesMs ??= this.#progressMs;
    try {
      this.#reader.write(chunk);
    } catch (error) {
      this.#error = error;
      this.#end(causeOfError(error));
    }
  }

  #end(cause: FailureCause): void {
    this.#cause = cause;
    this.#child.kill();
  }

  #judge(exit: ChildExit): ConnectionEnd {
    const { uri } = this.#deps;
    const lines = exit.lastLines.map((line) => withoutSecrets(line, uri));
    const cause = this.#cause ?? this.#causeOfExit(exit.lastLines);
    const playedMs = this.#firstBytesMs === undefined ? 0 : this.#progressMs - this.#firstBytesMs;
    const { code, signal } = exit;
    const facts = { pid: this.#child.pid, code, signal, lastLines: lines.slice(-10), err: this.#error };
    const lastMediaAt = Math.round(Date.now() - (performance.now() - this.#progressMs));
    return { cause, playedMs: Math.round(playedMs), lastMediaAt, facts };
  }

  /** An exit with code 0 says nothing: FFmpeg has it for cameras that are cut off, too. */
  #causeOfExit(lines: readonly string[]): FailureCause {
    const told = causeOf(lines);
    if (this.#firstBytesMs === undefined) return told ?? 'format';
    if (told !== 'connect') return told ?? 'ended';
    return lines.some((line) => /timed out/i.test(line)) ? 'silent' : 'ended';
  }
}

function causeOfError(error: unknown): FailureCause {
  if (error instanceof NoUsableTrack) return error.isUnconfigured ? 'format' : 'codecs';
  return error instanceof ContainerError ? 'format' : 'ended';
}
