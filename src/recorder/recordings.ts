import { basename, join } from 'node:path';
import { RecorderdError } from '../domain/errors.ts';
import type { Logger } from '../domain/log.ts';
import type { FinishedPart, RecordingInfo, RecordingOptions, StopReason } from '../domain/recording.ts';
import type { Stream } from '../streams/stream.ts';
import type { Streams } from '../streams/streams.ts';
import { Ticker } from '../util/ticker.ts';
import { makeFolder } from './makeFolder.ts';
import { Recording } from './recording.ts';
import { leftBehind, recover } from './recovery.ts';
import type { RecorderSettings } from './settings.ts';
import { StreamTap } from './streamTap.ts';

export interface RecordingsDeps {
  readonly streams: Streams;
  readonly settings: RecorderSettings;
  readonly log: Logger;
  /** True when a stream is recorded without being asked. */
  readonly isAutomatic: (stream: Stream) => boolean;
  /** Takes over a finished part, e.g. for the hook; awaited. */
  readonly onPart: (part: FinishedPart) => Promise<void>;
}

/** Every running recording, by media session. */
export class Recordings {
  readonly #deps: RecordingsDeps;
  readonly #batches: Ticker;
  /** Taps whose recording can be asked about and stopped, by media session. */
  readonly #taps = new Map<string, StreamTap>();
  /** These and the ones whose files are still being finished. */
  readonly #open = new Set<StreamTap>();
  /** Bare name of the newest finished part of each stream. */
  readonly #newestNames = new WeakMap<Stream, string>();
  #draining = false;
  /** What an earlier process left behind. */
  #left: readonly string[] = [];
  #recovery: Promise<void> | undefined;

  constructor(deps: RecordingsDeps) {
    this.#deps = deps;
    this.#batches = new Ticker(deps.settings.batchMs);
  }

  /**
   * Makes the records folder ready and starts recording streams as they are published.
   * @throws when the folder cannot be made or written.
   */
  async open(): Promise<void> {
    const { settings, streams, log } = this.#deps;
    const workDir = join(settings.recordsDir, '.work');
    await makeFolder(workDir);
    this.#left = await leftBehind(settings.recordsDir);
    if (this.#left.length > 0)
      log.warn('an earlier run left unfinished recordings', { folder: workDir, recordings: this.#left });
    streams.events.on('published', (stream) => {
      if (!this.#draining && this.#deps.isAutomatic(stream)) this.start(stream, {});
    });
  }

  /** Finishes what an earlier process left behind; resolves when that is done. */
  recover(): Promise<void> {
    const { settings, log, onPart } = this.#deps;
    this.#recovery ??= recover(this.#left, { recordsDir: settings.recordsDir, log, onPart });
    return this.#recovery;
  }

  /**
   * Records a stream. A running recording of it ends at the next key frame, where this one begins.
   * @throws RecorderdError SHUTTING_DOWN while draining; LIMIT_REACHED when as many are open as may be;
   * RECORDING_FAILED when it ended as soon as it began.
   */
  start(stream: Stream, options: RecordingOptions): void {
    if (this.#draining) throw new RecorderdError('SHUTTING_DOWN', 'the server is shutting down');
    const { settings, log } = this.#deps;
    if (!this.#taps.has(stream.mediaSessionId) && this.#open.size >= settings.maxRecordings) {
      throw new RecorderdError('LIMIT_REACHED', `no more than ${settings.maxRecordings} recordings`);
    }
    const onPart = async (part: FinishedPart): Promise<void> => {
      this.#newestNames.set(stream, basename(part.path));
      await this.#deps.onPart(part);
    };
    const recording = new Recording(stream, options, { settings, log, onPart, batches: this.#batches });
    log.info('recording started', {
      recordingId: recording.id,
      stream: stream.name,
      mediaSessionId: stream.mediaSessionId,
    });
    (this.#taps.get(stream.mediaSessionId) ?? this.#tap(stream)).start(recording);
    if (!recording.isActive && !stream.ended) {
      throw new RecorderdError('RECORDING_FAILED', `${stream.name} cannot be recorded; the log tells why`);
    }
  }

  /**
   * Ends the recording of a media session; resolves when its files are final.
   * @throws RecorderdError RECORDING_NOT_FOUND
   */
  async stop(mediaSessionId: string): Promise<void> {
    const tap = this.#taps.get(mediaSessionId);
    if (tap?.recording?.isActive !== true) {
      throw new RecorderdError(
        'RECORDING_NOT_FOUND',
        `mediaSessionId ${mediaSessionId} is not being recorded`,
      );
    }
    this.#taps.delete(mediaSessionId);
    await tap.stop('rest-stop');
  }

  /** What is recorded of a stream goes on in a new part with the media that comes next. */
  beginPart(stream: Stream, reason: StopReason): void {
    this.#taps.get(stream.mediaSessionId)?.beginPart(reason);
  }

  /** Recordings that run now. */
  list(): readonly RecordingInfo[] {
    return [...this.#taps.keys()].map((id) => this.of(id)).filter((info) => info !== undefined);
  }

  of(mediaSessionId: string): RecordingInfo | undefined {
    const recording = this.#taps.get(mediaSessionId)?.recording;
    if (recording?.isActive !== true) return undefined;
    return { mediaSessionId, fileName: recording.fileName, startedAt: recording.startedAt };
  }

  /** Resolves when no file of a stream is unfinished: with the bare name of its newest part, if there is one. */
  async whenFinal(stream: Stream): Promise<string | undefined> {
    await Promise.all([...this.#open].filter((tap) => tap.stream === stream).map((tap) => tap.done));
    return this.#newestNames.get(stream);
  }

  /** Refuses new recordings, ends the running ones and resolves when every file is final. */
  async close(): Promise<void> {
    this.#draining = true;
    await Promise.all([...[...this.#open].map((tap) => tap.stop('shutdown')), this.#recovery]);
  }

  #tap(stream: Stream): StreamTap {
    const id = stream.mediaSessionId;
    const tap = new StreamTap(stream, () => {
      this.#open.delete(tap);
      if (this.#taps.get(id) === tap) this.#taps.delete(id);
    });
    this.#taps.set(id, tap);
    this.#open.add(tap);
    return tap;
  }
}
