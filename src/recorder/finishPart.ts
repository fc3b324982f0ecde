import { WCS_CODEC_NAMES } from '../domain/codec.ts';
import type { Logger } from '../domain/log.ts';
import type { Track } from '../domain/media.ts';
import { recordName } from '../domain/names.ts';
import type { NameFacts, NameSettings } from '../domain/names.ts';
import type { FinishedPart, StopReason } from '../domain/recording.ts';
import type { TrackEnds } from '../media/mp4/scan.ts';
import { nameFile, removeEmpty, settleFile } from './finisher.ts';

/** What does not change while a recording lasts. Plain data: it is kept on disk, too. */
export interface RecordingFacts {
  readonly recordingId: string;
  readonly streamName: string;
  /** What files are named after; the stream name unless the start gave another. */
  readonly nameAs: string;
  readonly sessionId: string;
  readonly mediaSessionId: string;
  readonly login: string;
  readonly names: NameSettings;
  readonly overwrite: boolean;
}

/** What is known of one working file. */
export interface PartFacts {
  /** Absolute path of the working file. */
  readonly path: string;
  readonly container: string;
  readonly videoCodec: string | undefined;
  readonly audioCodec: string | undefined;
  /** Milliseconds since the epoch on the clock of the media. */
  readonly startTimeMs: number;
  /** Milliseconds since the epoch on the server's clock. */
  readonly startedAt: number;
  /** Undefined takes what the file says. */
  readonly durationMs: number | undefined;
  /** From 1. */
  readonly index: number;
  readonly last: boolean;
  readonly stopReason: StopReason;
  /** Where the tracks of an MP4 are to end. */
  readonly ends?: TrackEnds | undefined;
}

/** WCS's names of the codecs of a file. */
export function codecNames(tracks: readonly Track[]): Pick<PartFacts, 'videoCodec' | 'audioCodec'> {
  const nameOf = (kind: Track['kind']): string | undefined => {
    const codec = tracks.find((track) => track.kind === kind)?.codec;
    return codec === undefined ? undefined : WCS_CODEC_NAMES[codec];
  };
  return { videoCodec: nameOf('video'), audioCodec: nameOf('audio') };
}

/** What names of all parts have in common. */
export function nameFactsOf(
  recording: RecordingFacts,
): Pick<NameFacts, 'streamName' | 'sessionId' | 'mediaSessionId' | 'login'> {
  const { nameAs: streamName, sessionId, mediaSessionId, login } = recording;
  return { streamName, sessionId, mediaSessionId, login };
}

/** Finishes and names one working file. @returns undefined when it holds no media; it is removed then. */
export async function finishPart(
  recording: RecordingFacts,
  part: PartFacts,
  recordsDir: string,
  log: Logger,
): Promise<FinishedPart | undefined> {
  const { path, container, videoCodec, audioCodec, startTimeMs, startedAt, index, last, stopReason } = part;
  const made = await settleFile(path, container, part.ends);
  if (made === undefined) {
    await removeEmpty(path, log);
    return undefined;
  }
  const durationMs = made.durationMs ?? part.durationMs ?? 0;
  const playedMs = part.durationMs ?? durationMs;
  const wanted = recordName(recording.names, {
    ...nameFactsOf(recording),
    ...{ videoCodec, audioCodec, startTimeMs, endTimeMs: startTimeMs + playedMs },
    ...{ startTimeMillis: startedAt, endTimeMillis: startedAt + playedMs, durationMs },
    ...{ partIndex: index, last, rotated: index > 1 || !last, extension: container },
  });
  const { recordingId, mediaSessionId, sessionId, streamName, overwrite } = recording;
  const finished: FinishedPart = {
    ...{ recordingId, mediaSessionId, sessionId, streamName },
    path: await nameFile(path, wanted, { recordsDir, overwrite }, log),
    ...{ index, last, startedAt, endedAt: startedAt + playedMs, durationMs, bytes: made.bytes },
    ...{ container, videoCodec, audioCodec, stopReason },
  };
  const { path: file, bytes } = finished;
  log.info('part finished', { file, bytes, durationMs, last, stopReason });
  return finished;
}
