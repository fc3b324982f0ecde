import { basename } from 'node:path';
import type { Incident } from './incident.ts';
import type { Track } from './media.ts';
import type { FinishedPart, StopReason } from './recording.ts';

/** What is known of one track of a part; null is what is not known. */
export interface TrackEvidence {
  readonly id: number | null;
  readonly kind: Track['kind'];
  /** WCS's name of what was received. */
  readonly codec: string;
  /** The file holds another codec: its packets are others, and other in number. */
  readonly transcoded: boolean | null;
  /** What the child was given for this part, each packet in one part only. */
  readonly packetsIn: number | null;
  readonly bytesIn: number | null;
  /** What the file holds, as its index or its own elements say. */
  readonly packetsInFile: number | null;
  readonly bytesInFile: number | null;
  /** First and last presentation time of what the child was given, milliseconds since the stream's first sample. */
  readonly firstPtsMs: number | null;
  readonly lastPtsMs: number | null;
}

/** What the recorder saw of a part. Plain data: it is kept on disk, too. */
export interface PartEvidence {
  readonly tracks: readonly TrackEvidence[];
  readonly incidents: readonly Incident[];
  /** Incidents beyond the bound, which are not listed. */
  readonly incidentsLeftOut: number;
  /** The publisher's clock against the server's, parts per million; null while unknown. */
  readonly driftPpm: number | null;
  /** Nulls of a child that still ran when the part was finished, and of one whose server died. */
  readonly ffmpeg: {
    readonly version: string | null;
    readonly exitCode: number | null;
    readonly signal: string | null;
    /** What it said last, of one that failed; else empty, and absent in reports of earlier versions. */
    readonly lastLines?: readonly string[];
  };
}

const VERSION = 1;

/** What happened to one finished part, and what is in it. Contract: docs/integrity-report.md. */
export interface IntegrityReport extends PartEvidence {
  readonly version: typeof VERSION;
  readonly recordingId: string;
  /** From 1. */
  readonly partIndex: number;
  readonly last: boolean;
  readonly streamName: string;
  readonly mediaSessionId: string;
  /** Without folder, as it was named. */
  readonly fileName: string;
  readonly container: string;
  readonly bytes: number;
  /** Milliseconds since the epoch on the server's clock. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly durationMs: number;
  readonly stopReason: StopReason;
  /** Of the file, in hexadecimal; null until it is known, and when it cannot be. */
  readonly sha256: string | null;
}

/** Fields that must all be equal; absent ones match everything. */
export interface ReportFilter {
  readonly recordingId?: string | undefined;
  readonly partIndex?: number | undefined;
  readonly mediaSessionId?: string | undefined;
  readonly fileName?: string | undefined;
}

/** The report of a part whose digest is not known yet. */
export function reportOf(part: FinishedPart, evidence: PartEvidence): IntegrityReport {
  const { recordingId, index, last, streamName, mediaSessionId, path, container, bytes } = part;
  const { startedAt, endedAt, durationMs, stopReason } = part;
  return {
    version: VERSION,
    ...{ recordingId, partIndex: index, last, streamName, mediaSessionId },
    ...{ fileName: basename(path), container, bytes, startedAt, endedAt, durationMs, stopReason },
    ...evidence,
    sha256: null,
  };
}

/** The part that a report tells of; who published it is not in there. */
export function partOfReport(report: IntegrityReport, path: string): FinishedPart {
  const { recordingId, partIndex: index, last, mediaSessionId, streamName, tracks } = report;
  const { container, bytes, startedAt, endedAt, durationMs, stopReason } = report;
  const codecOf = (kind: Track['kind']): string | undefined =>
    tracks.find((track) => track.kind === kind)?.codec;
  return {
    ...{ recordingId, index, last, mediaSessionId, sessionId: '', streamName, path },
    ...{ container, bytes, startedAt, endedAt, durationMs, stopReason },
    ...{ videoCodec: codecOf('video'), audioCodec: codecOf('audio') },
  };
}

/** True for what {@link reportOf} made: read from disk, it may be anything. */
export function isReport(value: unknown): value is IntegrityReport {
  if (typeof value !== 'object' || value === null) return false;
  const { version, recordingId, partIndex, mediaSessionId, fileName, tracks } =
    value as Partial<IntegrityReport>;
  const areTexts = [recordingId, mediaSessionId, fileName].every((text) => typeof text === 'string');
  return version === VERSION && areTexts && typeof partIndex === 'number' && Array.isArray(tracks);
}
