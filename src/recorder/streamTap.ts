import type { Incident } from '../domain/incident.ts';
import type { Logger } from '../domain/log.ts';
import { sameDecoder } from '../domain/media.ts';
import type { Sample, Track } from '../domain/media.ts';
import type { StopReason } from '../domain/recording.ts';
import type { Stream, StreamSubscriber } from '../streams/stream.ts';
import type { Recording } from './recording.ts';
import { RecordingTime } from './recordingTime.ts';
import type { RecorderSettings } from './settings.ts';

export interface StreamTapDeps {
  readonly reconnect: RecorderSettings['reconnect'];
  readonly log: Logger;
  /** Called when nothing is recorded any more. */
  readonly onEmpty: () => void;
}

/**
 * The place where a stream's recording is exchanged: a new recording takes over at a key frame, so that the old one
 * ends right before it and no sample between the two is lost. When the stream ends and another of its name is
 * published soon, the recording goes on with that one.
 */
export class StreamTap implements StreamSubscriber {
  /** Resolves when nothing of this tap is recorded or being finished any more; never rejects. */
  readonly done: Promise<void>;
  readonly #deps: StreamTapDeps;
  readonly #onEmpty: () => void;
  readonly #ending = new Set<Promise<void>>();
  #stream: Stream;
  #current: Recording | undefined;
  #next: Recording | undefined;
  #unsubscribe: (() => void) | undefined;
  /** Kept only where a recording may go on with another stream. */
  #time: RecordingTime | undefined;
  /** When the stream ended, monotonic milliseconds; undefined once its successor's media has come. */
  #leftMs: number | undefined;
  #wait: NodeJS.Timeout | undefined;
  /** Tracks of the stream that ended which its successor has not told yet. */
  #before = new Map<number, Track>();

  constructor(stream: Stream, deps: StreamTapDeps) {
    this.#stream = stream;
    this.#deps = deps;
    let isDone: () => void = () => undefined;
    this.done = new Promise((resolve) => (isDone = resolve));
    this.#onEmpty = () => {
      isDone();
      deps.onEmpty();
    };
  }

  /** The stream that is recorded, or was until its publisher went away. */
  get stream(): Stream {
    return this.#stream;
  }

  /** The recording that a stop would end: the one asked for last. */
  get recording(): Recording | undefined {
    return this.#next ?? this.#current;
  }

  /** True while the recording waits for its stream to be published again. */
  get isAway(): boolean {
    return this.#wait !== undefined;
  }

  /** Starts `recording` from the cached key frame, or at the next key frame in place of the running one. */
  start(recording: Recording): void {
    void this.#next?.stop('replaced');
    this.#next = undefined;
    if (this.#current?.isActive === true) {
      this.#next = recording;
      return;
    }
    this.#unsubscribe?.();
    this.#begin(recording);
    this.#unsubscribe = this.#stream.subscribe(this);
  }

  /** See {@link Recording.beginPart}. */
  beginPart(reason: StopReason): void {
    this.#current?.beginPart(reason);
  }

  /** The recording that waits goes on with `stream`, from its first media on. */
  follow(stream: Stream): void {
    clearTimeout(this.#wait);
    this.#wait = undefined;
    this.#before = new Map(this.#stream.tracks);
    this.#stream = stream;
    this.#time?.begin();
    this.#unsubscribe = stream.subscribe(this);
  }

  onTrack(track: Track): void {
    const before = this.#before.get(track.id);
    this.#before.delete(track.id);
    if (before !== undefined && !sameDecoder(before, track)) this.beginPart('gap');
    this.#current?.onTrack(track);
  }

  onSample(sample: Sample): void {
    let placed = this.#time === undefined ? sample : this.#time.place(sample);
    if (placed === undefined) return;
    if (this.#leftMs !== undefined) this.#onBack(placed.dts);
    if (this.#next !== undefined && this.#current?.isBoundary(placed) === true) {
      this.#exchange(this.#next);
      placed = this.#time?.place(sample) ?? sample;
    }
    this.#current?.onSample(placed);
  }

  onFlush(): void {
    this.#current?.flush();
  }

  onIncident(incident: Incident): void {
    this.#current?.onIncident(incident);
  }

  onEnd(): void {
    const { windowMs } = this.#deps.reconnect;
    const recording = windowMs > 0 && this.#next === undefined ? this.#current : undefined;
    if (recording?.settle() === true) this.#await(windowMs, recording);
    else void this.stop('publisher-left');
  }

  /** Ends what is recorded; resolves when its files are final. */
  async stop(reason: StopReason): Promise<void> {
    clearTimeout(this.#wait);
    this.#wait = undefined;
    this.#unsubscribe?.();
    if (this.#next !== undefined) this.#end(this.#next, reason);
    if (this.#current !== undefined) this.#end(this.#current, reason);
    this.#next = undefined;
    this.#current = undefined;
    await Promise.all(this.#ending);
    this.#onEmpty();
  }

  /** A stream that came back without media does not prolong the wait. */
  #await(windowMs: number, { id }: Recording): void {
    const nowMs = performance.now();
    this.#leftMs ??= nowMs;
    const waitMs = Math.max(0, this.#leftMs + windowMs - nowMs);
    this.#wait = setTimeout(() => void this.stop('publisher-left'), waitMs);
    const { name, mediaSessionId } = this.#stream;
    const facts = { recordingId: id, stream: name, mediaSessionId, waitMs: Math.round(waitMs) };
    this.#deps.log.info('publisher is away: its recording waits', facts);
  }

  /** The first media of the next publication has come. */
  #onBack(fromUs: number): void {
    this.#leftMs = undefined;
    this.#current?.follow(this.#stream, fromUs);
    const awayMs = Math.round(this.#time?.awayMs ?? 0);
    const to = Date.now();
    const { name, mediaSessionId } = this.#stream;
    this.#deps.log.warn('recording goes on after its publisher was away', {
      ...{ recordingId: this.#current?.id, stream: name, mediaSessionId },
      ...{ from: new Date(to - awayMs).toISOString(), to: new Date(to).toISOString(), awayMs },
    });
    this.#stream.report({ cause: 'publisher-away', from: to - awayMs, to, lostMs: awayMs });
  }

  #begin(recording: Recording): void {
    const { windowMs, policy } = this.#deps.reconnect;
    this.#current = recording;
    this.#leftMs = undefined;
    this.#before.clear();
    this.#time = windowMs > 0 ? new RecordingTime(policy !== 'squeeze') : undefined;
  }

  #exchange(next: Recording): void {
    if (this.#current !== undefined) this.#end(this.#current, 'replaced');
    this.#next = undefined;
    this.#begin(next);
    for (const track of this.#stream.tracks.values()) next.onTrack(track);
  }

  #end(recording: Recording, reason: StopReason): void {
    const ending = recording.stop(reason).finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}
