import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isReport } from '../domain/integrityReport.ts';
import type { IntegrityReport, ReportFilter } from '../domain/integrityReport.ts';
import type { Logger } from '../domain/log.ts';
import { writeWhole } from '../storage/wholeFile.ts';
import { hasCode } from '../util/errorCode.ts';
import { placeOf } from '../util/placeOf.ts';

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

/** What is known of reports, oldest first: of all of them, and of each recording. */
class Entries {
  readonly #all: Entry[] = [];
  readonly #byRecording = new Map<string, Entry[]>();

  /** Those of one recording, or all; not a copy. */
  of(recordingId: string | undefined): readonly Entry[] {
    return recordingId === undefined ? this.#all : (this.#byRecording.get(recordingId) ?? []);
  }

  /** Unless there is one of that name. */
  add(entry: Entry): void {
    const own = this.#byRecording.get(entry.recordingId) ?? [];
    const at = placeByName(own, entry);
    if (own[at]?.name === entry.name) return;
    own.splice(at, 0, entry);
    this.#byRecording.set(entry.recordingId, own);
    this.#all.splice(placeByName(this.#all, entry), 0, entry);
  }

  delete(entry: Entry): void {
    const own = this.#byRecording.get(entry.recordingId) ?? [];
    for (const list of [own, this.#all]) {
      const at = placeByName(list, entry);
      if (list[at]?.name === entry.name) list.splice(at, 1);
    }
    if (own.length === 0) this.#byRecording.delete(entry.recordingId);
  }
}

function placeByName(entries: readonly Entry[], { name }: Entry): number {
  return placeOf(entries, (each) => each.name < name);
}

/**
 * Reports on disk, one small file each, the newest `keep` of them. Whatever else is in the folder is left alone, and
 * reports may be deleted there at any time.
 */
export class ReportStore {
  readonly #dir: string;
  readonly #keep: number;
  readonly #log: Logger;
  readonly #entries = new Entries();
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
    for (const name of names) {
      const [, , recordingId, part] = NAME.exec(name) ?? [];
      if (recordingId !== undefined) this.#entries.add({ name, recordingId, partIndex: Number(part) });
    }
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
    for (const entry of this.#entries.of(filter.recordingId).toReversed()) {
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
    for (const entry of [...this.#entries.of(recordingId)]) {
      if (entry.partIndex !== partIndex) continue;
      this.#entries.delete(entry);
      await rm(join(this.#dir, entry.name), { force: true });
    }
  }

  async #write(report: IntegrityReport): Promise<void> {
    const { recordingId, partIndex, endedAt, mediaSessionId, fileName } = report;
    const name = `${String(endedAt).padStart(TIME_DIGITS, '0')}-${recordingId}-${partIndex}.json`;
    if (!NAME.test(name)) throw new Error(`${name} is no name of a report`);
    await writeWhole(join(this.#dir, name), `${JSON.stringify(report)}\n`);
    this.#entries.add({ name, recordingId, partIndex, about: { mediaSessionId, fileName } });
    await this.#prune();
  }

  async #prune(): Promise<void> {
    const old = this.#entries.of(undefined).slice(0, -this.#keep);
    for (const entry of old) {
      this.#entries.delete(entry);
      await rm(join(this.#dir, entry.name), { force: true });
    }
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
