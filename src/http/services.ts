import type { Logger } from '../domain/log.ts';
import type { Captures } from '../streams/captures.ts';
import type { Connections } from '../streams/connections.ts';
import type {
  CatalogueControl,
  ExportControl,
  HookControl,
  RecordingControl,
  ReportControl,
  RetentionControl,
  Snapshots,
  WebRtcIngest,
} from '../streams/contracts.ts';
import type { Streams } from '../streams/streams.ts';

/** One named condition of readiness. */
export interface ReadyCheck {
  readonly name: string;
  readonly ok: boolean;
  /** Why it is not ok, or may soon not be. */
  readonly reason?: string;
}

/** Everything that is served by http works on these. */
export interface HttpServices {
  readonly streams: Streams;
  readonly connections: Connections;
  readonly recordings: RecordingControl;
  readonly hooks: HookControl;
  readonly reports: ReportControl;
  readonly catalogue: CatalogueControl;
  readonly retention: RetentionControl;
  readonly exports: ExportControl;
  readonly snapshots: Snapshots;
  readonly captures: Captures;
  /** Without it there is no WHIP. */
  readonly webrtc?: WebRtcIngest;
  readonly readiness: () => Promise<readonly ReadyCheck[]>;
  readonly log: Logger;
}
