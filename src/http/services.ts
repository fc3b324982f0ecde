import type { Logger } from '../domain/log.ts';
import type { Captures } from '../streams/captures.ts';
import type { Connections } from '../streams/connections.ts';
import type { RecordingControl } from '../streams/contracts.ts';
import type { Streams } from '../streams/streams.ts';

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
  /** Absent where nothing is pulled: its paths are not served then. */
  readonly captures?: Captures;
  readonly readiness: () => Promise<readonly ReadyCheck[]>;
  readonly log: Logger;
}
