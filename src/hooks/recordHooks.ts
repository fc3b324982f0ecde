import { dirname } from 'node:path';
import type { Logger } from '../domain/log.ts';
import type { FinishedPart } from '../domain/recording.ts';
import { runProgram } from '../process/runProgram.ts';
import type { ProgramResult } from '../process/runProgram.ts';
import { within } from '../util/within.ts';
import { hookEnvironment, passable } from './hookEnvironment.ts';
import { findScript } from './hookScript.ts';
import { HookSpool } from './hookSpool.ts';
import type { OwedRun } from './hookSpool.ts';
import { Lanes } from './lanes.ts';

export interface HookOptions {
  /** Empty = no hook; relative = looked up in `<home>/scripts`, then `<home>/bin`. */
  readonly script: string;
  readonly homeDir: string;
  /** Folder for the runs that are owed. */
  readonly spoolDir: string;
  /** Time limit of one run. */
  readonly timeoutMs: number;
  /** Time between SIGTERM and SIGKILL for a run that is ended. Default 5000. */
  readonly killGraceMs?: number;
  /** Runs side by side, at least 1; those of one stream name always follow one another. */
  readonly parallel: number;
  /** The server's environment, of which only `PASSED_VARIABLES` reach the script. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

const KILL_GRACE_MS = 5000;
const MAX_OUTPUT_BYTES = 8192;
/** The list of owed runs has no bound, because a dropped run is a lost recording to its owner: it is reported. */
const REPORT_EVERY_OWED = 1000;

/**
 * Runs `on_record_hook_script` once per finished part: at least once across restarts, in order per stream name.
 * A script can fail in any way without effect on the recordings. Contract for script authors: docs/hooks.md.
 */
export class RecordHooks {
  readonly #options: HookOptions;
  readonly #log: Logger;
  readonly #spool: HookSpool;
  readonly #lanes: Lanes;
  readonly #shutdown = new AbortController();
  #started: Promise<void> | undefined;
  #owed = 0;

  constructor(options: HookOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
    this.#spool = new HookSpool(options.spoolDir, log);
    this.#lanes = new Lanes(options.parallel);
  }

  /**
   * Opens the spool and takes up the runs that an earlier process owed.
   * @throws Error when the spool folder cannot be used.
   */
  start(): Promise<void> {
    return (this.#started ??= this.#open());
  }

  /** Takes over the hook of one part; durable once resolved. Never rejects. */
  async enqueue(part: FinishedPart): Promise<void> {
    if (this.#options.script === '') return;
    if (++this.#owed % REPORT_EVERY_OWED === 0)
      this.#log.warn('record hook runs pile up', { owed: this.#owed });
    // Owed runs come first and keep their numbers, also when a part is recovered before the start.
    await this.start().catch(() => undefined);
    const run = this.#spool.next(part);
    try {
      await this.#spool.save(run);
    } catch (err) {
      // Run it all the same: on a full disk the script may be what makes room.
      this.#log.error('record hook run cannot be saved, a restart would lose it', { file: part.path, err });
    }
    this.#add(run);
  }

  /** Runs that wait or are under way. */
  owed(): number {
    return this.#owed;
  }

  /**
   * Waits for the owed runs, at most `withinMs`; then ends the ones under way by their process group. What has not
   * ended by itself stays in the spool for the next start. Nothing runs afterwards.
   */
  async drain(withinMs: number): Promise<void> {
    await within(this.#lanes.idle(), withinMs);
    this.#lanes.stop();
    this.#shutdown.abort();
    await this.#lanes.idle();
    if (this.#owed > 0) this.#log.warn('record hook runs are left for the next start', { owed: this.#owed });
  }

  async #open(): Promise<void> {
    if (this.#options.script === '') return;
    const script = await findScript(this.#options.script, this.#options.homeDir);
    if ('reason' in script) this.#log.warn('record hook script cannot be run', { reason: script.reason });
    const runs = await this.#spool.open();
    if (runs.length > 0)
      this.#log.info('record hook runs of an earlier process are taken up', { owed: runs.length });
    this.#owed += runs.length;
    for (const run of runs) this.#add(run);
  }

  #add(run: OwedRun): void {
    this.#lanes.add(run.part.streamName, () => this.#run(run));
  }

  async #run(run: OwedRun): Promise<void> {
    const { part } = run;
    const log = this.#log.child({
      streamName: part.streamName,
      mediaSessionId: part.mediaSessionId,
      recordingId: part.recordingId,
      file: part.path,
    });
    try {
      if (!(await this.#runScript(part, log))) return;
      this.#owed--;
      await this.#spool.remove(run);
    } catch (err) {
      log.error('record hook run cannot be brought to its end', { err });
    }
  }

  /** False when shutdown ended the run. */
  async #runScript(part: FinishedPart, log: Logger): Promise<boolean> {
    const { homeDir, env, timeoutMs, killGraceMs = KILL_GRACE_MS } = this.#options;
    const script = await findScript(this.#options.script, homeDir);
    if ('reason' in script) {
      log.error('record hook script cannot be run', { reason: script.reason });
      return true;
    }
    if (part.streamName.includes('\0')) log.warn('stream name holds NUL, the hook gets U+FFFD in its place');
    const result = await runProgram({
      file: script.program,
      args: [...script.leading, passable(part.streamName), part.path],
      cwd: dirname(script.path),
      env: hookEnvironment(part, env),
      timeoutMs,
      killGraceMs,
      maxOutputBytes: MAX_OUTPUT_BYTES,
      signal: this.#shutdown.signal,
    });
    report(result, { script: script.path, timeoutMs }, log);
    return !result.aborted;
  }
}

function report(result: ProgramResult, about: { script: string; timeoutMs: number }, log: Logger): void {
  const { exitCode, signal, durationMs, output, failure } = result;
  const fields = { script: about.script, exitCode, signal, durationMs, output };
  if (result.aborted) log.warn('record hook is ended by shutdown, it runs again at the next start', fields);
  else if (result.timedOut) {
    log.error('record hook is ended by its time limit', { ...fields, timeoutMs: about.timeoutMs, failure });
  } else if (failure !== undefined) {
    log.error('record hook cannot be started', { script: about.script, reason: explained(failure) });
  } else if (exitCode !== 0) log.error('record hook failed', fields);
  else log.info('record hook finished', fields);
}

/** The script itself was found, so a missing file can only be its interpreter. */
function explained(failure: string): string {
  if (!failure.includes('ENOENT')) return failure;
  return `the interpreter named in its first line does not exist (Windows line ends?): ${failure}`;
}
