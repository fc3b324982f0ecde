import { stat } from 'node:fs/promises';
import type { Sample } from '../domain/media.ts';
import { flvWriter } from '../media/flvWriter.ts';
import { matroskaWriter } from '../media/matroskaWriter.ts';
import type { TrackEnds } from '../media/mp4/scan.ts';
import type { PipeWriter } from '../media/pipeWriter.ts';
import { PipedChild } from '../process/pipedChild.ts';
import type { ChildExit } from '../process/pipedChild.ts';
import { AsyncQueue } from '../util/asyncQueue.ts';
import type { Ticker } from '../util/ticker.ts';
import { Backlog } from './backlog.ts';
import type { BacklogDeps } from './backlog.ts';
import { childEnd } from './childEnd.ts';
import { ffmpegArgs, partPath } from './ffmpegArgs.ts';
import type { RunPlan } from './ffmpegArgs.ts';
import { childDied } from './evidence.ts';
import type { FragmentIndexes } from './fragmentIndexes.ts';
import { saysNoSpace } from './noSpace.ts';
import type { RecorderCounts } from './recorderCounts.ts';
import { RunTally } from './runTally.ts';
import type { PartTally } from './runTally.ts';
import { salvage, untold, type Salvage } from './salvage.ts';
import { UnsettledSamples } from './unsettled.ts';
import type { WorkSync } from './workSync.ts';

/** Where a part begins. */
export interface PartStart {
  /** Microseconds of stream time. */
  readonly startUs: number;
  /** Milliseconds since the epoch on the server's clock. */
  readonly startedAt: number;
}

/** A file that the child has closed, still under its working name. */
export interface WorkPart extends PartStart {
  readonly path: string;
  readonly endUs: number;
  /** Known when the child is gone; false before. */
  readonly lastOfRun: boolean;
  /** Where the file ends for the reader, when what follows is in the next one. */
  readonly ends: TrackEnds | undefined;
  readonly tally: PartTally;
  /** Of its child; undefined while that goes on. */
  readonly exit: ChildExit | undefined;
}

export interface RunDeps extends BacklogDeps {
  readonly ffmpegPath: string;
  /** Shared timer whose interval is the batch length. */
  readonly batches: Ticker;
  /** Writes the run's files through to the disk. */
  readonly sync: WorkSync;
  /** Gathers what their ends need. */
  readonly indexes: FragmentIndexes;
  /** Called when the child found no space on the disk, before its end is told. */
  readonly onNoSpace: () => void;
  /** Also how long a child may take to finish its file after its input ended. */
  readonly stopTimeoutMs: number;
  readonly counts: RecorderCounts;
}

/**
 * Called when a child ended without being asked to, or not as it was asked to, with the media that is not in its file.
 * @returns true when another child was given this media.
 */
export type OnDied = (exit: ChildExit, samples: readonly Sample[]) => boolean;

/** What a container adds to a sample, about: MP4's fragment entry and its place in the final index. */
const OVERHEAD_BYTES = 48;
/** A batch goes out early when it holds this much. */
const EARLY_FLUSH_BYTES = 1 << 20;

/** One FFmpeg child from its first sample to its exit, with the files it made. */
export class Run {
  /** Finished files in order; ends when the child is gone. */
  readonly parts = new AsyncQueue<WorkPart>();
  readonly plan: RunPlan;
  readonly tally: RunTally;
  /** Milliseconds since the epoch on the server's clock. */
  readonly startedAt = Date.now();
  /** Size of the file so far and of its part since the last video key frame, about. */
  bytes = 0;
  gopBytes = 0;
  readonly #deps: RunDeps;
  readonly #child: PipedChild;
  readonly #writer: PipeWriter;
  /** What goes on while the child does, and how it stops. */
  readonly #stops: readonly (() => void)[];
  readonly #videoId: number | undefined;
  readonly #unsettled: UnsettledSamples;
  readonly #backlog: Backlog;
  /** Decode time of each track's first sample, microseconds. */
  readonly #firstDts = new Map<number, number>();
  readonly #closedSegments: { readonly start: number; readonly end: number }[] = [];
  #delivered = 0;
  /** How many there are; known when the child is gone. */
  #files = 0;
  #pending: Sample[] = [];
  #pendingBytes = 0;
  #headerSent = false;
  #writtenBytes = 0;
  #wasGivenUp = false;
  #finishing = false;
  #exit: ChildExit | undefined;
  /** From this decode time on, another child was given the media. */
  #givenAgainUs: number | undefined;
  #firstUs = Infinity;
  #lastUs = -Infinity;

  constructor(plan: RunPlan, deps: RunDeps, onDied: OnDied) {
    this.plan = plan;
    this.#deps = deps;
    this.#videoId = plan.tracks.find((track) => track.kind === 'video')?.id;
    this.tally = new RunTally(plan.tracks);
    this.#backlog = new Backlog(deps);
    this.#unsettled = new UnsettledSamples(this.#videoId, deps.bufferMaxBytes);
    this.#writer = plan.input === 'flv' ? flvWriter(plan.tracks) : matroskaWriter(plan.tracks, plan.probe);
    this.#child = new PipedChild({
      command: deps.ffmpegPath,
      args: ffmpegArgs(plan),
      onStdoutLine: (line) => this.#onSegmentLine(line),
    });
    deps.counts.childrenStarted++;
    deps.log.debug('child started', {
      pid: this.#child.pid,
      tracks: plan.tracks.map((track) => track.codec),
    });
    const openPath = (): string => partPath(plan, this.#closedSegments.length);
    this.#stops = [
      deps.batches.add(() => {
        this.flush();
        this.#watchBacklog();
      }),
      deps.sync.add(openPath, deps.log),
      deps.indexes.add(openPath, deps.log),
    ];
    void this.#child.exited.then((exit) => this.#ended(exit, onDied));
  }

  /** Of the child; undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** When the child was seen to have taken media last, or began; `performance.now()`. */
  get takenMs(): number {
    return this.#backlog.takenMs;
  }

  /** The part that is being written; undefined while there is nothing to write. */
  get openPart(): PartStart | undefined {
    return this.#firstUs === Infinity ? undefined : this.#startOf(this.#closedSegments.length);
  }

  /** Takes a sample of one of the plan's tracks; of video, the first one is a key frame. */
  push(sample: Sample): void {
    if (sample.key && (sample.trackId === this.#videoId || this.#videoId === undefined)) this.gopBytes = 0;
    if (!this.#firstDts.has(sample.trackId)) this.#firstDts.set(sample.trackId, sample.dts);
    this.tally.push(sample, this.#unsettled.push(sample));
    this.#firstUs = Math.min(this.#firstUs, sample.pts);
    this.#lastUs = Math.max(this.#lastUs, sample.pts);
    const bytes = sample.data.length + OVERHEAD_BYTES;
    this.bytes += bytes;
    this.gopBytes += bytes;
    this.#pending.push(sample);
    this.#pendingBytes += sample.data.length;
    if (this.#pendingBytes >= EARLY_FLUSH_BYTES) this.flush();
  }

  /** Hands over what is pending and lets the child finish; `parts` ends when it has. */
  finish(): void {
    if (this.#finishing) return;
    this.#finishing = true;
    this.flush();
    void this.#child.finish(this.#deps.stopTimeoutMs);
  }

  /** Hands what is pending to the child. */
  flush(): void {
    if (this.#pending.length === 0 || this.#exit !== undefined) return;
    try {
      this.#write();
    } catch (error) {
      this.#deps.log.error('media cannot be written for the child, which is killed', { err: error });
      this.#pending = [];
      this.#giveUp();
    }
  }

  #giveUp(): void {
    this.#wasGivenUp = true;
    this.#child.kill();
  }

  #write(): void {
    const buffers = this.#writer.batch(this.#pending);
    if (!this.#headerSent) buffers.unshift(this.#writer.header());
    this.#headerSent = true;
    this.#pending = [];
    this.#pendingBytes = 0;
    for (const buffer of buffers) this.#writtenBytes += buffer.length;
    this.#child.write(buffers);
    // One that is gone takes nothing, and has nothing left to take.
    if (this.#child.isOpen)
      this.#unsettled.written(this.#writtenBytes, this.#writtenBytes - this.#child.backlogBytes);
    this.#watchBacklog();
  }

  #watchBacklog(): void {
    if (this.#backlog.watch(this.#writtenBytes, this.#child.backlogBytes, this.pid)) return;
    this.#deps.log.error('child takes no data and is killed', { pid: this.#child.pid });
    this.#giveUp();
  }

  /**
   * Segment list line `name,start,end`: that file is closed. Until the run ends another part is open behind it, unless
   * the child could not begin one.
   */
  #onSegmentLine(line: string): void {
    const match = /,([\d.]+),([\d.]+)$/.exec(line);
    if (match === null) return;
    this.#closedSegments.push({ start: Number(match[1]) * 1e6, end: Number(match[2]) * 1e6 });
    if (!this.#finishing) this.#deliver();
  }

  async #ended(exit: ChildExit, onDied: OnDied): Promise<void> {
    this.#exit = exit;
    for (const stop of this.#stops) stop();
    this.#backlog.release();
    this.#judge(exit);
    let ends: TrackEnds | undefined;
    if (exit.code !== 0 || !this.#finishing) {
      const left = await this.#salvage();
      // Before the parts are finished, so that their reasons are known.
      const isGivenAgain = onDied(exit, left.samples);
      if (isGivenAgain) ends = left.ends;
      if (isGivenAgain) this.#givenAgainUs = left.samples[0]?.dts;
      this.#report(exit, isGivenAgain ? left.samples : (left.absent ?? left.samples), isGivenAgain);
    } else if (saysNoSpace(exit.lastLines)) {
      // It has not told by its code that the end of its file found no room.
      const { absent } = await this.#salvage();
      if (absent?.length !== 0) this.#report(exit, absent, false);
    }
    await this.#deliverRest(ends);
  }

  #report(exit: ChildExit, samples: readonly Sample[] | undefined, isGivenAgain: boolean): void {
    const died = childDied(exit, samples, isGivenAgain, (us) => this.#clockMs(us));
    this.#deps.counts.incident(died);
    this.tally.report(died);
  }

  async #salvage(): Promise<Salvage> {
    try {
      return await salvage(this.plan, this.#unsettled, this.#firstDts);
    } catch (err) {
      this.#deps.log.error('file of a dead child cannot be read', { err });
      return untold(this.#unsettled);
    }
  }

  async #deliverRest(ends: TrackEnds | undefined): Promise<void> {
    // A killed child leaves its open segment unlisted.
    const open = await stat(partPath(this.plan, this.#closedSegments.length)).catch(() => undefined);
    this.#files = this.#closedSegments.length + (open === undefined ? 0 : 1);
    while (this.#delivered < this.#files) this.#deliver(ends);
    this.parts.close();
  }

  #judge(exit: ChildExit): void {
    const facts = { pid: this.#child.pid, code: exit.code, signal: exit.signal, lastLines: exit.lastLines };
    const end = childEnd(exit, { wasAsked: this.#finishing, wasGivenUp: this.#wasGivenUp });
    this.#deps.counts.childEnds.add(end);
    if (end === 'no-space') {
      this.#deps.log.error('child found no space on the disk', facts);
      this.#deps.onNoSpace();
    } else if (exit.code !== 0) this.#deps.log.error('child failed', facts);
    else if (!this.#finishing) this.#deps.log.error('child ended by itself', facts);
    else if (exit.lastLines.length > 0) this.#deps.log.debug('child said', facts);
  }

  #deliver(ends?: TrackEnds): void {
    const index = this.#delivered++;
    const isLast = (): boolean => index === this.#files - 1;
    const end = this.#closedSegments[index]?.end;
    const endUs = end === undefined ? this.#lastUs : this.#firstUs + end;
    const part = {
      path: partPath(this.plan, index),
      ...this.#startOf(index),
      endUs,
      ends: isLast() ? ends : undefined,
      tally: isLast() ? this.tally.takeRest(this.#givenAgainUs) : this.tally.takeUntil(endUs),
      exit: this.#exit,
    };
    this.parts.push({
      ...part,
      get lastOfRun() {
        return isLast();
      },
    });
  }

  #startOf(index: number): PartStart {
    const sinceFirstUs = this.#closedSegments[index]?.start ?? this.#closedSegments[index - 1]?.end ?? 0;
    return {
      startUs: this.#firstUs + sinceFirstUs,
      startedAt: this.#clockMs(this.#firstUs + sinceFirstUs),
    };
  }

  /** On the server's clock, tied to it at the start of the child. */
  #clockMs(streamUs: number): number {
    return Math.round(this.startedAt + (streamUs - this.#firstUs) / 1000);
  }
}
