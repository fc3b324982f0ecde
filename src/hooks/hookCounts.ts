import { Counts } from '../util/counts.ts';
import { Histogram } from '../util/histogram.ts';

/** How one try of a hook run can end; `aborted` by the shutdown, which tries it again at the next start. */
export const HOOK_RESULTS = ['ok', 'failed', 'timed-out', 'not-started', 'aborted'] as const;

export type HookResult = (typeof HOOK_RESULTS)[number];

/** Hook runs that have not ended well. */
export interface HookLoad {
  /** Without the parked ones, with those that run. */
  readonly owed: number;
  readonly running: number;
  readonly parked: number;
  /** When the part of the oldest owed run ended, milliseconds since the epoch. */
  readonly oldestEndedAt: number | undefined;
}

/** From a script that moves a file to one that uploads an hour of video. */
const RUN_SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900];

/** What became of hook runs since the start of the server. */
export class HookCounts {
  readonly tries = new Counts(HOOK_RESULTS);
  /** Of tries that came to an end of their own. */
  readonly seconds = new Histogram(RUN_SECONDS);
  /** Runs that were parked. */
  parked = 0;
  /** Parked ones that were dropped, because there were too many. */
  dropped = 0;
  /** Times that a run became owed, began or ended a try. */
  changes = 0;

  try(result: HookResult, durationMs: number): void {
    this.tries.add(result);
    if (result === 'ok' || result === 'failed') this.seconds.add(durationMs / 1000);
  }
}
