import { execa } from 'execa';
import { once } from 'node:events';
import { constants, setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode } from '../util/errorCode.ts';
import { within } from '../util/within.ts';
import { ProgramOutput } from './programOutput.ts';
import { guardedSpawn } from './spawnGuard.ts';

export interface ProgramOptions {
  /** Absolute path, or a name that is looked up in the PATH of `env`. */
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** The whole environment of the program: nothing of this process is added. */
  readonly env: Readonly<Record<string, string>>;
  /** At most 2^31 - 1. */
  readonly timeoutMs: number;
  /** Time between SIGTERM and SIGKILL. */
  readonly killGraceMs: number;
  /** Bound on the output kept. */
  readonly maxOutputBytes: number;
  /** Ends the program as the time limit does. */
  readonly signal?: AbortSignal;
  /** Lets every other process go first. */
  readonly lowPriority?: boolean;
  /** Told the process id, which is that of the process group, too. */
  readonly onStarted?: (pid: number) => void;
}

/** How a program ended. With neither `exitCode` nor `signal`, `failure` says why. */
export interface ProgramResult {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  /** Ended by its time limit. */
  readonly timedOut: boolean;
  /** Ended by `options.signal`. */
  readonly aborted: boolean;
  readonly durationMs: number;
  /** Standard output and standard error as they came, bounded. */
  readonly output: string;
  /** Why the program could not be started or could not be ended. */
  readonly failure: string | undefined;
}

type Ending = Omit<ProgramResult, 'durationMs'>;
type Cause = 'exited' | 'time-limit' | 'aborted';

/** How long output may keep coming after the program itself is gone. */
const OUTPUT_WAIT_MS = 500;
/** How long the kernel may take to end a program that got SIGKILL; longer means it hangs in a system call. */
const KILL_WAIT_MS = 5000;
const GROUP_POLL_MS = 25;
const NOTHING: Ending = {
  exitCode: undefined,
  signal: undefined,
  timedOut: false,
  aborted: false,
  output: '',
  failure: undefined,
};

/**
 * Runs one program to its end, in a process group of its own, with stdin closed. Never rejects. At the time limit the
 * whole group gets SIGTERM, then SIGKILL. What the program leaves in the background after an end of its own goes on.
 */
export async function runProgram(options: ProgramOptions): Promise<ProgramResult> {
  const startedAt = performance.now();
  const ending = await run(options).catch(failed);
  return { ...ending, durationMs: Math.round(performance.now() - startedAt) };
}

function execaOptions({ cwd, env }: ProgramOptions) {
  return {
    cwd,
    env,
    extendEnv: false,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    buffer: false,
    detached: true,
    cleanup: false,
    reject: false,
  } as const;
}

async function run(options: ProgramOptions): Promise<Ending> {
  if (options.signal?.aborted === true) return { ...NOTHING, aborted: true };
  const child = guardedSpawn(() => execa(options.file, options.args, execaOptions(options)));
  if (child.pid === undefined) return failed((await child).cause);
  started(child.pid, options);
  // The promise of execa waits for the end of the pipes, which a program in the background may hold: use `exit`.
  const exited = once(child, 'exit').then(([code, signal]: (number | string | null)[]) => ({ code, signal }));
  const output = new ProgramOutput([child.stdout, child.stderr], options.maxOutputBytes);
  const cause = await firstCause(exited, options);
  if (cause !== 'exited') await endGroup(child.pid, options.killGraceMs);
  const exit = await within(exited, KILL_WAIT_MS);
  const ended = output.ended.then(() => true);
  if ((await within(ended, OUTPUT_WAIT_MS)) === undefined) output.release(options.timeoutMs);
  return {
    exitCode: typeof exit?.code === 'number' ? exit.code : undefined,
    signal: typeof exit?.signal === 'string' ? exit.signal : undefined,
    timedOut: cause === 'time-limit',
    aborted: cause === 'aborted',
    output: output.text(),
    failure: exit === undefined ? 'it does not end, not even by SIGKILL' : undefined,
  };
}

function started(pid: number, { lowPriority = false, onStarted }: ProgramOptions): void {
  onStarted?.(pid);
  try {
    // Threads that the program starts later take it over.
    if (lowPriority) setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // It has ended already.
  }
}

/** What comes first: the end of the program, its time limit, or the abort. */
async function firstCause(exited: Promise<unknown>, options: ProgramOptions): Promise<Cause> {
  const { signal } = options;
  const stop = new AbortController();
  const limit = sleep(options.timeoutMs, 'time-limit' as const, { signal: stop.signal });
  const abort = new Promise<Cause>((resolve) => {
    if (signal?.aborted === true) resolve('aborted');
    signal?.addEventListener('abort', () => resolve('aborted'), { once: true, signal: stop.signal });
  });
  try {
    return await Promise.race([exited.then((): Cause => 'exited'), abort, limit]);
  } finally {
    stop.abort();
  }
}

/** SIGTERM to every process of the group, and SIGKILL to what is left of it after the grace. */
export async function endGroup(group: number, graceMs: number): Promise<void> {
  const deadline = performance.now() + graceMs;
  let alive = signalGroup(group, 'SIGTERM');
  while (alive && performance.now() < deadline) {
    await sleep(GROUP_POLL_MS);
    alive = signalGroup(group, 0);
  }
  if (alive) signalGroup(group, 'SIGKILL');
}

/** False when the group has no process any more. */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal);
  } catch (error) {
    return !hasCode(error, 'ESRCH');
  }
}

function failed(error: unknown): Ending {
  return { ...NOTHING, failure: error instanceof Error ? error.message : String(error) };
}
