import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { keptFiles } from '../catalogue/keptFiles.ts';
import type { CatalogueFile } from '../domain/catalogue.ts';
import type { IntegrityReport } from '../domain/integrityReport.ts';
import { partKey } from '../domain/recording.ts';
import { KnownReports } from '../reports/knownReports.ts';
import type { Output, Verdict } from './output.ts';

const COLUMNS = ['ENDED', 'SECONDS', 'BYTES', 'ENDED BY', 'STATE', 'HOOK', 'STREAM', 'FILE'];

/** What is known of a finished file: one of the two at least. */
interface KnownFile {
  readonly report?: IntegrityReport | undefined;
  readonly kept?: CatalogueFile | undefined;
}

/** What both tell. */
type Facts = Pick<
  IntegrityReport,
  'endedAt' | 'durationMs' | 'bytes' | 'stopReason' | 'streamName' | 'fileName'
>;

/**
 * Finished files by the catalogue and by their integrity reports, the oldest first so that the newest stand above the
 * prompt. The state is `here`, `moved` or `gone` for a file that is not, `other` for one of its name and another size.
 * @param isJson what is known of each on a line of its own, with `state` and `hookState` added, instead of a table.
 */
export async function list(recordsDir: string, isJson: boolean, { out }: Output): Promise<Verdict> {
  const rows: string[][] = [];
  for (const file of await filesOf(recordsDir)) {
    const facts = factsOf(file);
    const state = await stateOf(file, facts, recordsDir);
    const hookState = file.kept?.hookState ?? null;
    if (isJson) out(JSON.stringify({ state, hookState, ...(file.report ?? file.kept) }));
    else rows.push(rowOf(facts, state, hookState));
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

/** Oldest first. */
async function filesOf(recordsDir: string): Promise<readonly KnownFile[]> {
  const files = new Map<string, KnownFile>();
  for (const kept of await keptFiles(recordsDir))
    files.set(partKey(kept.recordingId, kept.partIndex), { kept });
  for (const report of (await new KnownReports(recordsDir).of(recordsDir)).toReversed()) {
    const key = partKey(report.recordingId, report.partIndex);
    files.set(key, { ...files.get(key), report });
  }
  return [...files.values()].sort((a, b) => factsOf(a).endedAt - factsOf(b).endedAt);
}

function factsOf({ report, kept }: KnownFile): Facts {
  const facts = report ?? kept;
  if (facts === undefined) throw new RangeError('a file of which nothing is known');
  return facts;
}

function rowOf(
  { endedAt, durationMs, bytes, stopReason, streamName, fileName }: Facts,
  state: string,
  hookState: string | null,
): string[] {
  const [ended, seconds] = [new Date(endedAt).toISOString(), (durationMs / 1000).toFixed(1)];
  const states = [stopReason, state, hookState ?? '-'];
  return [ended, seconds, String(bytes), ...states, shown(streamName), shown(fileName)];
}

/** Names of strangers must not command the terminal. */
const shown = (name: string): string => JSON.stringify(name).slice(1, -1);

async function stateOf({ kept }: KnownFile, { fileName, bytes }: Facts, recordsDir: string): Promise<string> {
  try {
    return (await stat(join(recordsDir, fileName))).size === bytes ? 'here' : 'other';
  } catch {
    return kept?.fileState === 'moved' ? 'moved' : 'gone';
  }
}
