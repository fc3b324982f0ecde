import type { SourceProtocol } from '../domain/sourceUri.ts';
import type { Stream } from './stream.ts';

/**
 * Who wants a capture: REST and settings keep it until it is terminated, a player until some time after the last one
 * has gone. One of the settings never gives up on a source that does not answer.
 */
export type CaptureOrigin = 'rest' | 'player' | 'settings';

/**
 * PENDING before the first media, PLAYING while it flows, RECONNECTING after it was lost, FAILED for a while after
 * the end of a capture that did not work. A stream is listed from the first PLAYING to the end.
 */
export type CaptureStatus = 'PENDING' | 'PLAYING' | 'RECONNECTING' | 'FAILED';

export interface CaptureRequest {
  /** As the client wrote it, user and password included. */
  readonly uri: string;
  readonly protocol: SourceProtocol;
  /** Name of the stream; the URI without user and password when absent. */
  readonly name?: string | undefined;
  readonly origin: CaptureOrigin;
}

/** What may be shown of a capture. */
export interface CaptureInfo {
  readonly protocol: SourceProtocol;
  /** Without user and password. */
  readonly uri: string;
  readonly name: string;
  readonly status: CaptureStatus;
  readonly origin: CaptureOrigin;
  /** Of the stream, which has it as long as the capture lasts. */
  readonly mediaSessionId: string;
  /** Why the source does not play now, as one of WCS's texts; null while it does or was not tried yet. */
  readonly info: string | null;
}

/** One source that is pulled. */
export interface Capture {
  readonly info: CaptureInfo;
  /**
   * The stream, once it has media.
   * @throws CaptureEnded when the capture ends before.
   */
  whenPlaying(): Promise<Stream>;
  /** Counts one user until the returned function is called; keeps a player's capture alive. */
  retain(): () => void;
}

/** Fields that must all be equal; absent ones match everything. A `uri` may hold user and password. */
export interface CaptureFilter {
  readonly protocol?: SourceProtocol | undefined;
  readonly uri?: string | undefined;
  readonly name?: string | undefined;
  readonly status?: string | undefined;
}

/** Sources that this server pulls: cameras and other servers. */
export interface Captures {
  /**
   * Starts pulling and returns at once. A player's request for a URI that is captured already gets that capture.
   * @throws RecorderdError BAD_REQUEST ("Bad URI"), CAPTURE_IN_USE, STREAM_NAME_IN_USE, LIMIT_REACHED, SHUTTING_DOWN
   */
  start(request: CaptureRequest): Capture;
  find(filter: CaptureFilter): readonly CaptureInfo[];
  /** Ends what `filter` finds, with WCS's text for it. @throws RecorderdError CAPTURE_NOT_FOUND */
  terminate(filter: CaptureFilter, info: string): void;
}

/** Why a capture ended before it played: `message` is one of WCS's texts for the client. */
export class CaptureEnded extends Error {
  override readonly name = 'CaptureEnded';
}
