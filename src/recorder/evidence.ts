import { WCS_CODEC_NAMES } from '../domain/codec.ts';
import type { Incident } from '../domain/incident.ts';
import type { PartEvidence, TrackEvidence } from '../domain/integrityReport.ts';
import type { Sample, Track } from '../domain/media.ts';
import type { Stream } from '../streams/stream.ts';
import type { ChildExit } from '../process/pipedChild.ts';
import type { RunPlan } from './ffmpegArgs.ts';
import type { FileTrack } from './finisher.ts';
import type { JournalRun } from './journal.ts';
import { saysNoSpace } from './noSpace.ts';
import type { PartTally, TrackCount } from './runTally.ts';

/** Bounds on what a report repeats of what FFmpeg said; the log has more. */
const MAX_LINES = 10;
const MAX_LINE_CHARACTERS = 300;

type InFile = Pick<TrackEvidence, 'packetsInFile' | 'bytesInFile'>;

/** What was seen of a part by the process that recorded it. @param inFile undefined where the file was not read. */
export function evidenceOf(
  { tracks, format }: RunPlan,
  { tally, exit }: { readonly tally: PartTally; readonly exit: ChildExit | undefined },
  inFile: readonly FileTrack[] | undefined,
  { ffmpegVersion, driftPpm }: { readonly ffmpegVersion: string; readonly driftPpm: number | undefined },
): PartEvidence {
  return {
    tracks: tracks.map((track) => ({
      ...{ id: track.id, kind: track.kind, codec: WCS_CODEC_NAMES[track.codec] },
      transcoded: isTranscoded(track, format),
      ...intake(tally.tracks.find(({ id }) => id === track.id)),
      ...held(track.kind, inFile),
    })),
    incidents: tally.incidents,
    incidentsLeftOut: tally.incidentsLeftOut,
    driftPpm: driftPpm ?? null,
    ffmpeg: {
      version: ffmpegVersion,
      ...{ exitCode: exit?.code ?? null, signal: exit?.signal ?? null },
      lastLines: lastLinesOf(exit),
    },
  };
}

/** What is left to know of a part whose server ended before its time, from the journal and the file. */
export function recoveredEvidence(
  { videoCodec, audioCodec, isTranscoded: transcoded }: JournalRun,
  endedAt: number,
  inFile: readonly FileTrack[] | undefined,
): PartEvidence {
  const trackOf = (kind: Track['kind'], codec: string | undefined): TrackEvidence[] => {
    if (codec === undefined) return [];
    const isCopied = kind === 'video' ? false : (transcoded ?? null);
    return [{ id: null, kind, codec, transcoded: isCopied, ...intake(undefined), ...held(kind, inFile) }];
  };
  const died = {
    ...{ cause: 'server-died' as const, from: endedAt, to: Math.max(endedAt, Date.now()), lostMs: null },
    detail: 'what came after the end of the file is not recorded',
  };
  return {
    tracks: [...trackOf('video', videoCodec), ...trackOf('audio', audioCodec)],
    incidents: [died],
    ...{ incidentsLeftOut: 0, driftPpm: null },
    ffmpeg: { version: null, exitCode: null, signal: null, lastLines: [] },
  };
}

/** The end of what a child said that failed. */
function lastLinesOf(exit: ChildExit | undefined): readonly string[] {
  if (exit === undefined || exit.code === 0) return [];
  return exit.lastLines.slice(-MAX_LINES).map((line) => line.slice(0, MAX_LINE_CHARACTERS));
}

/** True when the file holds this track in another codec. */
export function isTranscoded({ kind }: Track, format: RunPlan['format']): boolean {
  return kind === 'audio' && format.audio !== 'copy';
}

/**
 * A child ended before its time, or found no room for the end of its file.
 * @param samples what its file lacks, undefined when nobody knows; lost unless they were given to another child.
 */
export function childDied(
  exit: ChildExit,
  samples: readonly Sample[] | undefined,
  isGivenAgain: boolean,
  clockMs: (streamUs: number) => number,
): Incident {
  const to = Date.now();
  const { code, signal, lastLines } = exit;
  const how = signal ?? (code === undefined ? 'it could not be started' : `exit code ${code}`);
  const first = samples?.[0];
  const said = lastLinesOf(exit)
    .slice(-1)
    .map((line) => `it said: ${line}`);
  const fate = isGivenAgain ? 'were given to another child' : 'are lost';
  return {
    cause: saysNoSpace(lastLines) ? 'disk-full' : 'child-died',
    from: Math.min(to, first === undefined ? to : clockMs(first.dts)),
    ...{ to, lostMs: isGivenAgain ? 0 : ((samples && spanMs(samples)) ?? null) },
    detail: [how, ...(samples === undefined ? [] : [`${samples.length} packets ${fate}`]), ...said].join(
      '; ',
    ),
  };
}

/** A stream whose recording waited for room since `since`, up to the first media that is there to be recorded now. */
export function waitedForRoom(stream: Stream, since: number): Incident {
  const now = Date.now();
  const first = stream.cached().find((item) => 'sample' in item);
  const mediaStartedAt = stream.mediaStartedAt ?? now;
  const from = Math.max(since, mediaStartedAt);
  const firstAt = first === undefined ? now : Math.round(mediaStartedAt + first.sample.dts / 1000);
  const to = Math.max(from, firstAt);
  // Without a key frame in memory there is more to wait for.
  const isKnown = first !== undefined || stream.mediaStartedAt === undefined;
  return { cause: 'disk-full', from, to, lostMs: isKnown ? to - from : null, detail: 'waited for room' };
}

/** Media that waited for a child in vain, up to now. */
export function notRecorded(samples: readonly Sample[], detail: string): Incident {
  const lostMs = spanMs(samples);
  const to = Date.now();
  const trackId = samples[0]?.trackId;
  return {
    ...{ cause: 'not-recorded', from: to - lostMs, to, lostMs, detail },
    ...(trackId !== undefined && samples.every((sample) => sample.trackId === trackId) && { trackId }),
  };
}

function intake(count: TrackCount | undefined) {
  if (count === undefined) return { packetsIn: null, bytesIn: null, firstPtsMs: null, lastPtsMs: null };
  const { packets, bytes, firstUs, lastUs } = count;
  const [firstPtsMs, lastPtsMs] = packets === 0 ? [null, null] : [toMs(firstUs), toMs(lastUs)];
  return { packetsIn: packets, bytesIn: bytes, firstPtsMs, lastPtsMs };
}

function held(kind: Track['kind'], inFile: readonly FileTrack[] | undefined): InFile {
  if (inFile === undefined) return { packetsInFile: null, bytesInFile: null };
  // A track without media is left out of the file.
  const found = inFile.find((track) => track.kind === kind);
  return { packetsInFile: found?.packets ?? 0, bytesInFile: found?.bytes ?? 0 };
}

/** From the first sample to the last, milliseconds. */
function spanMs(samples: readonly Sample[]): number {
  const [first, last] = [samples[0], samples.at(-1)];
  return first === undefined || last === undefined ? 0 : toMs(last.dts - first.dts);
}

function toMs(us: number): number {
  return Math.round(us / 1000);
}
