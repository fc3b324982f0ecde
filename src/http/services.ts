import type { StatGroups } from '../domain/liveState.ts';
import type { Logger } from '../domain/log.ts';
import type { Captures } from '../streams/captures.ts';
import type { Connections } from '../streams/connections.ts';
import type {
  CatalogueControl,
  ExportControl,
  HookControl,
  ImportControl,
  PictureControl,
  RecordingControl,
  ReportControl,
  RetentionControl,
  Snapshots,
  WebRtcIngest,
} from '../streams/contracts.ts';
import type { Streams } from '../streams/streams.ts';
import type { LiveEvents } from './events.ts';
import type { RequestCounts } from './requestCounts.ts';

/** One named condition of readiness. */
export interface ReadyCheck {
  readonly name: string;
  readonly ok: boolean;
  /** Why it is not ok, or may soon not be. */
  readonly reason?: string;
}

/** What tells how the server does. */
export interface StatusServices {
  readonly readiness: () => Promise<readonly ReadyCheck[]>;
  /** Prometheus' text. */
  readonly metrics: () => Promise<string>;
  readonly stat: () => Promise<StatGroups>;
  readonly events: Pick<LiveEvents, 'listen'>;
}

/** Everything that is served by http works on these. */
export interface HttpServices extends StatusServices {
  readonly streams: Streams;
  readonly connections: Connections;
  readonly recordings: RecordingControl;
  readonly hooks: HookControl;
  readonly reports: ReportControl;
  readonly catalogue: CatalogueControl;
  readonly imports: ImportControl;
  readonly retention: RetentionControl;
  readonly exports: ExportControl;
  readonly pictures: PictureControl;
  readonly snapshots: Snapshots;
  readonly captures: Captures;
  /** Without it there is no WHIP. */
  readonly webrtc?: WebRtcIngest;
  /** Counts what is answered. */
  readonly requests: RequestCounts;
  readonly log: Logger;
}
