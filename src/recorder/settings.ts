import type { FormatSettings } from '../domain/format.ts';
import type { NameSettings } from '../domain/names.ts';
import type { ReconnectPolicy } from '../domain/recording.ts';
import type { Rotation } from '../domain/rotation.ts';

/** What the recorder is told by the settings; durations in milliseconds, sizes in bytes. */
export interface RecorderSettings {
  readonly ffmpegPath: string;
  /** As FFmpeg prints it. */
  readonly ffmpegVersion: string;
  /** FFmpeg has the bitstream filter `setts`. */
  readonly canSetTimestamps: boolean;
  /** Absolute path of the records folder. */
  readonly recordsDir: string;
  readonly names: NameSettings;
  readonly formats: FormatSettings;
  readonly rotation: Rotation;
  /** How a recording goes on when its stream ended and is published again within `windowMs`; 0 = not at all. */
  readonly reconnect: { readonly windowMs: number; readonly policy: ReconnectPolicy };
  /** Length of one write to the child. */
  readonly batchMs: number;
  /** Longest MP4 fragment. */
  readonly fragmentMs: number;
  /** The same of recordings that begin in mid-stream with less than `fragmentMs`; a longer one has no effect. */
  readonly onDemandFragmentMs: number;
  /** How often working files are written through to the disk; 0 leaves it to the system. */
  readonly syncMs: number;
  /** The index of a finished MP4 is moved to its front. */
  readonly faststart: boolean;
  /** How long a start waits for the headers of both audio and video. */
  readonly trackWaitMs: number;
  /** Bound on media that waits for a child. */
  readonly bufferMaxBytes: number;
  readonly stopTimeoutMs: number;
  readonly audioSampleRate: number;
  readonly audioBitrate: number;
  /** Of making AAC. */
  readonly audioEffort: 'quality' | 'economy';
  /** Streams that are recorded at the same time, those whose files are still being finished included. */
  readonly maxRecordings: number;
  /** Children that may fail within `errorIntervalMs` before the recording is given up. */
  readonly maxErrors: number;
  readonly errorIntervalMs: number;
}
