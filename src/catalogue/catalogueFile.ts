import { basename, join } from 'node:path';
import type { CatalogueFile, HookState } from '../domain/catalogue.ts';
import type { PartEvidence } from '../domain/integrityReport.ts';
import type { FinishedPart } from '../domain/recording.ts';

/** What the catalogue keeps of a part that was just finished. */
export function fileOf(part: FinishedPart, evidence: PartEvidence, hookState: HookState): CatalogueFile {
  const { recordingId, index: partIndex, last, mediaSessionId, sessionId, streamName, path } = part;
  const { container, bytes, startedAt, endedAt, durationMs, stopReason } = part;
  const { incidents, incidentsLeftOut } = evidence;
  const isKnown = incidentsLeftOut === 0 && incidents.every(({ lostMs }) => lostMs !== null);
  return {
    ...{ recordingId, partIndex, last, mediaSessionId, sessionId, streamName },
    mediaProvider: part.mediaProvider ?? null,
    ...{ fileName: basename(path), container },
    ...{ videoCodec: part.videoCodec ?? null, audioCodec: part.audioCodec ?? null },
    ...{ bytes, startedAt, endedAt, durationMs, stopReason },
    incidents: incidents.length + incidentsLeftOut,
    lostMs: isKnown ? incidents.reduce((sum, { lostMs }) => sum + (lostMs ?? 0), 0) : null,
    ...{ fileState: 'present', hookState },
  };
}

/** The part that a file was. */
export function partOf(file: CatalogueFile, recordsDir: string): FinishedPart {
  const { recordingId, partIndex: index, last, mediaSessionId, sessionId, streamName, fileName } = file;
  const { container, bytes, startedAt, endedAt, durationMs, stopReason } = file;
  return {
    ...{ recordingId, index, last, mediaSessionId, sessionId, streamName },
    mediaProvider: file.mediaProvider ?? undefined,
    path: join(recordsDir, fileName),
    ...{ container, videoCodec: file.videoCodec ?? undefined, audioCodec: file.audioCodec ?? undefined },
    ...{ bytes, startedAt, endedAt, durationMs, stopReason },
  };
}
