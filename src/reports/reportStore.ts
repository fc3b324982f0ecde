import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isReport } from '../domain/integrityReport.ts';
import type { IntegrityReport, ReportFilter } from '../domain/integrityReport.ts';
import type { Logger } from '../domain/log.ts';
import { writeWhole } from '../storage/wholeFile.ts';
import { hasCode } from '../util/errorCode.ts';

/** End of the part in milliseconds, so that names sort by age; recording; number of the part. */
const NAME = /^(\d{15})-([\w-]+)-(\d+)\.json$/;
const TORN = /^\d{15}-[\w-]+\.json\.tmp$/;
const TIME_DIGITS = 15;

interface Entry {
  readonly name: string;
  readonly recordingId: string;
  readonly partIndex: number;
  /** Known once it was read or written. */
  about?: Pick<IntegrityReport, 'mediaSessionId' | 'fileName'>;
}

/**
 * Reports on disk, one small file each, the newest `keep` of them. Whatever else is in the folder is left alone, and
 * reports may be deleted there at any time.
 */
export class ReportStore {
  readonly #dir: string;
  readonly #keep: number;
  readonly #log: Logger;
  /** Oldest first. */
  #entries: Entry[] = [];
  #lastWrite: Promise<unknown> = Promise.resolve();

  /** @param keep at least 1. */
  constructor(dir: string, keep: number, log: Logger) {
    this.#dir = dir;
    this.#keep = keep;
    this.#log = log;
  }

  /** Makes the folder ready. @throws Error when it cannot be used. */
  async open(): Promise<void> {
    await mkdir(this.#dir, { recursive: true });
    const names = (await readdir(this.#dir)).sort();
    for (const name of names) if (TORN.test(name)) await rm(join(this.#dir, name), { force: true });
    this.#entries = names.flatMap((name) => {
      const [, , recordingId, part] = NAME.exec(name) ?? [];
      return recordingId === undefined ? [] : [{ name, recordingId, partIndex: Number(part) }];
    });
    await this.#prune();
  }

  /** Writes a report through to the disk, in place of an earlier one of the part. Writes follow one another. */
  save(report: IntegrityReport): Promise<void> {
    const written = this.#lastWrite.then(() => this.#write(report));
    this.#lastWrite = written.catch(() => undefined);
    return written;
  }

  /** Newest first, at most `limit`. */
  async find(filter: ReportFilter, limit: number): Promise<IntegrityReport[]> {
    const found: IntegrityReport[] = [];
    for (const entry of this.#entries.toReversed()) {
      if (found.length >= limit) break;
      if (!matches(entry, filter)) continue;
      const report = await this.#read(entry);
      if (report === undefined) continue;
      entry.about = report;
      if (matches(entry, filter)) found.push(report);
    }
    return found;
  }

  /** Forgets the reports of a part. */
  remove(recordingId: string, partIndex: number): Promise<void> {
    const removed = this.#lastWrite.then(() => this.#remove(recordingId, partIndex));
    this.#lastWrite = removed.catch(() => undefined);
    return removed;
  }

  async #remove(recordingId: string, partIndex: number): Promise<void> {
    const isMeant = (entry: Entry): boolean =>
      entry.recordingId === recordingId && entry.partIndex === partIndex;
    const meant = this.#entries.filter(isMeant);
    this.#entries = this.#entries.filter((entry) => !isMeant(entry));
    for (const { name } of meant) await rm(join(this.#dir, name), { force: true });
  }

  async #write(report: IntegrityReport): Promise<void> {
    const { recordingId, partIndex, endedAt, mediaSessionId, fileName } = report;
    const name = `${String(endedAt).padStart(TIME_DIGITS, '0')}-${recordingId}-${partIndex}.json`;
    if (!NAME.test(name)) throw new Error(`${name} is no name of a report`);
    await writeWhole(join(this.#dir, name), `${JSON.stringify(report)}\n`);
    if (this.#entries.some((entry) => entry.name === name)) return;
    this.#entries.push({ name, recordingId, partIndex, about: { mediaSessionId, fileName } });
    this.#entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    await this.#prune();
  }

  async #prune(): Promise<void> {
    const old = this.#entries.splice(0, Math.max(0, this.#entries.length - this.#keep));
    for (const { name } of old) await rm(join(this.#dir, name), { force: true });
  }

  /** Undefined when it is gone or no report. */
  async #read({ name }: Entry): Promise<IntegrityReport | undefined> {
    const file = join(this.#dir, name);
    try {
      const report: unknown = JSON.parse(await readFile(file, 'utf8'));
      if (isReport(report)) return report;
      this.#log.warn('integrity report is of another kind and passed over', { file });
    } catch (err) {
      if (!hasCode(err, 'ENOENT'))
        this.#log.warn('integrity report is unreadable and passed over', { file, err });
    }
    return undefined;
  }
}

/**
 * Reports of a folder, newest first, for who only looks: whatever is no report is passed over.
 * None when there is no such folder.
 */
export async function* reportsIn(dir: string): AsyncGenerator<IntegrityReport> {
  const names = await readdir(dir).catch(() => []);
  for (const name of names
    .filter((each) => NAME.test(each))
    .sort()
    .reverse()) {
    const report: unknown = await readFile(join(dir, name), 'utf8')
      .then(JSON.parse)
      .catch(() => undefined);
    if (isReport(report)) yield report;
  }
}

/** False when what is known of an entry tells that it is not meant. */
function matches({ recordingId, partIndex, about }: Entry, filter: ReportFilter): boolean {
  const known = { recordingId, partIndex, ...about };
  const isOther = (wanted: unknown, value: unknown): boolean =>
    wanted !== undefined && value !== undefined && wanted !== value;
  return !(
    isOther(filter.recordingId, known.recordingId) ||
    isOther(filter.partIndex, known.partIndex) ||
    isOther(filter.mediaSessionId, known.mediaSessionId) ||
    isOther(filter.fileName, known.fileName)
  );
}
