import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from '../domain/log.ts';
import { sameDecoder } from '../domain/media.ts';
import type { Sample, Track } from '../domain/media.ts';
import { NEXT_STATES } from '../domain/recording.ts';
import type { FinishedPart, RecordingOptions, RecordingState, StopReason } from '../domain/recording.ts';
import type { Rotation } from '../domain/rotation.ts';
import type { ChildExit } from '../process/pipedChild.ts';
import type { Stream } from '../streams/stream.ts';
import { ErrorBudget } from '../util/errorBudget.ts';
import type { Ticker } from '../util/ticker.ts';
import type { DiskSpace } from './diskSpace.ts';
import { HeldSamples } from './heldSamples.ts';
import { removeWorkFolder } from './journal.ts';
import { LiveTracks } from './liveTracks.ts';
import { isNoSpace } from './noSpace.ts';
import { PartSeries } from './partSeries.ts';
import { giveUp, repair } from './repair.ts';
import type { Run } from './run.ts';
import { RunFactory } from './runFactory.ts';
import type { RecorderSettings } from './settings.ts';
import { Silence } from './silence.ts';
import { TrackGate } from './trackGate.ts';
import type { WorkSync } from './workSync.ts';

export interface RecordingDeps {
  readonly settings: RecorderSettings;
  readonly batches: Ticker;
  readonly sync: WorkSync;
  readonly disk: DiskSpace;
  readonly log: Logger;
  /** Called for each finished part, in order; awaited before the recording is done. */
  readonly onPart: (part: FinishedPart) => Promise<void>;
}

/**
 * One recording of one stream: decides when a child starts, when it is swapped for another, and when it ends.
 * A child declares exactly the tracks that give media; samples wait (`held`) until there is one that can take them.
 */
export class Recording {
  readonly id = randomUUID();
  readonly stream: Stream;
  readonly options: RecordingOptions;
  readonly startedAt = Date.now();
  readonly #deps: RecordingDeps;
  readonly #rotation: Rotation;
  readonly #log: Logger;
  readonly #workDir: string;
  readonly #errors: ErrorBudget;
  readonly #series: PartSeries;
  readonly #factory: RunFactory;
  readonly #tracks = new LiveTracks();
  readonly #held: HeldSamples;
  #state: RecordingState = 'starting';
  #gate: TrackGate | undefined;
  #run: Run | undefined;
  #silence: Silence | undefined;
  /** Where the media began that a replaced child was given last, microseconds. */
  #replayedUs: number | undefined;

  constructor(stream: Stream, options: RecordingOptions, deps: RecordingDeps) {
    const { settings } = deps;
    const { name, mediaSessionId } = stream;
    this.stream = stream;
    this.options = options;
    this.#deps = deps;
    this.#rotation = options.rotation ?? settings.rotation;
    this.#log = deps.log.child({ recordingId: this.id, stream: name, mediaSessionId });
    this.#held = new HeldSamples(settings.bufferMaxBytes);
    this.#workDir = join(settings.recordsDir, '.work', this.id);
    // The last error that the setting counts ends the recording.
    this.#errors = new ErrorBudget(settings.maxErrors - 1, settings.errorIntervalMs);
    const place = { stream, rotation: this.#rotation, workDir: this.#workDir, log: this.#log };
    this.#factory = new RunFactory({ ...deps, ...place });
    this.#series = new PartSeries(this.id, stream, options, { ...deps, ...place });
  }

  /** False once it was asked to end. */
  get isActive(): boolean {
    return this.#state === 'starting' || this.#state === 'recording';
  }

  /** The name the file will have, as far as it is known now. */
  get fileName(): string {
    return this.#series.expectedName();
  }

  /** A track appeared or changed: from its next sample on it needs a child that declares it. */
  onTrack(track: Track): void {
    const held = this.#held.trackOf(track.id);
    if (held !== undefined && !sameDecoder(held, track)) this.#partWithHeld();
    this.#tracks.set(track);
  }

  onSample(sample: Sample): void {
    const track = this.#tracks.get(sample.trackId);
    if (!this.isActive || track === undefined) return;
    if (this.#run === undefined) this.#wait(sample, track);
    else this.#record(this.#run, sample, track);
  }

  /** Hands what was gathered to the child. */
  flush(): void {
    this.#run?.flush();
  }

  /** Ends the running child: the next media begins a new part. */
  beginPart(reason: StopReason): void {
    const old = this.#run;
    if (old === undefined || !this.isActive) return;
    this.#run = undefined;
    this.#series.endRun(reason);
    old.finish();
  }

  /** True where a new file can begin without losing a picture: at a video key frame, anywhere while there is no video. */
  isBoundary(sample: Sample): boolean {
    if (this.#tracks.get(sample.trackId)?.kind === 'video') return sample.key;
    if (this.#run !== undefined) return !this.#tracks.hasVideo(sample.dts);
    return !this.#heldTracks().some((track) => track.kind === 'video');
  }

  /** Ends the recording; resolves when every part has its final name; never rejects. The first reason given is kept. */
  async stop(reason: StopReason): Promise<void> {
    if (this.isActive) {
      this.#move('stopping');
      this.#gate?.close();
      if (!this.#held.isEmpty) this.#swap(this.#heldTracks(), 'track-change');
      this.#series.close(reason);
      this.#run?.finish();
    }
    await this.#series.done;
    if (this.#state !== 'stopping') return;
    this.#move('done');
    // Only without files: a part that could not be finished stays, and its journal with it.
    await removeWorkFolder(this.#workDir);
    this.#log.info('recording ended', { parts: this.#series.count, reason: this.#series.reason });
  }

  /** Takes a sample while there is no child. */
  #wait(sample: Sample, track: Track): void {
    // Video that follows no key frame cannot be decoded.
    if (track.kind === 'video' && !sample.key && !this.#held.has(track.id)) return;
    this.#held.push(sample, track);
    this.#gate ??= new TrackGate(this.stream, this.#deps.settings.trackWaitMs, () => this.#startIfReady());
    this.#startIfReady();
  }

  #startIfReady(): void {
    if (this.#run !== undefined || this.#held.isEmpty) return;
    const tracks = this.#heldTracks();
    const isOpen = this.#gate?.isOpen(new Set(tracks.map((track) => track.kind))) === true;
    if (isOpen || this.#held.isFull) this.#startRun(tracks);
  }

  #record(run: Run, sample: Sample, track: Track): void {
    this.#tracks.hear(sample);
    const known = run.plan.tracks.find((each) => each.id === track.id);
    if (track.kind === 'video' && !sample.key) {
      // A new configuration takes effect at its key frame (H.264, 7.4.1.2.1): until then the old one is in force.
      if (known?.codec === track.codec) this.#give(run, sample);
      return;
    }
    const isDeclared = known !== undefined && sameDecoder(known, track);
    if (!isDeclared) this.#holdBack(sample, track);
    const reason = this.isBoundary(sample) ? this.#reasonToSwap(run, sample) : undefined;
    if (reason !== undefined) {
      if (isDeclared) this.#held.push(sample, track);
      this.#swap(this.#tracksAt(sample), reason);
    } else if (isDeclared) this.#give(run, sample);
  }

  #give(run: Run, sample: Sample): void {
    const silence = this.#silence?.before(sample);
    if (silence !== undefined) {
      this.#tracks.hear(silence);
      run.push(silence);
    }
    run.push(sample);
  }

  #reasonToSwap(run: Run, { dts }: Sample): StopReason | undefined {
    const rotation = this.#rotation;
    if (rotation.kind === 'size' && run.bytes + run.gopBytes > rotation.bytes) return 'rotation';
    const isMp4 = run.plan.format.container === 'mp4';
    const isStarved = isMp4 && this.#tracks.isStarved(dts, rotation.kind === 'time');
    return isStarved || !this.#held.isEmpty ? 'track-change' : undefined;
  }

  /** The tracks of a child that takes over at `sample`. */
  #tracksAt({ dts }: Sample): Track[] {
    return this.#asHeld(this.#tracks.where((id) => this.#held.has(id) || this.#tracks.isLive(id, dts)));
  }

  #heldTracks(): Track[] {
    return this.#asHeld(this.#tracks.where((id) => this.#held.has(id)));
  }

  /** A file declares the configuration that its first frame has, though a newer one may have come since. */
  #asHeld(tracks: readonly Track[]): Track[] {
    return tracks.map((track) => this.#held.trackOf(track.id) ?? track);
  }

  /** Keeps a sample for the child that takes over at the next boundary. */
  #holdBack(sample: Sample, track: Track): void {
    if (this.#held.isFull) this.#partWithHeld();
    this.#held.push(sample, track);
  }

  /** What is held can wait no longer: it gets a child while there is none; beside a running one it is given up. */
  #partWithHeld(): void {
    if (this.#run === undefined) {
      this.#startRun(this.#heldTracks());
      return;
    }
    const samples = this.#held.take();
    this.#log.error('media of a new track is lost: no key frame came at which a part could begin with it', {
      samples: samples.length,
      fromMs: Math.round((samples[0]?.dts ?? 0) / 1000),
    });
  }

  #swap(tracks: readonly Track[], reason: StopReason): void {
    const old = this.#run;
    if (old !== undefined) this.#series.endRun(reason);
    this.#startRun(tracks);
    if (this.#run !== old) old?.finish();
  }

  /** Starts a child with what is held, which is not nothing. */
  #startRun(tracks: readonly Track[]): void {
    this.#gate?.close();
    this.#gate = undefined;
    if (this.#state === 'starting') this.#move('recording');
    const samples = this.#held.take();
    try {
      const run: Run = this.#factory.start(tracks, (exit, rest) => this.#onDied(run, exit, rest));
      this.#series.addRun(run, samples[0]?.pts ?? 0);
      this.#run = run;
      this.#silence = Silence.for(tracks, run.plan.format);
      this.#tracks.begin(tracks, samples[0]?.dts ?? 0);
      for (const sample of samples) {
        this.#tracks.hear(sample);
        this.#give(run, sample);
      }
    } catch (error) {
      this.#log.error('recording cannot go on', { err: error });
      if (isNoSpace(error)) this.#deps.disk.reportFull();
      void this.stop('error');
    }
  }

  /** A child that died is replaced at once. @returns true when `samples`, which it lost, have another child. */
  #onDied(run: Run, exit: ChildExit, samples: readonly Sample[]): boolean {
    if (this.#deps.disk.state === 'full') return giveUp(samples, this.#log);
    if (run !== this.#run || this.#state !== 'recording') {
      return repair(run, samples, { runs: this.#factory, series: this.#series, log: this.#log });
    }
    this.#run = undefined;
    this.#series.endRun('child-died');
    const { code, signal } = exit;
    if (this.#errors.spend(Date.now())) {
      this.#log.warn('child is replaced', { code, signal, givenAgain: samples.length });
      return this.#replay(run, samples);
    }
    this.#log.error('recording is given up after repeated child failures', { code, signal });
    void this.stop('error');
    return giveUp(samples, this.#log);
  }

  /** Gives a dead child's media to the next one; where that has been tried before, goes on with what comes from now on. */
  #replay({ plan }: Run, samples: readonly Sample[]): boolean {
    const fromUs = samples[0]?.dts;
    if (fromUs === undefined || fromUs === this.#replayedUs) return giveUp(samples, this.#log);
    this.#replayedUs = fromUs;
    const heldBack = this.#held.take();
    const tracks = new Map(plan.tracks.map((track) => [track.id, track]));
    for (const sample of samples) this.#hold(sample, tracks.get(sample.trackId));
    this.#startRun(this.#heldTracks());
    for (const sample of heldBack) this.#hold(sample, this.#tracks.get(sample.trackId));
    return this.#run !== undefined;
  }

  #hold(sample: Sample, track: Track | undefined): void {
    if (track !== undefined) this.#held.push(sample, track);
  }

  #move(to: RecordingState): void {
    if (!NEXT_STATES[this.#state].includes(to))
      throw new Error(`recording cannot go from ${this.#state} to ${to}`);
    this.#state = to;
  }
}
