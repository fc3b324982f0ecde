import { basename } from 'node:path';
import { WCS_CODEC_NAMES } from '../domain/codec.ts';
import type { Logger } from '../domain/log.ts';
import type { Track } from '../domain/media.ts';
import { recordName } from '../domain/names.ts';
import type { NameFacts } from '../domain/names.ts';
import type { FinishedPart, StopReason } from '../domain/recording.ts';
import type { TrackEnds } from '../media/mp4/scan.ts';
import type { Faststart } from './faststart.ts';
import { nameFile, removeEmpty, settleFile } from './finisher.ts';
import type { FileTrack, SettledFile } from './finisher.ts';
import type { RecordingFacts, RecordingJournal } from './journal.ts';
import type { RecorderCounts } from './recorderCounts.ts';

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
  /** What {@link settleFile} made of it, where that was done already. */
  readonly settled?: SettledFile | undefined;
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

/** A named part with what its file holds; `inFile` is undefined where the file was not read. */
export interface NamedPart {
  readonly part: FinishedPart;
  readonly inFile: readonly FileTrack[] | undefined;
}

/** What all files of a recording are finished with. */
export interface FinishingPlace {
  readonly recordsDir: string;
  readonly journal: RecordingJournal;
  /** Undefined leaves the index of an MP4 at its end. */
  readonly faststart: Faststart | undefined;
  readonly counts: RecorderCounts;
}

/** Finishes and names one working file; the journal is told before. @returns undefined when it holds no media; it is removed then. */
export async function finishPart(
  recording: RecordingFacts,
  part: PartFacts,
  { recordsDir, journal, faststart, counts }: FinishingPlace,
  log: Logger,
): Promise<NamedPart | undefined> {
  const { path, container, videoCodec, audioCodec, startTimeMs, startedAt, index, last, stopReason } = part;
  const startedMs = performance.now();
  const made = part.settled ?? (await settleFile(path, container, part.ends));
  if (made === undefined) {
    await removeEmpty(path, log);
    return undefined;
  }
  const bytes = container === 'mp4' && faststart ? await faststart.apply(path) : made.bytes;
  const durationMs = made.durationMs ?? part.durationMs ?? 0;
  const playedMs = part.durationMs ?? durationMs;
  const wanted = recordName(recording.names, {
    ...nameFactsOf(recording),
    ...{ videoCodec, audioCodec, startTimeMs, endTimeMs: startTimeMs + playedMs },
    ...{ startTimeMillis: startedAt, endTimeMillis: startedAt + playedMs, durationMs },
    ...{ partIndex: index, last, rotated: index > 1 || !last, extension: container },
  });
  const { recordingId, mediaSessionId, sessionId, streamName, mediaProvider, overwrite } = recording;
  const endedAt = startedAt + playedMs;
  const told = { index, last, startedAt, endedAt, durationMs, bytes, stopReason };
  const onNaming = (name: string): Promise<void> =>
    journal.naming({ file: basename(path), path: name, ...told, endTimeMs: startTimeMs + playedMs });
  const finished: FinishedPart = {
    ...{ recordingId, mediaSessionId, sessionId, streamName, mediaProvider },
    path: await nameFile(path, wanted, { recordsDir, overwrite, onNaming }, log),
    ...told,
    ...{ container, videoCodec, audioCodec },
  };
  counts.part(finished, (performance.now() - startedMs) / 1000);
  log.info('part finished', { file: finished.path, bytes, durationMs, last, stopReason });
  return { part: finished, inFile: made.tracks };
}
