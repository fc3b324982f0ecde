import type { Logger } from '../domain/log.ts';
import type { RecordingInfo, RecordingOptions } from '../domain/recording.ts';
import type { Connections } from '../streams/connections.ts';
import type { Stream } from '../streams/stream.ts';
import type { Streams } from '../streams/streams.ts';

/** What REST asks of the recorder. */
export interface RecordingControl {
  /** Starts a recording; a running one ends where the new one begins. @throws RecorderdError, e.g. SHUTTING_DOWN. */
  start(stream: Stream, options: RecordingOptions): void;
  /** Resolves when the file is final. @throws RecorderdError RECORDING_NOT_FOUND */
  stop(mediaSessionId: string): Promise<void>;
  list(): readonly RecordingInfo[];
  of(mediaSessionId: string): RecordingInfo | undefined;
}

/** One named condition of readiness. */
export interface ReadyCheck {
  readonly name: string;
  readonly ok: boolean;
  /** Why it is not ok. */
  readonly reason?: string;
}

/** Everything the REST interface works on. */
export interface HttpServices {
  readonly streams: Streams;
  readonly connections: Connections;
  readonly recordings: RecordingControl;
  readonly readiness: () => Promise<readonly ReadyCheck[]>;
  readonly log: Logger;
}
