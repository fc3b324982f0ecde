import type { MediaProvider } from './publisher.ts';
import type { StopReason } from './recording.ts';

/**
 * Where a finished file is. `present`: in the records folder. `moved`: it went away before its hook had ended, which most
 * likely has moved it. `gone`: it went away later, or another file has its name.
 */
export type FileState = 'present' | 'moved' | 'gone';

/**
 * How the hook of a file stands. `none`: there was no hook. `pending`: owed, between two tries included. `parked`: it
 * went wrong and is not run by itself. `failed`: it cannot even be kept.
 */
export type HookState = 'none' | 'pending' | 'running' | 'done' | 'parked' | 'failed';

export const FILE_STATES: readonly FileState[] = ['present', 'moved', 'gone'];
export const HOOK_STATES: readonly HookState[] = ['none', 'pending', 'running', 'done', 'parked', 'failed'];

/** True when a file may be touched without harm to its hook. */
export function isHookOver(state: HookState): boolean {
  return state === 'done' || state === 'none';
}

/** A finished file (part) as the catalogue knows it. Plain data: it is kept on disk, too. */
export interface CatalogueFile {
  readonly recordingId: string;
  /** From 1. */
  readonly partIndex: number;
  readonly last: boolean;
  readonly mediaSessionId: string;
  readonly sessionId: string;
  readonly streamName: string;
  /** Null where an older version recorded it. */
  readonly mediaProvider: MediaProvider | null;
  /** In the records folder, as it was named. */
  readonly fileName: string;
  readonly container: string;
  /** WCS's names. */
  readonly videoCodec: string | null;
  readonly audioCodec: string | null;
  readonly bytes: number;
  /** Milliseconds since the epoch on the server's clock. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly durationMs: number;
  readonly stopReason: StopReason;
  /** Incidents of its integrity report; the media that they cost, null when nobody can know. */
  readonly incidents: number;
  readonly lostMs: number | null;
  readonly fileState: FileState;
  readonly hookState: HookState;
}

/** A recording as it is listed. Sums are over the files that the catalogue knows. */
export interface CatalogueRecording extends Pick<
  CatalogueFile,
  'recordingId' | 'mediaSessionId' | 'sessionId' | 'streamName' | 'mediaProvider'
> {
  /** `recording` until its last file is finished. */
  readonly state: 'recording' | 'done';
  readonly startedAt: number;
  readonly endedAt: number;
  readonly durationMs: number;
  readonly bytes: number;
  /** Of its newest file; null while it is being recorded. */
  readonly stopReason: StopReason | null;
  readonly incidents: number;
  readonly lostMs: number | null;
  /** How many files are in which state. */
  readonly fileStates: Readonly<Partial<Record<FileState, number>>>;
  readonly hookStates: Readonly<Partial<Record<HookState, number>>>;
  readonly partCount: number;
  /** In order; not all where there are many. */
  readonly parts: readonly CatalogueFile[];
}

export const CATALOGUE_SORTS = ['startedAt', 'endedAt', 'durationMs', 'bytes', 'streamName'] as const;
export type CatalogueSort = (typeof CATALOGUE_SORTS)[number];

/** Which recordings; absent fields match everything. A recording with several files fits when one of them does. */
export interface CatalogueFilter {
  readonly recordingId?: string | undefined;
  readonly mediaSessionId?: string | undefined;
  /** A part of the name, in any case; with `*` or `?` in it a pattern for all of it. */
  readonly streamName?: string | undefined;
  /** The bare name of one of its files. */
  readonly fileName?: string | undefined;
  /** Milliseconds since the epoch: what was recorded from then on, and before then. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly state?: CatalogueRecording['state'] | undefined;
  readonly fileState?: FileState | undefined;
  readonly hookState?: HookState | undefined;
}

/** What is to be joined: of a recording or of a stream, all of it or what was recorded from then on and before then. */
export interface ExportSelection {
  readonly recordingId?: string | undefined;
  /** Equal. */
  readonly streamName?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

/** A file that is not imported. */
export interface PassedOverFile {
  readonly fileName: string;
  readonly reason: string;
}

/** What an import did, or would do. */
export interface ImportedFiles {
  /** Nothing is imported. */
  readonly dryRun: boolean;
  /** How many, and their bytes. */
  readonly imported: number;
  readonly bytes: number;
  /** The first of them by name, and of those that were passed over; not all where there are many. */
  readonly files: readonly CatalogueFile[];
  readonly passedOverTotal: number;
  readonly passedOver: readonly PassedOverFile[];
}

/** A file that was made to be sent. */
export interface ExportedFile {
  /** Absolute. */
  readonly folder: string;
  readonly fileName: string;
  /** The name for whoever keeps it. */
  readonly as: string;
  /** Removes what was made; to be called when it was sent. */
  remove(): Promise<void>;
}

/** A small picture of a finished file. */
export interface Picture {
  /** Absolute. */
  readonly folder: string;
  readonly fileName: string;
  readonly type: 'image/jpeg' | 'image/svg+xml';
}

export interface CatalogueQuery extends CatalogueFilter {
  readonly sort: CatalogueSort;
  readonly order: 'asc' | 'desc';
  readonly offset: number;
  readonly limit: number;
}

export interface CataloguePage {
  /** All that fit. */
  readonly total: number;
  readonly offset: number;
  readonly recordings: readonly CatalogueRecording[];
}
