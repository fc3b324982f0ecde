import type {
  CataloguePage,
  CatalogueQuery,
  CatalogueRecording,
  ExportedFile,
  ExportSelection,
  ImportedFiles,
  Picture,
} from '../domain/catalogue.ts';
import type { HookRunInfo } from '../domain/hookRun.ts';
import type { IntegrityReport, ReportFilter } from '../domain/integrityReport.ts';
import type { CustomParameters, Publisher } from '../domain/publisher.ts';
import type { RecordingInfo, RecordingOptions } from '../domain/recording.ts';
import type { RetentionDeletion } from '../domain/retention.ts';
import type { Stream } from './stream.ts';

/** What the doors (REST, Web SDK signalling, WHIP) ask of the recorder. */
export interface RecordingControl {
  /**
   * Starts a recording; a running one ends where the new one begins.
   * Resolves when it is listed.
   * @throws RecorderdError, e.g. SHUTTING_DOWN, DISK_FULL.
   */
  start(stream: Stream, options: RecordingOptions): void | Promise<void>;
  /**
   * Ends a recording, or that it waits for room; resolves when the file is final.
   * @throws RecorderdError RECORDING_NOT_FOUND; DISK_FULL when it ended, but its file must wait for room.
   */
  stop(mediaSessionId: string): Promise<void>;
  list(): readonly RecordingInfo[];
  of(mediaSessionId: string): RecordingInfo | undefined;
  /** True when the stream is to be recorded as soon as the full disk has room. */
  isWaiting(mediaSessionId: string): boolean;
  /**
   * Resolves when no file of a stream is unfinished any more. Never rejects.
   * @returns bare name of the newest finished part; undefined when nothing was recorded.
   */
  whenFinal(stream: Stream): Promise<string | undefined>;
}

/** Hook runs that have not ended well. */
export interface HookControl {
  /** Oldest first, with a bound. */
  list(): Promise<readonly HookRunInfo[]>;
  /**
   * Owes a parked run anew, and has one that waits for its next try tried without delay. Without `id`: all of them.
   * @throws RecorderdError HOOK_NOT_FOUND
   */
  run(id: string | undefined): Promise<void>;
}

/** What happened to finished files, and what is in them. */
export interface ReportControl {
  /** Newest first, at most `limit`. */
  find(filter: ReportFilter, limit: number): Promise<readonly IntegrityReport[]>;
}

/** Finished recordings: where their files are and what happened to them. */
export interface CatalogueControl {
  find(query: CatalogueQuery): CataloguePage;
  /** @param parts which of its files are told. @throws RecorderdError RECORDING_NOT_FOUND */
  recording(id: string, parts: { readonly offset: number; readonly limit: number }): CatalogueRecording;
  /**
   * Deletes the files of a recording, or one of them, with reports and entries. @returns how many.
   * @param force though the hook has not ended well.
   * @throws RecorderdError RECORDING_NOT_FOUND; RECORDING_UNFINISHED; HOOK_UNFINISHED
   */
  delete(id: string, partIndex: number | undefined, force: boolean): Promise<number>;
  /**
   * Owes the hook of its files, or of one, once more.
   * @throws RecorderdError RECORDING_NOT_FOUND; HOOK_NOT_FOUND without a hook; FILE_NOT_FOUND when no file is there.
   */
  runHook(id: string, partIndex: number | undefined): Promise<void>;
}

/** Files of the records folder that the catalogue does not know. */
export interface ImportControl {
  /**
   * Has the catalogue know them; the files stay as they are.
   * @param pattern for the whole name. @param isDry only says what it would do.
   * @throws RecorderdError LIMIT_REACHED while another import runs.
   */
  run(pattern: string, isDry: boolean): Promise<ImportedFiles>;
}

/** Finished media in another shape. */
export interface ExportControl {
  /**
   * One file with all that is selected, nothing of it encoded anew. @param signal ends the making.
   * @throws RecorderdError RECORDING_NOT_FOUND, FILE_NOT_FOUND, EXPORT_IMPOSSIBLE, EXPORT_FAILED, LIMIT_REACHED, DISK_FULL
   */
  join(selection: ExportSelection, signal: AbortSignal): Promise<ExportedFile>;
  /** One file as MPEG-TS. @throws RecorderdError as `join`. */
  segment(recordingId: string, partIndex: number, signal: AbortSignal): Promise<ExportedFile>;
  /** An HLS playlist of such segments. @throws RecorderdError RECORDING_NOT_FOUND, FILE_NOT_FOUND, EXPORT_IMPOSSIBLE */
  playlist(recordingId: string): string;
}

/** Small pictures of finished files. */
export interface PictureControl {
  /**
   * A thumbnail of video as JPEG, or the waveform of what is sound alone as SVG; made when there is none yet.
   * @throws RecorderdError NOT_FOUND when they are turned off; RECORDING_NOT_FOUND, FILE_NOT_FOUND, PICTURE_FAILED,
   * LIMIT_REACHED, DISK_FULL
   */
  of(file: { readonly recordingId: string; readonly partIndex: number }): Promise<Picture>;
}

/** Finished files that are deleted by rules. */
export interface RetentionControl {
  /** A run deletes nothing. */
  readonly dryRun: boolean;
  /** What a run would delete now. */
  plan(): Promise<readonly RetentionDeletion[]>;
  /** @returns what was deleted, or with `dryRun` would have been. */
  run(): Promise<readonly RetentionDeletion[]>;
}

/** Pictures of live streams. */
export interface Snapshots {
  /**
   * The newest key frame as PNG.
   * @throws RecorderdError SNAPSHOT_FAILED when there is no picture yet or FFmpeg cannot decode it.
   */
  take(stream: Stream): Promise<Buffer>;
}

/** A WebRTC publication that a client asks for. */
export interface WebRtcOffer {
  readonly name: string;
  readonly mediaSessionId: string;
  readonly publisher: Publisher;
  readonly custom: CustomParameters;
  /** Parameters that may carry the secret of the name, besides `custom` and those of the publisher. */
  readonly credentials?: CustomParameters;
  /** The client wants the stream recorded. */
  readonly record: boolean;
  /** SDP offer as the client sent it. */
  readonly sdp: string;
  /** The client's wish; the answer is UDP either way. */
  readonly transport: 'UDP' | 'TCP';
}

/** What becomes of a publication, after `publish` has resolved. Each is called once at most, `onEnded` last. */
export interface WebRtcPublicationEvents {
  /** ICE and DTLS are up and media has arrived. */
  readonly onPublishing: () => void;
  /** The publication ended, for whatever reason; `info` is one of WCS's texts, e.g. `Failed by ICE timeout`. */
  readonly onEnded: (info: string) => void;
}

export interface WebRtcPublication {
  /** Listed from now on; its status is PENDING until media arrives. */
  readonly stream: Stream;
  /** SDP answer with every candidate in it; nothing is trickled or renegotiated. */
  readonly answer: string;
  /** Ends the publication; what arrived is in the stream. Later calls do nothing. */
  end(info: string): void;
}

/** WebRTC reception as the doors see it. */
export interface WebRtcIngest {
  /**
   * Answers an offer and lists its stream.
   * @throws RecorderdError STREAM_NAME_IN_USE, UNAUTHORIZED, NO_COMMON_CODECS, BAD_REQUEST for an offer that is no SDP,
   * LIMIT_REACHED, SHUTTING_DOWN.
   */
  publish(offer: WebRtcOffer, events: WebRtcPublicationEvents): Promise<WebRtcPublication>;
}
