import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { IntegrityReport } from '../domain/integrityReport.ts';
import { countPackets, isCounted } from '../reports/countPackets.ts';
import { digestOf } from '../reports/fileDigest.ts';
import { KnownReports } from '../reports/knownReports.ts';
import { hasCode } from '../util/errorCode.ts';
import { reasonOf, worst } from './output.ts';
import type { Output, Verdict } from './output.ts';

/** What a report and its file are compared by. */
interface Findings {
  /** What is equal. */
  readonly same: readonly string[];
  /** What is not, with both values. */
  readonly differs: readonly string[];
}

/**
 * Compares files with their integrity reports: size, SHA-256, packets and bytes of each track. Only reads.
 * @returns `missing` when a file or its report is not there, `bad` when a file differs or cannot be read.
 */
export async function verify(
  files: readonly string[],
  recordsDir: string,
  { out }: Output,
): Promise<Verdict> {
  const reports = new KnownReports(recordsDir);
  const verdicts: Verdict[] = [];
  for (const file of files) {
    const [verdict, told] = await verifyOne(resolve(file), reports);
    out(`${file}: ${told}`);
    verdicts.push(verdict);
  }
  return worst(verdicts);
}

async function verifyOne(file: string, reports: KnownReports): Promise<[Verdict, string]> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, 'r');
    return await compare(file, handle, reports);
  } catch (error) {
    const isMissing = hasCode(error, 'ENOENT', 'ENOTDIR');
    return [isMissing ? 'missing' : 'bad', isMissing ? 'no such file' : `cannot be read: ${reasonOf(error)}`];
  } finally {
    await handle?.close();
  }
}

async function compare(file: string, handle: FileHandle, reports: KnownReports): Promise<[Verdict, string]> {
  const { size } = await handle.stat();
  const named = await reports.ofFile(file, size);
  const digest = named?.sha256 === null ? null : await digestOf(handle, new AbortController().signal);
  // A file that was given another name is known by its digest.
  const report = named ?? (digest === null ? undefined : await reports.ofDigest(digest));
  if (report === undefined) return ['missing', 'no integrity report is known of it'];
  const { same, differs } = await findings(report, handle, { size, digest });
  if (differs.length > 0) return ['bad', `DIFFERS: ${differs.join('; ')}`];
  const alias = report.fileName === basename(file) ? '' : ` (recorded as ${report.fileName})`;
  return ['ok', `ok${alias}: ${same.join(', ')}`];
}

async function findings(
  report: IntegrityReport,
  handle: FileHandle,
  { size, digest }: { readonly size: number; readonly digest: string | null },
): Promise<Findings> {
  const [same, differs]: [string[], string[]] = [[], []];
  const check = (what: string, found: number | string, told: number | string | null): void => {
    if (told === null) return;
    if (found === told) same.push(`${what} ${found}`);
    else differs.push(`${what} ${found}, the report says ${told}`);
  };
  check('bytes', size, report.bytes);
  if (digest !== null) check('sha256', digest, report.sha256);
  if (!isCounted(report.container)) return { same, differs };
  try {
    const counts = await countPackets(handle, report.container);
    for (const { kind, packetsInFile, bytesInFile } of report.tracks) {
      check(`${kind} packets`, counts[kind].packets, packetsInFile);
      check(`${kind} bytes`, counts[kind].bytes, bytesInFile);
    }
  } catch (error) {
    differs.push(`its packets cannot be counted: ${reasonOf(error)}`);
  }
  return { same, differs };
}
