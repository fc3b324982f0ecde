import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { IntegrityReport } from '../domain/integrityReport.ts';
import { KnownReports } from '../reports/knownReports.ts';
import type { Output, Verdict } from './output.ts';

const COLUMNS = ['ENDED', 'SECONDS', 'BYTES', 'ENDED BY', 'STATE', 'STREAM', 'FILE'];

/**
 * Finished files by their integrity reports, the oldest first so that the newest stand above the prompt. The state is
 * `here`, `gone` for a file that was moved or deleted, `other` for one of its name and another size.
 * @param isJson each report on a line of its own, with `state` added, instead of a table.
 */
export async function list(recordsDir: string, isJson: boolean, { out }: Output): Promise<Verdict> {
  const reports = (await new KnownReports(recordsDir).of(recordsDir)).toReversed();
  const rows: string[][] = [];
  for (const report of reports) {
    const state = await stateOf(report, recordsDir);
    if (isJson) out(JSON.stringify({ state, ...report }));
    else rows.push(rowOf(report, state));
  }
  if (isJson) return 'ok';
  const widths = COLUMNS.map((name, at) =>
    Math.max(name.length, ...rows.map((row) => (row[at] ?? '').length)),
  );
  for (const row of [COLUMNS, ...rows])
    out(
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  return 'ok';
}

function rowOf(
  { endedAt, durationMs, bytes, stopReason, streamName, fileName }: IntegrityReport,
  state: string,
): string[] {
  const [ended, seconds] = [new Date(endedAt).toISOString(), (durationMs / 1000).toFixed(1)];
  return [ended, seconds, String(bytes), stopReason, state, shown(streamName), shown(fileName)];
}

/** Names of strangers must not command the terminal. */
const shown = (name: string): string => JSON.stringify(name).slice(1, -1);

async function stateOf({ fileName, bytes }: IntegrityReport, recordsDir: string): Promise<string> {
  try {
    return (await stat(join(recordsDir, fileName))).size === bytes ? 'here' : 'other';
  } catch {
    return 'gone';
  }
}
