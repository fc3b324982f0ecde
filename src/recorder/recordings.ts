import { EventEmitter } from 'node:events';
import { basename, join } from 'node:path';
import { RecorderdError } from '../domain/errors.ts';
import type { PartEvidence } from '../domain/integrityReport.ts';
import type { Logger } from '../domain/log.ts';
import type {
  FinishedPart,
  RecordingInfo,
  RecordingLoad,
  RecordingOptions,
  StopReason,
} from '../domain/recording.ts';
import type { Stream } from '../streams/stream.ts';
import type { Streams } from '../streams/streams.ts';
import { Ticker } from '../util/ticker.ts';
import { Turns } from '../util/turns.ts';
import type { DiskSpace } from './diskSpace.ts';
import { waitedForRoom } from './evidence.ts';
import { FragmentIndexes } from './fragmentIndexes.ts';
import { makeFolder } from './makeFolder.ts';
import { hurry, onDemandSettings } from './onDemand.ts';
import { Recording, type RecordingDeps } from './recording.ts';
import { RecorderCounts } from './recorderCounts.ts';
import { leftBehind, recover } from './recovery.ts';
import type { RecorderSettings } from './settings.ts';
import { StreamTap } from './streamTap.ts';
import { WaitingStreams } from './waitingStreams.ts';
import { WorkSync } from './workSync.ts';

export interface RecordingsDeps {
  readonly streams: Streams;
  /** `batchMs` and `syncMs` are those of the start; the rest can be replaced by {@link Recordings.use}. */
  readonly settings: RecorderSettings;
  readonly log: Logger;
  readonly disk: DiskSpace;
  /** True when a stream is recorded without being asked. */
  readonly isAutomatic: (stream: Stream) => boolean;
  /** Takes over a finished part, e.g. for the hook; awaited. */
  readonly onPart: (part: FinishedPart, evidence: PartEvidence) => Promise<void>;
  /** Open recordings of other processes, which count with those of this one; absent: there are none. */
  readonly others?: () => number;
  /** Absent: those of the usual pace. */
  readonly indexes?: FragmentIndexes;
}

interface RecordingsEvents {
  /** A recording that has no file yet. */
  began: [id: string];
  /** It has no file to come any more. */
  over: [id: string];
  /** It is not counted as open any more. */
  closed: [];
}

/** Every running recording, by media session. */
export class Recordings {
  readonly events = new EventEmitter<RecordingsEvents>();
  readonly counts = new RecorderCounts();
  #deps: RecordingsDeps;
  /** By all recordings, over all settings. */
  readonly #shared: Pick<RecordingDeps, 'batches' | 'turns' | 'sync' | 'indexes' | 'counts'>;
  /** Taps whose recording can be asked about and stopped, by media session. */
  readonly #taps = new Map<string, StreamTap>();
  /** These and the ones whose files are still being finished. */
  readonly #open = new Set<StreamTap>();
  /** Bare name of the newest finished part of each stream. */
  readonly #newestNames = new WeakMap<Stream, string>();
  readonly #waiting: WaitingStreams;
  /** Ids of recordings that have files to come. */
  readonly #unfinished = new Set<string>();
  #draining = false;
  #recovery: Promise<void> = Promise.resolve();

  constructor(deps: RecordingsDeps) {
    this.#deps = deps;
    this.#waiting = new WaitingStreams(deps.log);
    this.#shared = {
      ...{ batches: new Ticker(deps.settings.batchMs), turns: new Turns(), counts: this.counts },
      sync: new WorkSync(deps.settings.syncMs, deps.log),
      indexes: deps.indexes ?? new FragmentIndexes(),
    };
  }

  /**
   * Makes the records folder ready and starts recording streams as they are published.
   * @throws when the folder cannot be made or written.
   */
  async open(): Promise<void> {
    const { settings, streams, disk, isAutomatic } = this.#deps;
    await makeFolder(join(settings.recordsDir, '.work'));
    streams.events.on('published', (stream) => {
      if (this.#draining || this.#goesOn(stream) || !isAutomatic(stream)) return;
      this.#admit(stream);
      if (disk.state === 'full') this.#waiting.add(stream, {});
      else this.#begin(stream, {});
    });
    streams.events.on('unpublished', ({ mediaSessionId }) => this.#waiting.delete(mediaSessionId));
    disk.events.on('full', () => this.#suspend());
    disk.events.on('room', () => this.#resume());
  }

  /** Takes other settings for the recordings that begin from now on. */
  use(settings: RecorderSettings): void {
    this.#deps = { ...this.#deps, settings };
  }

  /** Looks for what an earlier process left behind, which is unfinished from now on. @throws the system's error. */
  async findLeft(): Promise<readonly string[]> {
    const { settings, log } = this.#deps;
    const recordings = await leftBehind(settings.recordsDir);
    for (const id of recordings) this.#unfinished.add(id);
    const folder = join(settings.recordsDir, '.work');
    if (recordings.length > 0) log.warn('an earlier run left unfinished recordings', { folder, recordings });
    return recordings;
  }

  /** Finishes what another process left behind; resolves when that is done. Never rejects. */
  recover(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#unfinished.add(id);
    const { settings, disk, log } = this.#deps;
    const { recordsDir, faststart } = settings;
    const { counts } = this;
    const onPart = async (part: FinishedPart, evidence: PartEvidence): Promise<void> => {
      for (const incident of evidence.incidents) counts.incident(incident);
      await this.#deps.onPart(part, evidence);
    };
    const onEnd = (id: string): void => this.#finished(id);
    const recovered = recover(ids, { recordsDir, faststart, disk, counts, log, onPart, onEnd });
    this.#recovery = Promise.all([this.#recovery, recovered]).then(() => undefined);
    return recovered;
  }

  /**
   * Records a stream. A running recording of it ends at the next key frame, where this one begins.
   * @throws RecorderdError SHUTTING_DOWN while draining; LIMIT_REACHED when as many are open as may be; DISK_FULL;
   * RECORDING_FAILED when it ended as soon as it began.
   */
  start(stream: Stream, options: RecordingOptions): void {
    if (this.#draining) throw new RecorderdError('SHUTTING_DOWN', 'the server is shutting down');
    this.#admit(stream);
    const isFull = this.#deps.disk.state === 'full';
    if (!isFull && (this.#beginOnDemand(stream, options).isActive || stream.ended)) return;
    // A start that filled the disk is refused like one that found it full.
    if (isFull || this.#waiting.delete(stream.mediaSessionId)) {
      throw new RecorderdError('DISK_FULL', 'the disk is full; try again when it has room');
    }
    throw new RecorderdError('RECORDING_FAILED', `${stream.name} cannot be recorded; the log tells why`);
  }

  /** @throws RecorderdError LIMIT_REACHED when as many recordings are open, or wait for room, as may be. */
  #admit({ mediaSessionId }: Stream): void {
    const { maxRecordings } = this.#deps.settings;
    if (this.#taps.has(mediaSessionId) || this.#waiting.has(mediaSessionId)) return;
    const count = this.#open.size + this.#waiting.size + (this.#deps.others?.() ?? 0);
    if (count < maxRecordings) return;
    throw new RecorderdError('LIMIT_REACHED', `no more than ${maxRecordings} recordings`);
  }

  /** Gives a stream its recording that waits for it. @returns false when there is none, or the publisher wants none. */
  #goesOn(stream: Stream): boolean {
    const tap = [...this.#taps.values()].find((each) => each.isAway && each.stream.name === stream.name);
    if (tap === undefined) return false;
    this.#taps.delete(tap.stream.mediaSessionId);
    const isUnwanted = stream.init.record === false && tap.stream.init.record !== false;
    if (isUnwanted || tap.recording?.isActive !== true) {
      void tap.stop('publisher-left');
      return false;
    }
    tap.follow(stream);
    this.#taps.set(stream.mediaSessionId, tap);
    return true;
  }

  #beginOnDemand(stream: Stream, options: RecordingOptions): Recording {
    const { settings } = this.#deps;
    const recording = this.#begin(stream, options, onDemandSettings(stream, settings));
    hurry(stream, recording, settings);
    return recording;
  }

  #begin(stream: Stream, options: RecordingOptions, settings = this.#deps.settings): Recording {
    const { disk, log } = this.#deps;
    const tap = this.#taps.get(stream.mediaSessionId) ?? this.#tap(stream);
    const onPart = async (part: FinishedPart, evidence: PartEvidence): Promise<void> => {
      this.#newestNames.set(tap.stream, basename(part.path));
      await this.#deps.onPart(part, evidence);
    };
    const recording = new Recording(stream, options, { settings, disk, log, onPart, ...this.#shared });
    this.counts.recordingsStarted++;
    this.#unfinished.add(recording.id);
    this.events.emit('began', recording.id);
    void recording.done.then(() => this.#finished(recording.id));
    log.info('recording started', {
      recordingId: recording.id,
      stream: stream.name,
      mediaSessionId: stream.mediaSessionId,
    });
    tap.start(recording);
    return recording;
  }

  #finished(id: string): void {
    this.#unfinished.delete(id);
    this.counts.recordingsFinished++;
    this.events.emit('over', id);
  }

  /**
   * Ends the recording of a media session, or that it waits for room; resolves when its files are final.
   * @throws RecorderdError RECORDING_NOT_FOUND; DISK_FULL when it ended, but its files must wait for room.
   */
  async stop(mediaSessionId: string): Promise<void> {
    if (this.#waiting.delete(mediaSessionId)) return;
    const tap = this.#taps.get(mediaSessionId);
    if (tap?.recording?.isActive !== true) {
      throw new RecorderdError(
        'RECORDING_NOT_FOUND',
        `mediaSessionId ${mediaSessionId} is not being recorded`,
      );
    }
    this.#taps.delete(mediaSessionId);
    const isFinal = await this.#deps.disk.unlessFull(tap.stop('rest-stop'));
    if (!isFinal)
      throw new RecorderdError('DISK_FULL', 'the recording ended; the disk must have room to finish it');
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
    const { stream, recording } = this.#taps.get(mediaSessionId) ?? {};
    if (stream === undefined || recording?.isActive !== true) return undefined;
    const { fileName, startedAt, progress } = recording;
    const { bytes, parts, lastWriteMs } = progress;
    const lastWriteAgeMs = lastWriteMs === undefined ? null : Math.round(performance.now() - lastWriteMs);
    const of = { recordingId: recording.id, mediaSessionId, streamName: stream.name };
    return { ...of, fileName, startedAt, bytes, parts, lastWriteAgeMs };
  }

  /** How many there are now. */
  load(): RecordingLoad {
    const active = [...this.#taps.values()].filter((tap) => tap.recording?.isActive === true).length;
    return { active, finishing: this.#open.size - active, waiting: this.#waiting.size };
  }

  /** Ids of recordings that have files to come, those that an earlier process left included. */
  get unfinished(): ReadonlySet<string> {
    return this.#unfinished;
  }

  /** Media sessions that are recorded as soon as the disk has room. */
  get waiting(): readonly string[] {
    return this.#waiting.ids;
  }

  /** Names of streams that ended, and whose recordings go on when they are published again. */
  get awaitedNames(): readonly string[] {
    return [...this.#taps.values()].filter((tap) => tap.isAway).map((tap) => tap.stream.name);
  }

  isWaiting(mediaSessionId: string): boolean {
    return this.#waiting.has(mediaSessionId);
  }

  /** Resolves when no file of a stream is unfinished, but for one that waits for the stream to be published again. */
  async whenFinal(stream: Stream): Promise<string | undefined> {
    const isFinal = (tap: StreamTap): boolean => tap.stream === stream && !tap.isAway;
    await Promise.all([...this.#open].filter(isFinal).map((tap) => tap.done));
    return this.#newestNames.get(stream);
  }

  /** Refuses new recordings, ends the running ones and resolves when every file is final. */
  async close(): Promise<void> {
    this.#draining = true;
    this.#waiting.clear();
    await Promise.all([...[...this.#open].map((tap) => tap.stop('shutdown')), this.#recovery]);
  }

  /** The disk is full: ends every recording, to go on by {@link #resume}. */
  #suspend(): void {
    if (this.#draining) return;
    for (const [id, tap] of this.#taps) {
      const { recording } = tap;
      if (recording?.isActive !== true) continue;
      this.#taps.delete(id);
      // What has been recorded must not be replaced by what comes later.
      if (!tap.isAway) this.#waiting.add(tap.stream, { ...recording.options, overwrite: false });
      void tap.stop('disk-full');
    }
  }

  #resume(): void {
    for (const { stream, options, since } of this.#waiting.take()) {
      const waited = waitedForRoom(stream, since);
      this.#begin(stream, options).onIncident(waited);
      if (this.#deps.disk.state === 'full') return;
    }
  }

  #tap(stream: Stream): StreamTap {
    const { settings, log } = this.#deps;
    const onEmpty = (): void => {
      this.#open.delete(tap);
      const id = tap.stream.mediaSessionId;
      if (this.#taps.get(id) === tap) this.#taps.delete(id);
      this.events.emit('closed');
    };
    const tap = new StreamTap(stream, { reconnect: settings.reconnect, log, onEmpty });
    this.#taps.set(stream.mediaSessionId, tap);
    this.#open.add(tap);
    return tap;
  }
}
