import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { partOfReport } from '../domain/integrityReport.ts';
import type { Logger } from '../domain/log.ts';
import type { FinishedPart } from '../domain/recording.ts';
import { HookCounts } from '../hooks/hookCounts.ts';
import { tryScript } from '../hooks/scriptRun.ts';
import type { ScriptOptions } from '../hooks/scriptRun.ts';
import { KnownReports } from '../reports/knownReports.ts';
import { worst } from './output.ts';
import type { Output, Verdict } from './output.ts';

export interface HookCommand {
  readonly recordsDir: string;
  readonly script: ScriptOptions;
  /** Ends the script under way; no further one is run. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/**
 * Runs the hook script once for each finished file, one after another, with the facts of the file's integrity report.
 * A running server knows nothing of it: what it owes for the same stream may run at the same time.
 * @returns `missing` when a file or its report is not there, `failed` when a script did not end well.
 */
export async function runHook(
  files: readonly string[],
  { recordsDir, script, signal, log }: HookCommand,
  { out }: Output,
): Promise<Verdict> {
  if (script.script === '') {
    out('on_record_hook_script is empty: there is nothing to run');
    return 'missing';
  }
  const reports = new KnownReports(recordsDir);
  const verdicts: Verdict[] = [];
  for (const file of files) {
    if (signal.aborted) return 'failed';
    const part = await partOf(resolve(file), reports);
    if (typeof part === 'string') {
      out(`${file}: ${part}`);
      verdicts.push('missing');
      continue;
    }
    const outcome = await tryScript(
      part,
      script,
      { signal, pidFile: undefined, counts: new HookCounts() },
      log,
    );
    const told =
      outcome === 'done' ? 'the hook ended well' : outcome === 'aborted' ? outcome : outcome.reason;
    out(`${file}: ${told}`);
    verdicts.push(outcome === 'done' ? 'ok' : 'failed');
  }
  return worst(verdicts);
}

/** What the hook was told of the file when it was finished, or why that is not known. */
async function partOf(file: string, reports: KnownReports): Promise<FinishedPart | string> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return 'no such file';
  const report = await reports.ofFile(file, found.size);
  if (report === undefined)
    return 'no integrity report is known of it; run the script yourself with stream name and path';
  return { ...partOfReport(report, file), bytes: found.size };
}
