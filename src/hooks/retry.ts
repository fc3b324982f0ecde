import type { FailedTry } from '../domain/hookRun.ts';

/** When a run that went wrong is tried again (docs/decisions/0006-hook-retries.md). */
export interface RetryOptions {
  /** Tries after the first. */
  readonly retries: number;
  /** Wait before the second try; it doubles with each further one. */
  readonly retryDelayMs: number;
  /** Bound on that wait. */
  readonly retryMaxMs: number;
  /** Exit codes that ask for another try. A program that came to no end of its own is always tried again. */
  readonly retryExitCodes: 'all' | readonly number[];
}

/** Milliseconds until the next try. @param tries so far, from 1. @returns undefined when there is none. */
export function nextTryInMs(options: RetryOptions, tries: number, failed: FailedTry): number | undefined {
  const { retries, retryDelayMs, retryMaxMs, retryExitCodes: codes } = options;
  const { exitCode } = failed;
  const isRepeated = exitCode === undefined || codes === 'all' || codes.includes(exitCode);
  if (!isRepeated || tries > retries) return undefined;
  return Math.min(retryMaxMs, retryDelayMs * 2 ** (tries - 1));
}
