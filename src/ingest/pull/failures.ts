import { RecorderdError } from '../../domain/errors.ts';
import type { SourceProtocol } from '../../domain/sourceUri.ts';

/** WCS's texts for the client, by protocol where they differ. */
const INFO = {
  connect: { rtsp: 'Failed to connect to rtsp stream', rtmp: 'Failed to connect to origin stream' },
  missing: { rtsp: 'Rtsp stream not found', rtmp: 'Stream not found' },
  denied: { rtsp: 'Restricted access', rtmp: 'Restricted access' },
  format: { rtsp: 'Rtsp has wrong format', rtmp: 'File has wrong format' },
  codecs: { rtsp: 'No common codecs', rtmp: 'No common codecs' },
  silent: { rtsp: 'Failed by RTP activity', rtmp: 'Stream failed' },
  ended: { rtsp: 'Stream failed', rtmp: 'Stream failed' },
} as const satisfies Readonly<Record<string, Readonly<Record<SourceProtocol, string>>>>;

/** Why a connection ended, as a word from a closed list. */
export type FailureCause = keyof typeof INFO;

/** FFmpeg's words, the most telling ones first. */
const SIGNS: readonly (readonly [RegExp, FailureCause])[] = [
  [
    /\b(401|403)\b.*(Unauthorized|Forbidden)|(Unauthorized|Forbidden).*\b(401|403)\b|authorization failed|authfailed|needauth/i,
    'denied',
  ],
  [/\b404\b.*Not Found|Not Found.*\b404\b|StreamNotFound|No such stream/i, 'missing'],
  [
    /Connection (refused|timed out|reset)|timed out|No route to host|Network is unreachable|Host is down|Failed to resolve hostname|Name or service not known|Cannot open connection|Temporary failure in name resolution/i,
    'connect',
  ],
  [
    /does not contain any stream|Could not find codec|codec not currently supported|Unsupported codec/i,
    'codecs',
  ],
  [/Invalid data found|Nonmatching transport|wrong format|Invalid argument/i, 'format'],
];

/** The cause that FFmpeg's last lines tell. */
export function causeOf(lines: readonly string[]): FailureCause | undefined {
  return SIGNS.find(([sign]) => lines.some((line) => sign.test(line)))?.[1];
}

/** WCS's text for a cause. */
export function infoOf(cause: FailureCause, protocol: SourceProtocol): string {
  return INFO[cause][protocol];
}

/** Why a stream could not be published, for clients; undefined for reasons that are not theirs. */
export function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof RecorderdError)) return undefined;
  if (error.code === 'STREAM_NAME_IN_USE') return 'Stream name is already in use';
  return error.code === 'LIMIT_REACHED' ? error.message : undefined;
}
