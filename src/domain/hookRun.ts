import type { FinishedPart } from './recording.ts';

/** How the newest try of a hook run went wrong. Plain data: it is kept on disk, too. */
export interface FailedTry {
  /** One sentence for people. */
  readonly reason: string;
  /** Only of a program that came to an end of its own. */
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  /** The end of what it printed. */
  readonly output: string;
}

/** What has been tried so far for a run that is still owed. */
export interface FailedTries extends FailedTry {
  /** Tries so far, from 1. */
  readonly tries: number;
  /** End of the newest, milliseconds since the epoch. */
  readonly triedAt: number;
  /** Milliseconds since the epoch; undefined when there is no further try. */
  readonly nextTryAt: number | undefined;
}

/** `waiting`: for its first try. `retrying`: for another. `parked`: until somebody asks for it. */
export type HookRunState = 'waiting' | 'running' | 'retrying' | 'parked';

/** A hook run that has not ended well so far. */
export interface HookRunInfo {
  readonly id: string;
  readonly state: HookRunState;
  readonly part: FinishedPart;
  /** Undefined before the first failure. */
  readonly failed: FailedTries | undefined;
}
