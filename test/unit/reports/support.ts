import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { reportOf } from '../../../src/domain/integrityReport.ts';
import type { IntegrityReport, PartEvidence } from '../../../src/domain/integrityReport.ts';
import type { FinishedPart } from '../../../src/domain/recording.ts';
import { part } from '../hooks/support.ts';

export const EVIDENCE: PartEvidence = {
  tracks: [
    {
      ...{ id: 1, kind: 'video', codec: 'H264', transcoded: false },
      ...{ packetsIn: 2, bytesIn: 9, packetsInFile: 2, bytesInFile: 9, firstPtsMs: 0, lastPtsMs: 40 },
    },
  ],
  incidents: [],
  incidentsLeftOut: 0,
  driftPpm: null,
  ffmpeg: { version: '5.1', exitCode: 0, signal: null },
};

/** A report; `at` orders it among others. */
export function report(at: number, overrides: Partial<FinishedPart> = {}): IntegrityReport {
  const path = `/records/cam-${at}.mp4`;
  return reportOf(part({ recordingId: `rec-${at}`, endedAt: at, path, index: 1, ...overrides }), EVIDENCE);
}

/** A finished part whose file is there. */
export function fileIn(folder: string, name: string, text = 'media', overrides: Partial<FinishedPart> = {}) {
  const path = join(folder, name);
  writeFileSync(path, text);
  return part({ path, bytes: statSync(path).size, container: 'ts', ...overrides });
}
