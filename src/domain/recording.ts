import type { MediaProvider } from './publisher.ts';
import type { Rotation } from './rotation.ts';

/** Why a recording or a part ended. The first cause wins. */
export const STOP_REASONS = [
  'publisher-left',
  'rest-stop',
  'replaced',
  'rotation',
  'track-change',
  'gap',
  'child-died',
  'disk-full',
  'shutdown',
  'crash',
  'error',
  // Of a file that was imported without a report.
  'unknown',
] as const;

export type StopReason = (typeof STOP_REASONS)[number];

export type RecordingState = 'starting' | 'recording' | 'stopping' | 'done' | 'failed';

/**
 * Where a recording goes on whose publisher was away: in a new part; in the same file, where the time away is a hole;
 * in the same file without a hole.
 */
export type ReconnectPolicy = 'part' | 'keep-time' | 'squeeze';

/** Allowed moves; a final state has none. */
export const NEXT_STATES: Readonly<Record<RecordingState, readonly RecordingState[]>> = {
  starting: ['recording', 'stopping', 'failed'],
  recording: ['stopping', 'failed'],
  stopping: ['done', 'failed'],
  done: [],
  failed: [],
};

/** A finished file under its final name: what the hook and the log are told. */
export interface FinishedPart {
  readonly recordingId: string;
  readonly mediaSessionId: string;
  readonly sessionId: string;
  readonly streamName: string;
  /** Absent where an older version recorded it. */
  readonly mediaProvider?: MediaProvider | undefined;
  /** Absolute path. */
  readonly path: string;
  /** From 1, in order. */
  readonly index: number;
  readonly last: boolean;
  /** Milliseconds since the epoch on the server's clock. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly durationMs: number;
  readonly bytes: number;
  readonly container: string;
  readonly videoCodec: string | undefined;
  readonly audioCodec: string | undefined;
  readonly stopReason: StopReason;
}

/** Names one part among those of all recordings. @param index from 1. */
export function partKey(recordingId: string, index: number): string {
  return `${index} of ${recordingId}`;
}

/** What a start may choose instead of the server's settings; whatever is absent stays as set. */
export interface RecordingOptions {
  /** Name template, as `stream_record_policy_template`. */
  readonly template?: string;
  readonly rotation?: Rotation;
  /** Fixed name instead of a template, with or without extension. Untrusted text. */
  readonly fileName?: string;
  /** Replace an existing file of that name. */
  readonly overwrite?: boolean;
}

/** A running recording. */
export interface RecordingInfo {
  readonly recordingId: string;
  readonly mediaSessionId: string;
  readonly streamName: string;
  /** Name without folder; elements known only at the end, such as `{endTime}`, stand as written. */
  readonly fileName: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Media that FFmpeg was given, about. */
  readonly bytes: number;
  /** Parts that are finished. */
  readonly parts: number;
  /** Milliseconds since FFmpeg took media last; null before it was given any. */
  readonly lastWriteAgeMs: number | null;
}

/** How many recordings there are. */
export interface RecordingLoad {
  readonly active: number;
  /** Ended, with files that have no name yet. */
  readonly finishing: number;
  /** Streams that are recorded as soon as the disk has room. */
  readonly waiting: number;
}
