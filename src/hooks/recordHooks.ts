import { RecorderdError } from '../domain/errors.ts';
import type { FailedTry, HookRunInfo } from '../domain/hookRun.ts';
import type { Logger } from '../domain/log.ts';
import { partKey } from '../domain/recording.ts';
import type { FinishedPart } from '../domain/recording.ts';
import { within } from '../util/within.ts';
import { HookCounts } from './hookCounts.ts';
import type { HookLoad } from './hookCounts.ts';
import { findScript } from './hookScript.ts';
import { HookSpool } from './hookSpool.ts';
import type { OwedRun } from './hookSpool.ts';
import { Lanes } from './lanes.ts';
import { endLeftScript } from './leftScript.ts';
import { nextTryInMs } from './retry.ts';
import type { RetryOptions } from './retry.ts';
import { tryScript } from './scriptRun.ts';
import type { ScriptOptions } from './scriptRun.ts';

export interface HookOptions extends ScriptOptions, RetryOptions {
  /** Folder for the runs that are owed. */
  readonly spoolDir: string;
  /** Runs side by side, at least 1; those of one stream name always follow one another. */
  readonly parallel: number;
  /** Runs that are kept parked, at least 1; the oldest above that are dropped. */
  readonly parkedMax: number;
}

/** The list of owed runs has no bound, because a dropped run is a lost recording to its owner: it is reported. */
const REPORT_EVERY_OWED = 1000;
/** Bound on an answer: about 2 MB. */
const MAX_LISTED = 1000;

/** Rest of a lane while there is no script; a new one ends it. */
const OFF_REST_MS = 3_600_000;

/** How a run came to its end: well, parked, or so that it cannot even be kept. */
export type HookEnd = 'done' | 'parked' | 'failed';

/** Told of each run that ends, before the spool forgets it; awaited. Must not reject. */
export type OnHookEnd = (part: FinishedPart, end: HookEnd) => Promise<void>;

/** A run that is owed and not parked. */
interface Entry {
  run: OwedRun;
  isRunning: boolean;
  /** What is left to wait before it is due, once it is the first of its stream. */
  waitMs: number;
}

/**
 * Runs `on_record_hook_script` for each finished part until it has ended well or is parked: at least once across
 * restarts, in order per stream name. A script can fail in any way without effect on the recordings. Contract for
 * script authors: docs/hooks.md.
 */
export class RecordHooks {
  readonly counts = new HookCounts();
  #options: HookOptions;
  readonly #log: Logger;
  readonly #onEnd: OnHookEnd;
  readonly #spool: HookSpool;
  readonly #lanes: Lanes;
  readonly #shutdown = new AbortController();
  /** By id, in the order in which they came. */
  readonly #owed = new Map<string, Entry>();
  /** Runs that are neither owed any more nor parked yet. */
  readonly #parking = new Set<Promise<void>>();
  /** The parts whose runs were taken up from an earlier process. */
  readonly #takenUp = new Set<string>();
  #started: Promise<void> | undefined;

  constructor(options: HookOptions, log: Logger, onEnd: OnHookEnd = () => Promise.resolve()) {
    this.#options = options;
    this.#log = log;
    this.#onEnd = onEnd;
    this.#spool = new HookSpool(options.spoolDir, log);
    this.#lanes = new Lanes(options.parallel);
  }

  /**
   * Opens the spool and takes up the runs that an earlier process owed.
   * @throws Error when the spool folder cannot be used.
   */
  start(): Promise<void> {
    return this.#isOn() ? (this.#started ??= this.#open()) : Promise.resolve();
  }

  /**
   * Takes other options for the runs that begin from now on; the folder stays. While there is no script, what is owed
   * waits for one. Never rejects.
   */
  async use(options: HookOptions): Promise<void> {
    const wasOn = this.#isOn();
    this.#options = { ...options, spoolDir: this.#options.spoolDir };
    this.#lanes.use(options.parallel);
    if (wasOn || !this.#isOn()) return;
    await this.start().catch((err: unknown) => this.#log.error('record hook spool cannot be used', { err }));
    for (const { run } of this.#owed.values()) this.#lanes.wake(run.part.streamName);
  }

  /**
   * Takes over the hook of one part; durable once resolved. A part that an earlier process handed over is passed over:
   * recovery may not know of it. Never rejects.
   */
  async enqueue(part: FinishedPart): Promise<void> {
    if (!this.#isOn()) return;
    // Owed runs come first and keep their numbers, also when a part is recovered before the start.
    await this.start().catch(() => undefined);
    if (this.#takenUp.has(keyOf(part))) return;
    await this.#owe(part);
  }

  /** Owes the hook of a part once more; one that is owed already is tried without delay. */
  async again(part: FinishedPart): Promise<void> {
    await Promise.allSettled(this.#parking);
    const isSame = (run: OwedRun): boolean => keyOf(run.part) === keyOf(part);
    const owed = [...this.#owed.values()].find(({ run }) => isSame(run));
    const parked = owed === undefined ? (await this.#spool.parked(Infinity)).find(isSame) : undefined;
    if (owed?.run.failed !== undefined) await this.run(owed.run.id);
    else if (parked !== undefined) await this.run(parked.id);
    else if (owed === undefined) await this.#owe(part);
  }

  /** Runs that are owed, by `partKey`. */
  states(): ReadonlyMap<string, 'pending' | 'running'> {
    const entries = [...this.#owed.values()];
    return new Map(entries.map(({ run, isRunning }) => [keyOf(run.part), isRunning ? 'running' : 'pending']));
  }

  async #owe(part: FinishedPart): Promise<void> {
    const run = this.#spool.next(part);
    try {
      await this.#spool.save(run);
    } catch (err) {
      // Run it all the same: on a full disk the script may be what makes room.
      const about = { recordingId: part.recordingId, file: part.path };
      this.#log.error('record hook run cannot be saved, a restart would lose it', { ...about, err });
    }
    this.#add(run);
    if (this.#owed.size % REPORT_EVERY_OWED === 0)
      this.#log.warn('record hook runs pile up', { owed: this.#owed.size });
  }

  /** Runs that wait or are under way, without the parked ones. */
  owed(): number {
    return this.#owed.size;
  }

  /** How many there are now. Never rejects. */
  async load(): Promise<HookLoad> {
    const owed = [...this.#owed.values()];
    const parked = this.#isOn() ? await this.#spool.parkedIds().catch(() => []) : [];
    return {
      owed: owed.length,
      running: owed.filter(({ isRunning }) => isRunning).length,
      parked: parked.length,
      oldestEndedAt: owed[0]?.run.part.endedAt,
    };
  }

  /** The oldest runs that have not ended well, parked ones too. At most 1,000. */
  async list(): Promise<readonly HookRunInfo[]> {
    if (!this.#isOn()) return [];
    const parked = await this.#spool.parked(MAX_LISTED);
    const runs: HookRunInfo[] = parked.map((run) => ({ ...run, state: 'parked' }));
    for (const { run, isRunning } of [...this.#owed.values()].slice(0, MAX_LISTED)) {
      const waits = run.failed === undefined ? 'waiting' : 'retrying';
      runs.push({ ...run, state: isRunning ? 'running' : waits });
    }
    return runs.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, MAX_LISTED);
  }

  /**
   * Owes a parked run anew, and has one that waits for its next try tried without delay. Without `id`: all of them.
   * @throws RecorderdError HOOK_NOT_FOUND
   */
  async run(id: string | undefined): Promise<void> {
    await Promise.allSettled(this.#parking);
    const parked = !this.#isOn() ? [] : id === undefined ? await this.#spool.parkedIds() : [id];
    let isFound = false;
    for (const entry of this.#owed.values()) {
      if (id === undefined ? entry.run.failed === undefined : entry.run.id !== id) continue;
      isFound = true;
      entry.waitMs = 0;
      this.#lanes.wake(entry.run.part.streamName);
    }
    for (const each of parked) {
      const run = await this.#spool.unpark(each);
      if (run === undefined) continue;
      isFound = true;
      const { recordingId, path: file } = run.part;
      this.#log.info('record hook run is taken up again', { id: run.id, recordingId, file });
      this.#add(run);
    }
    if (!isFound)
      throw new RecorderdError('HOOK_NOT_FOUND', `Hook run not found${id === undefined ? '' : `: id ${id}`}`);
  }

  /**
   * Waits for the runs that are due, at most `withinMs`; then ends the ones under way by their process group. What has
   * not ended by itself stays in the spool for the next start. Nothing runs afterwards.
   */
  async drain(withinMs: number): Promise<void> {
    await within(this.#lanes.idle(), withinMs);
    this.#lanes.stop();
    this.#shutdown.abort();
    await this.#lanes.idle();
    const owed = this.#owed.size;
    if (owed > 0) this.#log.warn('record hook runs are left for the next start', { owed });
  }

  #isOn(): boolean {
    return this.#options.script !== '';
  }

  async #open(): Promise<void> {
    const script = await findScript(this.#options.script, this.#options.homeDir);
    if ('reason' in script) this.#log.warn('record hook script cannot be run', { reason: script.reason });
    const runs = await this.#spool.open();
    if (runs.length > 0)
      this.#log.info('record hook runs of an earlier process are taken up', { owed: runs.length });
    const { killGraceMs } = this.#options;
    await Promise.all(
      runs.map(({ id, part }) => endLeftScript(this.#spool.pidFile(id), part, killGraceMs, this.#log)),
    );
    for (const run of runs) {
      this.#takenUp.add(keyOf(run.part));
      this.#add(run);
    }
    const parked = (await this.#spool.parkedIds()).length;
    if (parked > 0) this.#log.warn('record hook runs are parked', { parked, rerun: rerunCall() });
  }

  #add(run: OwedRun): void {
    // No longer than it can be meant, whatever the clock says by now.
    const left = (run.failed?.nextTryAt ?? 0) - Date.now();
    const entry: Entry = {
      run,
      isRunning: false,
      waitMs: Math.max(0, Math.min(left, this.#options.retryMaxMs)),
    };
    this.#owed.set(run.id, entry);
    this.counts.changes++;
    this.#lanes.add(run.part.streamName, () => this.#runNext(entry));
  }

  /** One turn of a run. @returns milliseconds until the next one; undefined when there is none. */
  async #runNext(entry: Entry): Promise<number | undefined> {
    const waitMs = this.#isOn() ? takeWait(entry) : OFF_REST_MS;
    if (waitMs > 0) return waitMs;
    const { id, part } = entry.run;
    const log = this.#log.child({
      streamName: part.streamName,
      mediaSessionId: part.mediaSessionId,
      recordingId: part.recordingId,
      file: part.path,
    });
    try {
      entry.isRunning = true;
      this.counts.changes++;
      const place = { signal: this.#shutdown.signal, pidFile: this.#spool.pidFile(id), counts: this.counts };
      const outcome = await tryScript(part, this.#options, place, log);
      if (outcome === 'aborted') return undefined;
      if (outcome !== 'done') return await this.#goneWrong(entry, outcome, log);
      await this.#onEnd(part, 'done');
      await this.#spool.remove(entry.run);
      this.#owed.delete(id);
    } catch (err) {
      this.#owed.delete(id);
      log.error('record hook run cannot be brought to its end', { id, err });
      await this.#onEnd(part, 'failed');
    } finally {
      entry.isRunning = false;
      this.counts.changes++;
    }
    return undefined;
  }

  async #goneWrong(entry: Entry, outcome: FailedTry, log: Logger): Promise<number | undefined> {
    const { id, part, failed } = entry.run;
    const tries = (failed?.tries ?? 0) + 1;
    const inMs = nextTryInMs(this.#options, tries, outcome);
    const triedAt = Date.now();
    const nextTryAt = inMs === undefined ? undefined : triedAt + inMs;
    entry.run = { id, part, failed: { ...outcome, tries, triedAt, nextTryAt } };
    if (inMs === undefined) {
      await this.#onEnd(part, 'parked');
      this.#owed.delete(id);
      const parking = this.#park(entry.run, { tries, reason: outcome.reason }, log);
      this.#parking.add(parking);
      await parking.finally(() => this.#parking.delete(parking));
      return undefined;
    }
    entry.waitMs = inMs;
    await this.#spool.save(entry.run).catch((err: unknown) => {
      log.error('record hook run cannot be saved, a restart would lose its tries', { id, err });
    });
    log.info('record hook is tried again', { id, tries, inMs });
    return takeWait(entry);
  }

  async #park(run: OwedRun, how: { tries: number; reason: string }, log: Logger): Promise<void> {
    const { id } = run;
    const dropped = await this.#spool.park(run, this.#options.parkedMax);
    this.counts.parked++;
    this.counts.dropped += dropped.length;
    log.error('record hook run is parked', { id, ...how, rerun: rerunCall(id) });
    if (dropped.length > 0)
      this.#log.error('parked hook runs are too many, the oldest are dropped', { ids: dropped });
  }
}

/** What an entry has to wait; whoever asks waits for it. */
function takeWait(entry: Entry): number {
  const { waitMs } = entry;
  entry.waitMs = 0;
  return waitMs;
}

function keyOf({ recordingId, index }: FinishedPart): string {
  return partKey(recordingId, index);
}

/** What runs parked runs again, for the log. */
function rerunCall(id?: string): string {
  return `POST /rest-api/hooks/run ${JSON.stringify(id === undefined ? {} : { id })}`;
}
