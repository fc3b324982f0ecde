import type { LeapBounds } from '../../streams/timeline.ts';
import type { SourcePlanOptions } from './sourcePlan.ts';

/** How sources are pulled. All are required; the settings table has the defaults. */
export interface PullOptions extends SourcePlanOptions {
  readonly ffmpegPath: string;
  /** As FFmpeg prints it; from 5.0 on it can be told a source without telling everybody. */
  readonly ffmpegVersion: string;
  /** Captures at once, those that wait for their source included. */
  readonly maxCaptures: number;
  /** Bound of one frame, bytes. */
  readonly maxFrameBytes: number;
  /** Longest wait for the first media of a connection. */
  readonly connectTimeoutMs: number;
  /** Media that stays away for this long ends the connection. */
  readonly stallTimeoutMs: number;
  /** A lost source is tried again, and its stream goes on. */
  readonly reconnect: boolean;
  /** Wait before the first retry; each further one doubles it. */
  readonly firstRetryMs: number;
  readonly maxRetryMs: number;
  /** How often a source that takes no connection is looked for, once the wait before a retry is over. */
  readonly probeMs: number;
  /** How long a player's capture lasts without a player. */
  readonly playerIdleMs: number;
  /** How long a failed capture can be found. */
  readonly failedKeepMs: number;
  /** Time that FFmpeg has to say goodbye to its peer. */
  readonly stopGraceMs: number;
  /** Beyond which timestamps of a source are mended. */
  readonly leapBounds: LeapBounds;
}
