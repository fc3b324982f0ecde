import { RecorderdError } from '../../domain/errors.ts';
import type { Logger } from '../../domain/log.ts';
import type {
  Capture,
  CaptureFilter,
  CaptureInfo,
  CaptureRequest,
  Captures,
} from '../../streams/captures.ts';
import type { Stream } from '../../streams/stream.ts';
import type { Streams } from '../../streams/streams.ts';
import { Ticker } from '../../util/ticker.ts';
import { SourceCapture } from './capture.ts';
import type { CaptureDeps, CaptureGap } from './capture.ts';
import type { DeclaredCapture } from '../../domain/declaredCaptures.ts';
import type { PullOptions } from './settings.ts';
import { parseSourceUri } from '../../domain/sourceUri.ts';
import type { SourceUri } from '../../domain/sourceUri.ts';

export interface PulledCapturesDeps {
  readonly streams: Streams;
  readonly log: Logger;
  /** Called right before the first sample after a gap, e.g. to begin a new part there. Must not throw. */
  readonly onGap?: (stream: Stream, gap: CaptureGap) => void;
}

const WATCH_INTERVAL_MS = 500;
const OLDEST_FFMPEG = 5;
const MAX_NAME_CHARACTERS = 1024;

/** Every source that is pulled, by its URI without user and password: one connection for each. */
export class PulledCaptures implements Captures {
  readonly #deps: PulledCapturesDeps;
  readonly #options: PullOptions;
  #declared: readonly DeclaredCapture[] = [];
  readonly #watch = new Ticker(WATCH_INTERVAL_MS);
  readonly #running = new Map<string, SourceCapture>();
  /** Those that did not work, with the timers that forget them. */
  readonly #failed = new Map<string, { readonly info: CaptureInfo; readonly timer: NodeJS.Timeout }>();
  /** Resolve when the child of a capture is gone. */
  readonly #ends = new Set<Promise<void>>();
  #isClosed = false;

  constructor(deps: PulledCapturesDeps, options: PullOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /**
   * Has the captures of the settings be these: ends those that are there no longer, then starts those that are new.
   * One that cannot start is logged and left out; one that is there as before is left alone.
   */
  declare(declared: readonly DeclaredCapture[]): void {
    const gone = this.#declared.filter((each) => !declared.some((other) => isSame(each, other)));
    const added = declared.filter((each) => !this.#declared.some((other) => isSame(each, other)));
    this.#declared = declared;
    for (const { uri } of gone) {
      const capture = this.#running.get(parseSourceUri(uri).shown);
      if (capture?.target.origin === 'settings') capture.end('RtspAgent shutdown');
    }
    for (const { uri, name } of added) {
      try {
        this.start({ uri, name, protocol: parseSourceUri(uri).protocol, origin: 'settings' });
      } catch (err) {
        this.#deps.log.error('capture of the settings cannot start', { streamName: name, err });
      }
    }
  }

  start(request: CaptureRequest): Capture {
    const uri = parseSourceUri(request.uri);
    if (uri.protocol !== request.protocol) {
      throw new RecorderdError('BAD_REQUEST', `Bad URI: its scheme is not one of ${request.protocol}`);
    }
    const known = this.#running.get(uri.shown);
    if (known !== undefined && request.origin === 'player') return known;
    const name = request.name ?? uri.shown;
    this.#refuseIfImpossible(uri, name);
    return this.#begin(new SourceCapture({ uri, name, origin: request.origin }, this.#captureDeps()));
  }

  find(filter: CaptureFilter): readonly CaptureInfo[] {
    const uri = filter.uri === undefined ? undefined : shownOf(filter.uri);
    const wanted = Object.entries({ ...filter, uri }).filter(([, value]) => value !== undefined);
    const all = [
      ...[...this.#running.values()].map((capture) => capture.info),
      ...[...this.#failed.values()].map(({ info }) => info),
    ];
    return all.filter((info) => wanted.every(([field, value]) => Reflect.get(info, field) === value));
  }

  terminate(filter: CaptureFilter, info: string): void {
    const found = this.find(filter);
    if (found.length === 0) throw new RecorderdError('CAPTURE_NOT_FOUND', 'Capture not found');
    for (const { uri } of found) {
      this.#running.get(uri)?.end(info);
      this.#forget(uri);
    }
  }

  /** Ends every capture; resolves when every child is gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const capture of this.#running.values()) capture.end('RtspAgent shutdown');
    for (const uri of this.#failed.keys()) this.#forget(uri);
    await Promise.all(this.#ends);
  }

  #refuseIfImpossible(uri: SourceUri, name: string): void {
    if (this.#isClosed) throw new RecorderdError('SHUTTING_DOWN', 'the server is shutting down');
    if (Number(/^n?(\d+)\./.exec(this.#options.ffmpegVersion)?.[1] ?? OLDEST_FFMPEG) < OLDEST_FFMPEG) {
      throw new RecorderdError('CAPTURE_UNAVAILABLE', `captures need FFmpeg ${OLDEST_FFMPEG}.0 or newer`);
    }
    if (name === '' || name.length > MAX_NAME_CHARACTERS) {
      throw new RecorderdError('BAD_REQUEST', `a name has 1 to ${MAX_NAME_CHARACTERS} characters`);
    }
    if (this.#running.has(uri.shown)) {
      throw new RecorderdError('CAPTURE_IN_USE', `URI is already captured: ${uri.shown}`);
    }
    const isTaken = [...this.#running.values()].some((capture) => capture.target.name === name);
    if (isTaken || this.#deps.streams.byName(name) !== undefined) {
      throw new RecorderdError('STREAM_NAME_IN_USE', `Stream name is already in use: ${name}`);
    }
    // Those that are ending still have their child.
    if (this.#ends.size >= this.#options.maxCaptures) {
      throw new RecorderdError('LIMIT_REACHED', `no more than ${this.#options.maxCaptures} captures`);
    }
  }

  #begin(capture: SourceCapture): SourceCapture {
    const { shown } = capture.target.uri;
    this.#forget(shown);
    this.#running.set(shown, capture);
    const unwatch = this.#watch.add(() => capture.watch());
    const end = capture.run().finally(() => {
      unwatch();
      this.#ends.delete(end);
    });
    this.#ends.add(end);
    return capture;
  }

  #captureDeps(): CaptureDeps {
    const { streams, log, onGap = () => undefined } = this.#deps;
    const onEnd = (capture: SourceCapture, failed: boolean): void => {
      const { shown } = capture.target.uri;
      this.#running.delete(shown);
      if (failed && !this.#isClosed) this.#remember(capture.info);
    };
    return { streams, log, options: this.#options, onGap, onEnd };
  }

  #remember(info: CaptureInfo): void {
    // Bounded like the captures themselves: the oldest goes first.
    const [oldest] = this.#failed.keys();
    if (oldest !== undefined && this.#failed.size >= this.#options.maxCaptures) this.#forget(oldest);
    const timer = setTimeout(() => this.#failed.delete(info.uri), this.#options.failedKeepMs);
    this.#failed.set(info.uri, { info, timer: timer.unref() });
  }

  #forget(uri: string): void {
    clearTimeout(this.#failed.get(uri)?.timer);
    this.#failed.delete(uri);
  }
}

const isSame = (a: DeclaredCapture, b: DeclaredCapture): boolean => a.uri === b.uri && a.name === b.name;

/** A URI as captures are known by; one that is none finds nothing. */
function shownOf(uri: string): string {
  try {
    return parseSourceUri(uri).shown;
  } catch {
    return '';
  }
}
