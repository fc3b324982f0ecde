import { RecorderdError } from '../domain/errors.ts';

/** WCS's texts of `info`, as the Web SDK's STREAM_STATUS_INFO lists them. docs/websdk.md says when each is sent. */
export const INFO = {
  stoppedByUser: 'Stopped by user',
  sessionDisconnect: 'Stopped by session disconnect',
  keepAlive: 'Terminated by keep-alive',
  shutdown: 'Requested stream shutdown',
  idMissing: 'MediaSessionId is null',
  idInUse: 'MediaSessionId is already in use',
  nameInUse: 'Stream name is already in use',
  noCommonCodecs: 'No common codecs',
  notAdded: 'Failed to add stream to proxy',
  error: 'Failed by error',
  sessionNotReady: 'Session not ready',
  notFound: 'Stream not found',
  notReady: 'Publish stream is not ready',
  restricted: 'Restricted access',
  /** Ours, with PUBLISHING: `record: true`, but the disk is full. */
  notRecorded: 'Not recorded before the full disk has room',
  /** Ours: a publisher without the secret of its stream. */
  wrongToken: 'Wrong token',
  /** Ours: a play began the capture of a camera, and there is no playback. */
  capturedOnly: 'Captured, but this server does not play streams',
} as const;

/** What a client is told of an error; nothing of the server's inside. */
export function infoOf(error: unknown): string {
  if (!(error instanceof RecorderdError)) return INFO.error;
  switch (error.code) {
    case 'STREAM_NAME_IN_USE':
      return INFO.nameInUse;
    case 'UNAUTHORIZED':
      return INFO.wrongToken;
    case 'NO_COMMON_CODECS':
      return INFO.noCommonCodecs;
    case 'SHUTTING_DOWN':
      return INFO.shutdown;
    case 'INTERNAL':
      return INFO.error;
    default:
      return INFO.notAdded;
  }
}

/** An ordinary stop is UNPUBLISHED, whatever cuts a stream short is FAILED. */
export function finalStatus(info: string): 'UNPUBLISHED' | 'FAILED' {
  return info.startsWith('Stopped by') ? 'UNPUBLISHED' : 'FAILED';
}
