import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { chooseFormat } from '../domain/format.ts';
import type { Logger } from '../domain/log.ts';
import { sameTrack } from '../domain/media.ts';
import type { Sample, Track } from '../domain/media.ts';
import { NEXT_STATES } from '../domain/recording.ts';
import type { FinishedPart, RecordingOptions, RecordingState, StopReason } from '../domain/recording.ts';
import type { Rotation } from '../domain/rotation.ts';
import { fitsFlv } from '../media/flvWriter.ts';
import type { ChildExit } from '../process/pipedChild.ts';
import type { Stream } from '../streams/stream.ts';
import { ErrorBudget } from '../util/errorBudget.ts';
import type { Ticker } from '../util/ticker.ts';
import type { RunPlan } from './ffmpegArgs.ts';
import { PartSeries } from './partSeries.ts';
import { Run } from './run.ts';
import type { RecorderSettings } from './settings.ts';
import { TrackGate } from './trackGate.ts';

export interface RecordingDeps {
  readonly settings: RecorderSettings;
  readonly batches: Ticker;
  readonly log: Logger;
  /** Called for each finished part, in order; awaited before the recording is done. */
  readonly onPart: (part: FinishedPart) => Promise<void>;
}

/**
 * One recording of one stream: decides when a child starts, when it is swapped for another, and when it ends.
 * Samples wait here (`held`) until a child with the right tracks can take them, so that nothing is lost at a swap.
 */
export class Recording {
  readonly id = randomUUID();
  readonly stream: Stream;
  readonly startedAt = Date.now();
  readonly #deps: RecordingDeps;
  readonly #rotation: Rotation;
  readonly #log: Logger;
  readonly #workDir: string;
  readonly #gate: TrackGate;
  readonly #errors: ErrorBudget;
  readonly #series: PartSeries;
  readonly #tracks = new Map<number, Track>();
  #state: RecordingState = 'starting';
  #run: Run | undefined;
  #runs = 0;
  #held: Sample[] = [];
  #heldBytes = 0;
  #swapReason: StopReason | undefined;

  constructor(stream: Stream, options: RecordingOptions, deps: RecordingDeps) {
    this.stream = stream;
    this.#deps = deps;
    this.#rotation = options.rotation ?? deps.settings.rotation;
    this.#log = deps.log.child({
      recordingId: this.id,
      stream: stream.name,
      mediaSessionId: stream.mediaSessionId,
    });
    this.#workDir = join(deps.settings.recordsDir, '.work', this.id);
    this.#errors = new ErrorBudget(deps.settings.maxErrors, deps.settings.errorIntervalMs);
    this.#gate = new TrackGate(stream, deps.settings.trackWaitMs, () => this.#startIfReady());
    this.#series = new PartSeries(this.id, stream, options, { ...deps, log: this.#log });
  }

  /** False once it was asked to end. */
  get isActive(): boolean {
    return this.#state === 'starting' || this.#state === 'recording';
  }

  /** The name the file will have, as far as it is known now. */
  get fileName(): string {
    return this.#series.expectedName();
  }

  /** A track appeared or changed: its samples wait for a child that declares it, from the next boundary on. */
  onTrack(track: Track): void {
    this.#tracks.set(track.id, track);
    if (this.#run !== undefined && this.#isForeign(track)) this.#swapReason ??= 'track-change';
  }

  onSample(sample: Sample): void {
    if (!this.isActive) return;
    if (this.#run === undefined) {
      this.#hold(sample);
      this.#startIfReady();
      return;
    }
    const boundary = this.isBoundary(sample);
    if (boundary && this.#rotationIsDue(this.#run)) this.#swapReason ??= 'rotation';
    if (boundary && this.#swapReason !== undefined) this.#swap(this.#swapReason);
    const track = this.#tracks.get(sample.trackId);
    if (track === undefined || !this.#isForeign(track)) {
      this.#run.push(sample);
      return;
    }
    this.#hold(sample);
    if (this.#heldBytes > this.#deps.settings.bufferMaxBytes) this.#swap('track-change');
  }

  /** True where a new file can begin without losing a picture: at a video key frame, anywhere in audio alone. */
  isBoundary(sample: Sample): boolean {
    const hasVideo = [...this.#tracks.values()].some((track) => track.kind === 'video');
    return hasVideo ? sample.key && this.#tracks.get(sample.trackId)?.kind === 'video' : true;
  }

  /** Ends the recording; resolves when every part has its final name. The first reason given is kept. */
  async stop(reason: StopReason): Promise<void> {
    if (this.isActive) {
      this.#move('stopping');
      this.#gate.close();
      if (this.#held.length > 0) this.#swapTo(this.#heldTracks(), 'track-change');
      this.#series.close(reason);
      this.#run?.finish();
    }
    await this.#series.done;
    if (this.#state === 'stopping') await this.#end();
  }

  async #end(): Promise<void> {
    this.#move('done');
    // Only when empty: a part that could not be finished stays.
    await rmdir(this.#workDir).catch(() => undefined);
    this.#log.info('recording ended', { parts: this.#series.count, reason: this.#series.reason });
  }

  #startIfReady(): void {
    if (this.#run !== undefined || this.#held.length === 0 || this.#state !== 'starting') return;
    if (!this.#gate.isOpen(this.#tracks) && this.#heldBytes < this.#deps.settings.bufferMaxBytes) return;
    this.#gate.close();
    this.#move('recording');
    this.#startRun([...this.#tracks.values()]);
  }

  #swap(reason: StopReason): void {
    this.#swapTo([...this.#tracks.values()], reason);
  }

  #swapTo(tracks: readonly Track[], reason: StopReason): void {
    this.#swapReason = undefined;
    this.#series.endRun(reason);
    const old = this.#run;
    this.#startRun(tracks);
    old?.finish();
  }

  #startRun(tracks: readonly Track[]): void {
    const { settings, batches } = this.#deps;
    mkdirSync(this.#workDir, { recursive: true });
    const deps = { ...settings, batches, log: this.#log };
    const run = new Run(this.#plan(tracks), deps, (exit) => this.#onDied(run, exit));
    this.#run = run;
    this.#runs++;
    this.#series.addRun(run);
    for (const sample of this.#takeHeld()) run.push(sample);
  }

  #plan(tracks: readonly Track[]): RunPlan {
    const { settings } = this.#deps;
    const format = chooseFormat(tracks, settings.formats);
    const prefix = String(this.#runs).padStart(3, '0');
    return {
      tracks,
      input: fitsFlv(tracks) ? 'flv' : 'matroska',
      format,
      segmentSeconds: this.#rotation.kind === 'time' ? this.#rotation.seconds : undefined,
      fragmentMs: settings.fragmentMs,
      audioSampleRate: settings.audioSampleRate,
      audioBitrate: settings.audioBitrate,
      output: join(this.#workDir, `${prefix}-%06d.${format.container}`),
    };
  }

  /** A child that died is replaced at once; the new file begins with the newest key frame that was received. */
  #onDied(run: Run, exit: ChildExit): void {
    if (run !== this.#run || this.#state !== 'recording') return;
    if (!this.#errors.spend(Date.now())) {
      this.#log.error('recording is given up after repeated child failures', {
        code: exit.code,
        signal: exit.signal,
      });
      void this.stop('error');
      return;
    }
    this.#log.warn('child is replaced', { code: exit.code, signal: exit.signal });
    this.#series.endRun('child-died');
    this.#takeHeld();
    for (const item of this.stream.cached()) if ('sample' in item) this.#hold(item.sample);
    this.#startRun([...this.#tracks.values()]);
  }

  #rotationIsDue(run: Run): boolean {
    return this.#rotation.kind === 'size' && run.bytes > 0 && run.bytes + run.gopBytes > this.#rotation.bytes;
  }

  /** True when the running child does not know this track or knows it with another configuration. */
  #isForeign(track: Track): boolean {
    return this.#run?.plan.tracks.some((known) => sameTrack(known, track)) !== true;
  }

  #hold(sample: Sample): void {
    this.#held.push(sample);
    this.#heldBytes += sample.data.length;
  }

  #takeHeld(): Sample[] {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    return held;
  }

  #heldTracks(): Track[] {
    const ids = new Set(this.#held.map((sample) => sample.trackId));
    return [...this.#tracks.values()].filter((track) => ids.has(track.id));
  }

  #move(to: RecordingState): void {
    if (!NEXT_STATES[this.#state].includes(to))
      throw new Error(`recording cannot go from ${this.#state} to ${to}`);
    this.#state = to;
  }
}
