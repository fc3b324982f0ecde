import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { FailedTry } from '../domain/hookRun.ts';
import type { Logger } from '../domain/log.ts';
import type { FinishedPart } from '../domain/recording.ts';
import { runProgram } from '../process/runProgram.ts';
import type { ProgramResult } from '../process/runProgram.ts';
import type { HookCounts, HookResult } from './hookCounts.ts';
import { hookEnvironment, passable } from './hookEnvironment.ts';
import { findScript } from './hookScript.ts';
import { noteScript } from './leftScript.ts';

export interface ScriptOptions {
  /** Empty = no hook; relative = looked up in `<home>/scripts`, then `<home>/bin`. */
  readonly script: string;
  readonly homeDir: string;
  /** Time limit of one run. */
  readonly timeoutMs: number;
  /** Time between SIGTERM and SIGKILL for a run that is ended. */
  readonly killGraceMs: number;
  /** The server's environment, of which only `PASSED_VARIABLES` reach the script. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

const MAX_OUTPUT_BYTES = 8192;
/** What is kept of the output with a run that is still owed: there may be many. */
const KEPT_OUTPUT_CHARACTERS = 1000;

/** Where one try of a run takes place. */
export interface ScriptPlace {
  readonly signal: AbortSignal;
  /** Holds the process of the script meanwhile. */
  readonly pidFile: string | undefined;
  readonly counts: HookCounts;
}

/** Runs the script for a part once and logs how it went. `aborted`: by `signal`. */
export async function tryScript(
  part: FinishedPart,
  options: ScriptOptions,
  { signal, pidFile, counts }: ScriptPlace,
  log: Logger,
): Promise<FailedTry | 'done' | 'aborted'> {
  const { homeDir, env, timeoutMs, killGraceMs } = options;
  const script = await findScript(options.script, homeDir);
  if ('reason' in script) {
    log.error('record hook script cannot be run', { reason: script.reason });
    counts.try('not-started', 0);
    return notStarted(`script ${script.reason}`);
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
    signal,
    onStarted: (pid) => {
      if (pidFile !== undefined) noteScript(pidFile, pid, log);
    },
  });
  if (pidFile !== undefined) await rm(pidFile, { force: true });
  counts.try(resultOf(result), result.durationMs);
  return judge(result, { script: script.path, timeoutMs }, log);
}

function resultOf({ aborted, timedOut, failure, exitCode }: ProgramResult): HookResult {
  if (aborted) return 'aborted';
  if (timedOut) return 'timed-out';
  if (failure !== undefined) return 'not-started';
  return exitCode === 0 ? 'ok' : 'failed';
}

function judge(
  result: ProgramResult,
  about: { readonly script: string; readonly timeoutMs: number },
  log: Logger,
): FailedTry | 'done' | 'aborted' {
  const { exitCode, signal, durationMs, output, failure } = result;
  const fields = { script: about.script, exitCode, signal, durationMs, output };
  const kept = output.slice(-KEPT_OUTPUT_CHARACTERS);
  if (result.aborted) {
    log.warn('record hook is ended by shutdown, it runs again at the next start', fields);
    return 'aborted';
  }
  if (result.timedOut) {
    log.error('record hook is ended by its time limit', { ...fields, timeoutMs: about.timeoutMs, failure });
    const reason = `ended by its time limit of ${about.timeoutMs / 1000} s`;
    return { reason, exitCode: undefined, signal, output: kept };
  }
  if (failure !== undefined) {
    const reason = explained(failure);
    log.error('record hook cannot be started', { script: about.script, reason });
    return notStarted(`cannot be started: ${reason}`);
  }
  if (exitCode !== 0) {
    log.error('record hook failed', fields);
    const reason = exitCode === undefined ? `ended by ${signal ?? 'a signal'}` : `exit code ${exitCode}`;
    return { reason, exitCode, signal, output: kept };
  }
  log.info('record hook finished', fields);
  return 'done';
}

function notStarted(reason: string): FailedTry {
  return { reason, exitCode: undefined, signal: undefined, output: '' };
}

/** The script itself was found, so a missing file can only be its interpreter. */
function explained(failure: string): string {
  if (!failure.includes('ENOENT')) return failure;
  return `the interpreter named in its first line does not exist (Windows line ends?): ${failure}`;
}
