import type { FinishedPart } from '../domain/recording.ts';

interface HookVariable {
  /** Sentence of docs/hooks.md. */
  readonly doc: string;
  readonly value: (part: FinishedPart) => string | number | boolean | undefined;
}

/** What a script finds in its environment beside `$1` and `$2`. Variables may be added, never removed. */
export const HOOK_VARIABLES: Readonly<Record<string, HookVariable>> = {
  RECORD_ID: { doc: 'Id of the recording, the same for all its parts.', value: (part) => part.recordingId },
  RECORD_MEDIA_SESSION_ID: { doc: 'Media session of the publisher.', value: (part) => part.mediaSessionId },
  RECORD_SESSION_ID: {
    doc: 'Session of the publisher: `/clientIP:port/serverIP:port`.',
    value: (part) => part.sessionId,
  },
  RECORD_STREAM_NAME: { doc: 'Stream name, as in `$1`.', value: (part) => part.streamName },
  RECORD_FILE: { doc: 'Absolute path of the file, as in `$2`.', value: (part) => part.path },
  RECORD_PART_INDEX: { doc: 'Number of the part in its recording, from 1.', value: (part) => part.index },
  RECORD_LAST_PART: {
    doc: '`true` for the last part of the recording, else `false`.',
    value: (part) => part.last,
  },
  RECORD_START_MS: {
    doc: "Start of the part by the server's clock, milliseconds since 1970.",
    value: (part) => part.startedAt,
  },
  RECORD_END_MS: {
    doc: "End of the part by the server's clock, milliseconds since 1970.",
    value: (part) => part.endedAt,
  },
  RECORD_DURATION_MS: { doc: 'Length of the media in milliseconds.', value: (part) => part.durationMs },
  RECORD_BYTES: { doc: 'Size of the file in bytes.', value: (part) => part.bytes },
  RECORD_CONTAINER: { doc: '`mp4`, `webm`, `mkv` or `ts`.', value: (part) => part.container },
  RECORD_VIDEO_CODEC: { doc: 'Codec of the video; empty without video.', value: (part) => part.videoCodec },
  RECORD_AUDIO_CODEC: { doc: 'Codec of the audio; empty without audio.', value: (part) => part.audioCodec },
  RECORD_STOP_REASON: { doc: 'Why the part ended, see below.', value: (part) => part.stopReason },
};

/** Taken over from the server's own environment where set; everything else stays out, secrets first of all. */
export const PASSED_VARIABLES = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'LANG',
  'LC_ALL',
  'LC_CTYPE',
  'TZ',
  'TMPDIR',
];

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The whole environment of one run. */
export function hookEnvironment(
  part: FinishedPart,
  own: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const environment: Record<string, string> = { PATH: DEFAULT_PATH };
  for (const name of PASSED_VARIABLES) {
    const value = own[name];
    if (value !== undefined) environment[name] = value;
  }
  for (const [name, { value }] of Object.entries(HOOK_VARIABLES)) {
    environment[name] = passable(String(value(part) ?? ''));
  }
  return environment;
}

/** No program can be given a NUL, neither as argument nor in its environment: U+FFFD stands for it. */
export function passable(value: string): string {
  return value.replaceAll('\0', '\uFFFD');
}
