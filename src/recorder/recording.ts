import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from '../domain/log.ts';
import type { Incident } from '../domain/incident.ts';
import type { PartEvidence } from '../domain/integrityReport.ts';
import { sameDecoder, type Sample, type Track } from '../domain/media.ts';
import type { FinishedPart, RecordingOptions, StopReason } from '../domain/recording.ts';
import type { Rotation } from '../domain/rotation.ts';
import type { ChildExit } from '../process/pipedChild.ts';
import type { Stream } from '../streams/stream.ts';
import { ErrorBudget } from '../util/errorBudget.ts';
import type { Turns } from '../util/turns.ts';
import { notRecorded } from './evidence.ts';
import { HeldSamples } from './heldSamples.ts';
import { removeWorkFolder } from './journal.ts';
import { LiveTracks } from './liveTracks.ts';
import { isNoSpace } from './noSpace.ts';
import { PartSeries, type SeriesProgress } from './partSeries.ts';
import { RecordingLife } from './recordingLife.ts';
import { giveUp, repair } from './repair.ts';
import type { Run } from './run.ts';
import { RunFactory, type RunFactoryDeps } from './runFactory.ts';
import { goesOnAfterGap } from './runPlan.ts';
import { Silence } from './silence.ts';
import { TrackGate } from './trackGate.ts';

/** What every recording shares. */
export interface RecordingDeps extends Omit<RunFactoryDeps, 'holdPublisher' | 'rotation' | 'workDir'> {
  /** Called for each finished part, in order; awaited before the recording is done. */
  readonly onPart: (part: FinishedPart, evidence: PartEvidence) => Promise<void>;
  /** Those in which children start. */
  readonly turns: Turns;
}

/**
 * One recording of one stream: decides when a child starts, when it is swapped for another, and when it ends.
 * A child declares exactly the tracks that give media; samples wait (`held`) until there is one that can take them.
 */
export class Recording {
  readonly id = randomUUID();
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
  readonly #life = new RecordingLife();
  /** The publication that feeds it now. */
  #stream: Stream;
  #gate: TrackGate | undefined;
  #run: Run | undefined;
  #silence: Silence | undefined;
  /** Where the media began that a replaced child was given last, microseconds. */
  #replayedUs: number | undefined;

  constructor(stream: Stream, options: RecordingOptions, deps: RecordingDeps) {
    const { settings } = deps;
    const { name, mediaSessionId } = stream;
    this.#stream = stream;
    this.options = options;
    this.#deps = deps;
    this.#rotation = options.rotation ?? settings.rotation;
    this.#log = deps.log.child({ recordingId: this.id, stream: name, mediaSessionId });
    this.#held = new HeldSamples(settings.bufferMaxBytes);
    this.#workDir = join(settings.recordsDir, '.work', this.id);
    // The last error that the setting counts ends the recording.
    this.#errors = new ErrorBudget(settings.maxErrors - 1, settings.errorIntervalMs);
    const place = { rotation: this.#rotation, workDir: this.#workDir, log: this.#log };
    this.#factory = new RunFactory({ ...deps, ...place, holdPublisher: () => this.#stream.hold() });
    const driftPpm = (): number | undefined => this.#stream.driftPpm;
    this.#series = new PartSeries(this.id, stream, options, { ...deps, ...place, driftPpm });
  }

  /** False once it was asked to end. */
  get isActive(): boolean {
    return this.#life.isActive;
  }

  /** Resolves when it has ended and every part has its final name; never rejects. */
  get done(): Promise<void> {
    return this.#series.done;
  }

  /** The name the file will have, as far as it is known now. */
  get fileName(): string {
    return this.#series.expectedName();
  }

  /** What there is of it so far. */
  get progress(): SeriesProgress {
    return this.#series.progress;
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

  /** Something happened to the media right before the next sample. */
  onIncident(incident: Incident): void {
    this.#series.report(incident);
  }

  /** Hands what was gathered to the child. */
  flush(): void {
    this.#run?.flush();
  }

  /**
   * No sample comes for a while, and no other track: what waits for one gets a child, which gets all that was gathered.
   * @returns false when there is nothing to go on with: it has no media, or has ended.
   */
  settle(): boolean {
    this.#gate?.close();
    this.#gate = undefined;
    if (!this.#held.isEmpty) this.#swap(this.#heldTracks(), 'track-change');
    this.flush();
    return this.#life.state === 'recording';
  }

  /** Goes on with another publication of its stream. @param fromUs recording time of its first sample. */
  follow(stream: Stream, fromUs: number): void {
    this.#stream = stream;
    const { policy } = this.#deps.settings.reconnect;
    if (this.#run && !goesOnAfterGap(this.#run.plan, policy, this.#silence?.reaches(fromUs) === true))
      this.beginPart('gap');
    this.#tracks.skipTo(fromUs);
    for (const sample of this.#silence?.across(fromUs) ?? []) this.#run?.push(sample);
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
      this.#life.move('stopping');
      this.settle();
      this.#series.close(reason);
      this.#run?.finish();
    }
    await this.#series.done;
    if (this.#life.state !== 'stopping') return;
    this.#life.move('done');
    this.#deps.counts.recordingsEnded.add(this.#series.reason ?? reason);
    // Only without files: a part that could not be finished stays, and its journal with it.
    await removeWorkFolder(this.#workDir);
    this.#log.info('recording ended', { parts: this.#series.count, reason: this.#series.reason });
  }

  /** Takes a sample while there is no child. */
  #wait(sample: Sample, track: Track): void {
    // Video that follows no key frame cannot be decoded.
    if (track.kind === 'video' && !sample.key && !this.#held.has(track.id)) return;
    this.#held.push(sample, track);
    this.#gate ??= new TrackGate(this.#stream, this.#deps.settings.trackWaitMs, () => this.#startIfReady());
    this.#startIfReady();
  }

  readonly #startInTurn = (): void => {
    if (this.isActive && this.#run === undefined && !this.#held.isEmpty) this.#startRun(this.#heldTracks());
  };

  #startIfReady(): void {
    if (this.#run !== undefined || this.#held.isEmpty) return;
    const tracks = this.#heldTracks();
    if (this.#held.isFull) this.#startRun(tracks);
    else if (this.#gate?.isOpen(tracks) === true) this.#deps.turns.take(this.#startInTurn);
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
      this.#swap(this.#tracks.toDeclare(this.#held, sample.dts), reason);
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
    if (this.#rotation.kind === 'size' && run.bytes + run.gopBytes > this.#rotation.bytes) return 'rotation';
    const isMp4 = run.plan.format.container === 'mp4';
    const isStarved = isMp4 && this.#tracks.isStarved(dts, this.#rotation.kind === 'time');
    return isStarved || !this.#held.isEmpty ? 'track-change' : undefined;
  }

  #heldTracks(): Track[] {
    return this.#tracks.toDeclare(this.#held);
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
    const facts = { samples: samples.length, fromMs: Math.round((samples[0]?.dts ?? 0) / 1000) };
    this.#series.report(notRecorded(samples, 'no key frame came at which a part could begin with it'));
    const message = 'media of a new track is lost: no key frame came at which a part could begin with it';
    this.#log.error(message, facts);
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
    if (this.#life.state === 'starting') this.#life.move('recording');
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
    if (run !== this.#run || this.#life.state !== 'recording') {
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
    this.#held.pushAll(samples, (id) => plan.tracks.find((track) => track.id === id));
    this.#startRun(this.#heldTracks());
    this.#held.pushAll(heldBack, (id) => this.#tracks.get(id));
    return this.#run !== undefined;
  }
}
