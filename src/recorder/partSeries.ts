import type { Logger } from '../domain/log.ts';
import { recordName } from '../domain/names.ts';
import type { NameSettings } from '../domain/names.ts';
import { chooseFormat } from '../domain/format.ts';
import { addIncident } from '../domain/incident.ts';
import type { Incident } from '../domain/incident.ts';
import type { PartEvidence } from '../domain/integrityReport.ts';
import type { FinishedPart, RecordingOptions, StopReason } from '../domain/recording.ts';
import type { Stream } from '../streams/stream.ts';
import { AsyncQueue } from '../util/asyncQueue.ts';
import { basename } from 'node:path';
import type { DiskSpace } from './diskSpace.ts';
import { evidenceOf, isTranscoded } from './evidence.ts';
import { Faststart } from './faststart.ts';
import { codecNames, finishPart, nameFactsOf } from './finishPart.ts';
import type { PartFacts } from './finishPart.ts';
import type { FragmentIndexes } from './fragmentIndexes.ts';
import { RecordingJournal } from './journal.ts';
import type { RecordingFacts } from './journal.ts';
import type { RecorderCounts } from './recorderCounts.ts';
import type { Run, WorkPart } from './run.ts';
import type { RecorderSettings } from './settings.ts';

const EXTENSION = /\.(mp4|webm|mkv|ts)$/i;

/** What there is of a recording so far. */
export interface SeriesProgress {
  /** Media that its children were given, about. */
  readonly bytes: number;
  /** Finished parts. */
  readonly parts: number;
  /** When a child took media last, `performance.now()`; undefined before the first child. */
  readonly lastWriteMs: number | undefined;
}

export interface PartSeriesDeps {
  readonly settings: RecorderSettings;
  readonly log: Logger;
  readonly disk: DiskSpace;
  readonly counts: RecorderCounts;
  readonly indexes: FragmentIndexes;
  /** Where the working files are. */
  readonly workDir: string;
  /** The publisher's clock against the server's, parts per million; undefined while unknown. */
  readonly driftPpm: () => number | undefined;
  readonly onPart: (part: FinishedPart, evidence: PartEvidence) => Promise<void>;
}

/** The files of one recording: finishes, names and announces them in the order in which they were recorded. */
export class PartSeries {
  /** Resolves when the series is closed and every part has its final name; never rejects. */
  readonly done: Promise<void>;
  /** Finished parts. */
  count = 0;
  reason: StopReason | undefined;
  readonly #recording: RecordingFacts;
  readonly #journal: RecordingJournal;
  readonly #faststart: Faststart | undefined;
  readonly #stream: Stream;
  readonly #deps: PartSeriesDeps;
  readonly #runs = new AsyncQueue<Run>();
  readonly #runReasons = new WeakMap<Run, StopReason>();
  /** Of a run whose child died at its end: the run with the rest of its media. */
  readonly #repairs = new WeakMap<Run, Run>();
  #newest: Run | undefined;
  /** Given to the runs before the newest. */
  #earlierBytes = 0;
  /** For the next run, which has not begun. */
  readonly #incidents: Incident[] = [];
  /** Of a run that left no file: for the next part. */
  #unfiled: Incident[] = [];

  constructor(id: string, stream: Stream, options: RecordingOptions, deps: PartSeriesDeps) {
    this.#stream = stream;
    this.#deps = deps;
    const { sessionId, login, mediaProvider } = stream.init.publisher;
    this.#recording = {
      recordingId: id,
      streamName: stream.name,
      nameAs: options.fileName?.replace(EXTENSION, '') ?? stream.name,
      ...{ sessionId, mediaSessionId: stream.mediaSessionId, login, mediaProvider },
      names: namesFor(options, deps.settings.names),
      overwrite: options.overwrite ?? false,
    };
    this.#journal = new RecordingJournal(deps.workDir, this.#recording, deps.log);
    this.#faststart = deps.settings.faststart ? new Faststart(deps.disk, deps.log) : undefined;
    this.done = this.#consume();
  }

  get progress(): SeriesProgress {
    const { bytes = 0, takenMs } = this.#newest ?? {};
    return { bytes: this.#earlierBytes + bytes, parts: this.count, lastWriteMs: takenMs };
  }

  /** @param startUs stream time of its first sample, microseconds. */
  addRun(run: Run, startUs: number): void {
    this.#earlierBytes += this.#newest?.bytes ?? 0;
    this.#newest = run;
    for (const incident of this.#incidents.splice(0)) run.tally.report(incident);
    this.#note(run, startUs);
    this.#runs.push(run);
  }

  /** Puts a run right behind one whose child died at its end, and in its place. */
  addRepair(run: Run, repair: Run, startUs: number): void {
    if (this.#newest === run) this.#newest = repair;
    this.#note(repair, startUs, run);
    this.#repairs.set(run, repair);
    const reason = this.#runReasons.get(run);
    if (reason !== undefined) this.#runReasons.set(repair, reason);
    this.#runReasons.set(run, 'child-died');
  }

  #note(run: Run, startUs: number, behind?: Run): void {
    const { format, tracks } = run.plan;
    this.#journal.run({
      prefix: prefixOf(run),
      behind: behind && prefixOf(behind),
      ...{ pid: run.pid, container: format.container, ...codecNames(tracks) },
      isTranscoded: tracks.some((track) => isTranscoded(track, format)),
      ...{ startTimeMs: this.#wallClock(startUs), startedAt: run.startedAt },
    });
  }

  /** Something happened to the media right before the next sample. */
  report(incident: Incident): void {
    this.#deps.counts.incident(incident);
    const isNext = this.#newest === undefined || this.#runReasons.has(this.#newest);
    if (!isNext) this.#newest?.tally.report(incident);
    else addIncident(this.#incidents, incident);
  }

  /** Says why the newest run ends while the recording goes on. */
  endRun(reason: StopReason): void {
    if (this.#newest !== undefined) this.#runReasons.set(this.#newest, reason);
  }

  /** No more runs: the last part of the newest run is the last part of the recording. */
  close(reason: StopReason): void {
    this.reason = reason;
    this.#runs.close();
  }

  /** Name of the running part as far as it is known; `{endTime}` and its like stay as they are. */
  expectedName(): string {
    const tracks = this.#newest?.plan.tracks ?? [...this.#stream.tracks.values()];
    const { container } = this.#newest?.plan.format ?? chooseFormat(tracks, this.#deps.settings.formats);
    const open = this.#newest?.openPart;
    return recordName(this.#recording.names, {
      ...nameFactsOf(this.#recording),
      ...codecNames(tracks),
      ...(open === undefined
        ? {}
        : { startTimeMs: this.#wallClock(open.startUs), startTimeMillis: open.startedAt }),
      partIndex: this.count + 1,
      last: true,
      rotated: this.count > 0,
      extension: container,
    });
  }

  async #consume(): Promise<void> {
    for await (const run of this.#runs) {
      await this.#finishAll(run);
      const repair = this.#repairs.get(run);
      if (repair !== undefined) await this.#finishAll(repair);
    }
  }

  async #finishAll(run: Run): Promise<void> {
    for await (const part of run.parts) {
      const finish = (): Promise<void> => this.#finish(run, part);
      await this.#deps.disk.untilRoom(finish).catch((error: unknown) => {
        this.#deps.counts.partsLeft++;
        this.#deps.log.error('part cannot be finished and stays in the work folder', {
          file: part.path,
          err: error,
        });
      });
    }
    this.#unfiled.push(...run.tally.takeRest().incidents);
  }

  async #finish(run: Run, part: WorkPart): Promise<void> {
    const { settings, counts, indexes, log } = this.#deps;
    await indexes.settled(part.path);
    const last = part.lastOfRun && this.reason !== undefined && run === this.#newest;
    const facts: PartFacts = {
      path: part.path,
      container: run.plan.format.container,
      ...codecNames(run.plan.tracks),
      startTimeMs: this.#wallClock(part.startUs),
      startedAt: part.startedAt,
      // A file that is cut tells its length.
      durationMs: part.ends === undefined ? Math.round((part.endUs - part.startUs) / 1000) : undefined,
      index: this.count + 1,
      last,
      stopReason: this.#reasonOf(run, part, last),
      ends: part.ends,
    };
    const { recordsDir } = settings;
    const place = { recordsDir, journal: this.#journal, faststart: this.#faststart, counts };
    const named = await finishPart(this.#recording, facts, place, log);
    const incidents = [...this.#unfiled, ...part.tally.incidents];
    this.#unfiled = named === undefined ? incidents : [];
    if (named === undefined) return;
    this.count++;
    const { index, endedAt } = named.part;
    const endTimeMs = this.#wallClock(part.endUs);
    const seen = { tally: { ...part.tally, incidents }, exit: part.exit };
    const { ffmpegVersion } = settings;
    const measured = { ffmpegVersion, driftPpm: this.#deps.driftPpm() };
    await this.#deps.onPart(named.part, evidenceOf(run.plan, seen, named.inFile, measured));
    this.#journal.part({ file: basename(part.path), index, endTimeMs, endedAt });
  }

  #wallClock(streamUs: number): number {
    return Math.round((this.#stream.mediaStartedAt ?? Date.now()) + streamUs / 1000);
  }

  #reasonOf(run: Run, part: WorkPart, last: boolean): StopReason {
    if (last) return this.reason ?? 'error';
    return part.lastOfRun ? (this.#runReasons.get(run) ?? 'rotation') : 'rotation';
  }
}

/** What the names of its files begin with. */
function prefixOf({ plan }: Run): string {
  return basename(plan.output).replace(/-.*/, '');
}

/** A fixed name is used as a stream name is by policy `streamName`: nothing in it is filled in, encoded or left out. */
function namesFor({ fileName, template }: RecordingOptions, configured: NameSettings): NameSettings {
  if (fileName !== undefined) {
    return { policy: 'streamName', template: '', encode: undefined, excludeCharacters: '' };
  }
  return template === undefined ? configured : { ...configured, policy: 'template', template };
}
