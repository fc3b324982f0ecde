import type { MediaProvider } from './publisher.ts';

/** A live stream in a {@link LiveState}. */
export interface LiveStream {
  readonly name: string;
  readonly mediaSessionId: string;
  readonly mediaProvider: MediaProvider;
  /** WCS's word: PENDING until media can flow. */
  readonly status: string;
  /** WCS's name; null without video. */
  readonly videoCodec: string | null;
  readonly audioCodec: string | null;
  /** Pixels; 0 while unknown. */
  readonly width: number;
  readonly height: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Media received so far. */
  readonly bytes: number;
  readonly samples: number;
  /** RTP packets that arrived, and that were given up; null where none can be lost. */
  readonly packets: number | null;
  readonly packetsLost: number | null;
  /** The publisher's clock against the server's, parts per million; null while unknown. */
  readonly driftPpm: number | null;
}

/** A running recording in a {@link LiveState}. */
export interface LiveRecording {
  readonly recordingId: string;
  readonly mediaSessionId: string;
  readonly streamName: string;
  /** As far as it is known. */
  readonly fileName: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly elapsedMs: number;
  /** Media that FFmpeg was given, about. */
  readonly bytes: number;
  /** Finished ones. */
  readonly parts: number;
  /** Since FFmpeg took media last; null before it was given any. */
  readonly lastWriteAgeMs: number | null;
}

/** What goes on in the server at one moment. */
export interface LiveState {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The oldest, with a bound; `streamsTotal` counts all. */
  readonly streams: readonly LiveStream[];
  readonly streamsTotal: number;
  readonly recordings: readonly LiveRecording[];
  readonly recordingsTotal: number;
  /** Ended, with files that have no name yet. */
  readonly finishing: number;
  /** Streams that are recorded as soon as the disk has room. */
  readonly waiting: number;
  /** Bytes are null where the file system does not tell. */
  readonly disk: {
    readonly state: 'ok' | 'low' | 'full';
    readonly freeBytes: number | null;
    readonly totalBytes: number | null;
  };
  /** Hook runs that have not ended well. */
  readonly hooks: { readonly owed: number; readonly running: number; readonly parked: number };
  /** Grows when a file is added to the catalogue, changes its state or its hook's, or is deleted; from 0 at each start. */
  readonly catalogueChanges: number;
}

/** Figures in groups, as `?action=stat` answers them: group, key, value. */
export type StatGroups = Readonly<Record<string, Readonly<Record<string, number | string>>>>;
