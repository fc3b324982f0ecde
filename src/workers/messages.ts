import type { Socket } from 'node:net';
import type { ErrorCode } from '../domain/errors.ts';
import type { PartEvidence } from '../domain/integrityReport.ts';
import type { Track } from '../domain/media.ts';
import type { PublishRule } from '../domain/publishSecrets.ts';
import type { Connection, Publisher } from '../domain/publisher.ts';
import type { FinishedPart, RecordingInfo, RecordingLoad, RecordingOptions } from '../domain/recording.ts';
import type { RtmpOptions } from '../ingest/rtmp/server.ts';
import type { RtspOptions } from '../ingest/rtsp/server.ts';
import type { WebRtcOptions } from '../ingest/webrtc/server.ts';
import type { DiskSpaceOptions } from '../recorder/diskSpace.ts';
import type { RecorderCountsData } from '../recorder/recorderCounts.ts';
import type { RecorderSettings } from '../recorder/settings.ts';
import type { SnapshotOptions } from '../recorder/snapshot.ts';
import type { AutomaticRecording } from '../streams/automaticRecording.ts';
import type { WebRtcOffer } from '../streams/contracts.ts';
import type { PacketCounts, StreamInit, StreamStatus } from '../streams/stream.ts';
import type { StreamLimits } from '../streams/streams.ts';
import type { ClientPlace } from '../tcp/clientPlace.ts';

/** What passes between the supervisor and a worker. Everything is plain data. */

/** The settings as the rooms of a worker want them. */
export interface WorkerSettings {
  readonly rtmp: RtmpOptions;
  readonly rtsp: RtspOptions;
  /** Absent: no WebRTC. */
  readonly webrtc?: WebRtcOptions | undefined;
  readonly streams: StreamLimits;
  readonly secrets: readonly PublishRule[];
  readonly automatic: AutomaticRecording;
  readonly recorder: RecorderSettings;
  readonly disk: DiskSpaceOptions;
  readonly snapshots: SnapshotOptions;
  /** Lines that matter less are not sent to the supervisor. */
  readonly logLevel: LogLevel;
}

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

export type Encoder = 'rtmp' | 'rtsp';

/** A stream that begins, without its functions. */
export interface StreamBirth extends Omit<StreamInit, 'publisher'> {
  readonly publisher: Omit<Publisher, 'terminate'>;
}

/** What changes while a stream lives. */
export interface StreamFigures {
  readonly mediaSessionId: string;
  readonly status: StreamStatus;
  readonly mediaStartedAt: number | undefined;
  readonly received: { readonly bytes: number; readonly samples: number };
  readonly packets: PacketCounts | undefined;
  readonly driftPpm: number | undefined;
}

/** What a worker does at one moment, and what it has counted since it told so last. */
export interface WorkerFigures {
  readonly streams: readonly StreamFigures[];
  readonly recordings: readonly RecordingInfo[];
  readonly load: RecordingLoad;
  /** Media sessions that are recorded as soon as the disk has room. */
  readonly waiting: readonly string[];
  /** Names of streams that ended, and whose recordings go on when they are published again here. */
  readonly awaited: readonly string[];
  readonly counts: RecorderCountsData;
  /** Since the worker's start, milliseconds. */
  readonly loop: { readonly active: number; readonly idle: number };
  readonly process: { readonly residentBytes: number; readonly cpuSeconds: number };
}

/** What the supervisor asks of a worker. */
export interface WorkerCalls {
  /** Opens everything. @returns whether it takes WebRTC, too. @throws when the records folder cannot be had. */
  start(settings: WorkerSettings): Promise<boolean>;
  use(settings: WorkerSettings): Promise<void>;
  /** Goes on with a connection; its end is told as `left` with the same key. */
  adopt(client: AdoptedClient, socket?: Socket): void;
  terminateStream(ended: { readonly mediaSessionId: string; readonly info: string }): void;
  terminateConnection(ended: { readonly sessionId: string; readonly info: string }): void;
  startRecording(wanted: { readonly mediaSessionId: string; readonly options: RecordingOptions }): void;
  stopRecording(mediaSessionId: string): Promise<void>;
  whenFinal(mediaSessionId: string): Promise<string | undefined>;
  snapshot(mediaSessionId: string): Promise<Uint8Array>;
  /** @returns the SDP answer. */
  publishWebRtc(offer: RemoteOffer): Promise<string>;
  endWebRtc(ended: { readonly mediaSessionId: string; readonly info: string }): void;
  /** How many recordings are open in other processes. */
  others(recordings: number): void;
  /** Refuses what begins, and resolves when what has arrived is in the streams. */
  drain(_: undefined): Promise<void>;
  /** Ends every recording; resolves when their files are final. */
  finish(_: undefined): Promise<void>;
  /** Ends every stream and connection. */
  close(_: undefined): Promise<void>;
}

/** A connection that a worker is to go on with. */
export interface AdoptedClient {
  readonly encoder: Encoder;
  readonly place: ClientPlace;
  readonly received: Uint8Array;
  readonly key: number;
}

/** A WebRTC offer without functions. */
export interface RemoteOffer extends Omit<WebRtcOffer, 'publisher'> {
  readonly publisher: Omit<Publisher, 'terminate'>;
}

/** What a worker tells the supervisor, or asks of it. */
export interface SupervisorCalls {
  log(line: {
    readonly level: LogLevel;
    readonly message: string;
    readonly fields: Readonly<Record<string, unknown>>;
  }): void;
  /** The connection with this key is closed. */
  left(key: number): void;
  connected(connection: Omit<Connection, 'terminate'>): void;
  disconnected(sessionId: string): void;
  published(birth: StreamBirth): void;
  track(changed: { readonly mediaSessionId: string; readonly track: Track }): void;
  unpublished(figures: StreamFigures): void;
  refused(code: ErrorCode): void;
  figures(figures: WorkerFigures): void;
  /** Before the recording has a file. */
  recordingBegan(id: string): void;
  /** It has no file to come any more. */
  recordingOver(id: string): void;
  /** Takes over a finished part; resolves when it is safe. */
  part(finished: { readonly part: FinishedPart; readonly evidence: PartEvidence }): Promise<void>;
  webRtcPublishing(mediaSessionId: string): void;
  webRtcEnded(ended: { readonly mediaSessionId: string; readonly info: string }): void;
}
