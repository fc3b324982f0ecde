import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Retention } from '../catalogue/retention.ts';
import type { MediaProvider } from '../domain/publisher.ts';
import type { RecordHooks } from '../hooks/recordHooks.ts';
import type { EventLoop } from '../ops/eventLoop.ts';
import type { DiskSpace } from '../recorder/diskSpace.ts';
import type { Recordings } from '../recorder/recordings.ts';
import type { Captures } from '../streams/captures.ts';
import type { Connections } from '../streams/connections.ts';
import type { Streams } from '../streams/streams.ts';
import type { ConnectionLoad } from '../tcp/admission.ts';
import type { IngestWorkers } from '../workers/ingestWorkers.ts';

/** Answers of one path, by a word. */
type ByPath = readonly { readonly path: string; readonly word: string; readonly count: number }[];

/** What is read of the server when somebody asks how it does; nothing of it is changed. */
export interface Observed {
  readonly streams: Pick<Streams, 'all' | 'counts'>;
  readonly connections: Pick<Connections, 'all'>;
  readonly captures: Pick<Captures, 'find'>;
  readonly recordings: Pick<Recordings, 'counts' | 'list' | 'load'>;
  /** Processes that receive streams besides the server itself. */
  readonly workers: Pick<IngestWorkers, 'all'>;
  readonly hooks: Pick<RecordHooks, 'counts' | 'load'>;
  readonly catalogue: Pick<Catalogue, 'size' | 'changes'>;
  readonly retention: Pick<Retention, 'deleted' | 'deletedBytes'>;
  readonly disk: Pick<DiskSpace, 'state' | 'room'>;
  readonly eventLoop: Pick<EventLoop, 'read' | 'utilisation'>;
  /** Connections of each listener that is open. */
  readonly doors: () => readonly { readonly door: string; readonly load: ConnectionLoad }[];
  /** Answers by http status and errors by code. */
  readonly requests: { readonly answers: ByPath; readonly errors: ByPath };
  readonly versions: { readonly recorderd: string; readonly ffmpeg: string };
  /** Streams and recordings that are told of one by one. */
  readonly listMax: number;
}

/** What people call the protocol of a stream. */
export const PROTOCOLS: Readonly<Record<MediaProvider, string>> = {
  WebRTC: 'webrtc',
  Flash: 'rtmp',
  RTSP: 'rtsp',
};
