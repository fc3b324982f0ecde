import { basename, dirname, join } from 'node:path';
import { readFile } from 'node:fs/promises';
import { isReport } from '../domain/integrityReport.ts';
import type { IntegrityReport } from '../domain/integrityReport.ts';
import { reportsIn } from './reportStore.ts';

/** Reports by the names of their files, newest first. */
type ByName = ReadonlyMap<string, readonly IntegrityReport[]>;

/** The reports on disk, for whoever looks for those of files; read once at most. */
export class KnownReports {
  readonly #recordsDir: string;
  readonly #byFolder = new Map<string, Promise<readonly IntegrityReport[]>>();
  readonly #byName = new Map<string, Promise<ByName>>();

  /** @param recordsDir that of the settings, absolute: for files that were moved out of it. */
  constructor(recordsDir: string) {
    this.#recordsDir = recordsDir;
  }

  /** Every report of a records folder, newest first; none when there is no such folder. */
  of(recordsDir: string): Promise<readonly IntegrityReport[]> {
    const known = this.#byFolder.get(recordsDir) ?? all(join(recordsDir, '.reports'));
    this.#byFolder.set(recordsDir, known);
    return known;
  }

  /**
   * The report of a file: the one beside it, else the newest of its name and size in its own folder or in the records
   * folder, else the newest of its name. @param file absolute.
   */
  async ofFile(file: string, bytes: number): Promise<IntegrityReport | undefined> {
    const beside = await readBeside(file);
    if (beside !== undefined) return beside;
    const folders = [...new Set([dirname(file), this.#recordsDir])];
    const byName = await Promise.all(folders.map((folder) => this.#named(folder)));
    const named = byName.flatMap((of) => of.get(basename(file)) ?? []);
    return named.find((report) => report.bytes === bytes) ?? named[0];
  }

  /** The report of a file that was given another name. */
  async ofDigest(sha256: string): Promise<IntegrityReport | undefined> {
    return (await this.of(this.#recordsDir)).find((report) => report.sha256 === sha256);
  }

  #named(recordsDir: string): Promise<ByName> {
    const known = this.#byName.get(recordsDir) ?? this.of(recordsDir).then(byNameOf);
    this.#byName.set(recordsDir, known);
    return known;
  }
}

function byNameOf(reports: readonly IntegrityReport[]): ByName {
  const byName = new Map<string, IntegrityReport[]>();
  for (const report of reports) {
    const named = byName.get(report.fileName);
    if (named === undefined) byName.set(report.fileName, [report]);
    else named.push(report);
  }
  return byName;
}

async function all(dir: string): Promise<readonly IntegrityReport[]> {
  const found: IntegrityReport[] = [];
  for await (const report of reportsIn(dir)) found.push(report);
  return found;
}

/** What `record_report_file` writes. */
async function readBeside(file: string): Promise<IntegrityReport | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(`${file}.json`, 'utf8'));
    return isReport(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
