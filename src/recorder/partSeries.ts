import type { Logger } from '../domain/log.ts';
import { recordName } from '../domain/names.ts';
import type { NameFacts, NameSettings } from '../domain/names.ts';
import { WCS_CODEC_NAMES } from '../domain/codec.ts';
import { chooseFormat } from '../domain/format.ts';
import type { Track } from '../domain/media.ts';
import type { FinishedPart, RecordingOptions, StopReason } from '../domain/recording.ts';
import type { Stream } from '../streams/stream.ts';
import { AsyncQueue } from '../util/asyncQueue.ts';
import { finishFile } from './finisher.ts';
import type { PartStart, Run, WorkPart } from './run.ts';
import type { RecorderSettings } from './settings.ts';

const EXTENSION = /\.(mp4|webm|mkv|ts)$/i;

export interface PartSeriesDeps {
  readonly settings: RecorderSettings;
  readonly log: Logger;
  readonly onPart: (part: FinishedPart) => Promise<void>;
}

/** The files of one recording: finishes, names and announces them in the order in which they were recorded. */
export class PartSeries {
  /** Resolves when the series is closed and every part has its final name; never rejects. */
  readonly done: Promise<void>;
  /** Finished parts. */
  count = 0;
  reason: StopReason | undefined;
  readonly #id: string;
  readonly #stream: Stream;
  readonly #deps: PartSeriesDeps;
  readonly #names: NameSettings;
  /** Takes the place of the stream name where the start gave a file name. */
  readonly #fixedName: string | undefined;
  readonly #overwrite: boolean;
  readonly #runs = new AsyncQueue<Run>();
  readonly #runReasons = new WeakMap<Run, StopReason>();
  #newest: Run | undefined;

  constructor(id: string, stream: Stream, options: RecordingOptions, deps: PartSeriesDeps) {
    this.#id = id;
    this.#stream = stream;
    this.#deps = deps;
    this.#fixedName = options.fileName?.replace(EXTENSION, '');
    this.#names = namesFor(options, deps.settings.names);
    this.#overwrite = options.overwrite ?? false;
    this.done = this.#consume();
  }

  addRun(run: Run): void {
    this.#newest = run;
    this.#runs.push(run);
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
    return recordName(this.#names, {
      ...this.#identity(tracks),
      ...this.#startOf(this.#newest?.openPart),
      partIndex: this.count + 1,
      last: true,
      rotated: this.count > 0,
      extension: container,
    });
  }

  async #consume(): Promise<void> {
    for await (const run of this.#runs) {
      for await (const part of run.parts) {
        await this.#finish(run, part).catch((error: unknown) => {
          this.#deps.log.error('part cannot be finished and stays in the work folder', {
            file: part.path,
            err: error,
          });
        });
      }
    }
  }

  async #finish(run: Run, part: WorkPart): Promise<void> {
    const { settings, log } = this.#deps;
    const last = part.lastOfRun && this.reason !== undefined && run === this.#newest;
    const facts = this.#factsOf(run, part, last);
    const options = { recordsDir: settings.recordsDir, names: this.#names, overwrite: this.#overwrite };
    const file = await finishFile(part.path, facts, options, log);
    if (file === undefined) return;
    this.count++;
    const finished: FinishedPart = {
      recordingId: this.#id,
      mediaSessionId: this.#stream.mediaSessionId,
      sessionId: this.#stream.init.publisher.sessionId,
      streamName: this.#stream.name,
      ...file,
      index: facts.partIndex,
      last,
      startedAt: part.startedAt,
      endedAt: facts.endTimeMillis,
      container: run.plan.format.container,
      videoCodec: facts.videoCodec,
      audioCodec: facts.audioCodec,
      stopReason: this.#reasonOf(run, part, last),
    };
    const { stopReason } = finished;
    log.info('part finished', {
      file: file.path,
      bytes: file.bytes,
      durationMs: file.durationMs,
      last,
      stopReason,
    });
    await this.#deps.onPart(finished);
  }

  #factsOf(
    run: Run,
    part: WorkPart,
    last: boolean,
  ): NameFacts & { durationMs: number; endTimeMillis: number } {
    const durationMs = Math.round((part.endUs - part.startUs) / 1000);
    return {
      ...this.#identity(run.plan.tracks),
      ...this.#startOf(part),
      endTimeMs: this.#wallClock(part.endUs),
      endTimeMillis: part.startedAt + durationMs,
      durationMs,
      partIndex: this.count + 1,
      last,
      rotated: this.count > 0 || !last,
      extension: run.plan.format.container,
    };
  }

  /** Start of a part on the clocks of media and server; what is not known yet is left out. */
  #startOf(part: PartStart | undefined): Pick<NameFacts, 'startTimeMs' | 'startTimeMillis'> {
    if (part === undefined) return {};
    return { startTimeMs: this.#wallClock(part.startUs), startTimeMillis: part.startedAt };
  }

  #wallClock(streamUs: number): number {
    return Math.round((this.#stream.mediaStartedAt ?? Date.now()) + streamUs / 1000);
  }

  #reasonOf(run: Run, part: WorkPart, last: boolean): StopReason {
    if (last) return this.reason ?? 'error';
    return part.lastOfRun ? (this.#runReasons.get(run) ?? 'rotation') : 'rotation';
  }

  #identity(tracks: readonly Track[]): Pick<
    NameFacts,
    'streamName' | 'sessionId' | 'mediaSessionId' | 'login'
  > & {
    videoCodec: string | undefined;
    audioCodec: string | undefined;
  } {
    const { publisher } = this.#stream.init;
    const nameOf = (kind: Track['kind']): string | undefined => {
      const codec = tracks.find((track) => track.kind === kind)?.codec;
      return codec === undefined ? undefined : WCS_CODEC_NAMES[codec];
    };
    return {
      streamName: this.#fixedName ?? this.#stream.name,
      sessionId: publisher.sessionId,
      mediaSessionId: this.#stream.mediaSessionId,
      login: publisher.login,
      videoCodec: nameOf('video'),
      audioCodec: nameOf('audio'),
    };
  }
}

/** A fixed name is used as a stream name is by policy `streamName`: nothing in it is filled in, encoded or left out. */
function namesFor({ fileName, template }: RecordingOptions, configured: NameSettings): NameSettings {
  if (fileName !== undefined) {
    return { policy: 'streamName', template: '', encode: undefined, excludeCharacters: '' };
  }
  return template === undefined ? configured : { ...configured, policy: 'template', template };
}
