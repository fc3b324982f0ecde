import { open, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { reportOf } from '../domain/integrityReport.ts';
import type { IntegrityReport, PartEvidence, ReportFilter } from '../domain/integrityReport.ts';
import type { Logger } from '../domain/log.ts';
import { partKey } from '../domain/recording.ts';
import type { FinishedPart } from '../domain/recording.ts';
import { writeWhole } from '../storage/wholeFile.ts';
import { Slots } from '../util/slots.ts';
import { within } from '../util/within.ts';
import { countPackets } from './countPackets.ts';
import { digestOf } from './fileDigest.ts';
import { ReportStore } from './reportStore.ts';

export interface ReportOptions {
  /** Absolute path of the records folder; the reports are in `.reports` of it. */
  readonly recordsDir: string;
  /** Reports that are kept in the folder, the newest; 0 for none. */
  readonly keep: number;
  /** Compute the digest of each file. */
  readonly sha256: boolean;
  /** Write a report beside its file, too, as `<file>.json`. */
  readonly besideFile: boolean;
}

/** Names a part and its file. */
type RemovedPart = Pick<IntegrityReport, 'recordingId' | 'partIndex' | 'fileName'>;

/** Files that wait, held open, so that a hook may move them: more are looked for by their name when it is their turn. */
const MAX_HELD_FILES = 64;
/** Newest reports that are looked through at the start for a digest that an earlier process owed. */
const MAX_RESUMED = 200;

/**
 * Integrity reports. Each is on disk before the part's hook runs; what takes reading the file comes later, one file
 * at a time, and delays nobody. A report that cannot be written is logged and touches neither recording nor hook.
 */
export class IntegrityReports {
  #options: ReportOptions;
  readonly #log: Logger;
  /** Undefined when none are kept. */
  readonly #store: ReportStore | undefined;
  readonly #slots = new Slots(1, Infinity);
  readonly #unfinished = new Set<Promise<void>>();
  readonly #shutdown = new AbortController();
  /** Parts that were removed while something was unfinished. */
  readonly #removed = new Set<string>();
  #heldFiles = 0;

  constructor(options: ReportOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
    if (options.keep > 0)
      this.#store = new ReportStore(join(options.recordsDir, '.reports'), options.keep, log);
  }

  /** Opens the folder; what an earlier process owed is made up for. @throws Error when the folder cannot be used. */
  async open(): Promise<void> {
    await this.#store?.open();
    if (!this.#options.sha256) return;
    for (const report of await this.find({}, MAX_RESUMED)) {
      const path = join(this.#options.recordsDir, basename(report.fileName));
      const size = await stat(path).then(
        (found) => found.size,
        () => undefined,
      );
      if (report.sha256 === null && size === report.bytes) this.#completeLater(report, path, undefined);
    }
  }

  /** Takes other options for the files that are reported on from now on; folder and `keep` stay. */
  use(options: ReportOptions): void {
    const { recordsDir, keep } = this.#options;
    this.#options = { ...options, recordsDir, keep };
  }

  /** Reports on a finished part; durable once resolved. A part that was reported on before keeps its report. Never rejects. */
  async take(part: FinishedPart, evidence: PartEvidence): Promise<void> {
    const { keep, besideFile } = this.#options;
    if (keep === 0 && !besideFile) return;
    const { recordingId, index: partIndex, path } = part;
    const [known] = await this.find({ recordingId, partIndex }, 1);
    if (known !== undefined && known.sha256 !== null) return;
    const report = known ?? reportOf(part, evidence);
    if (known === undefined) await this.#save(report);
    this.#completeLater(report, path, await this.#hold(path));
  }

  /** Newest first, at most `limit`. */
  async find(filter: ReportFilter, limit: number): Promise<readonly IntegrityReport[]> {
    return (await this.#store?.find(filter, limit)) ?? [];
  }

  /** Removes the report of a part whose file was removed, that beside the file included. */
  async remove({ recordingId, partIndex, fileName }: RemovedPart): Promise<void> {
    if (this.#unfinished.size > 0) this.#removed.add(partKey(recordingId, partIndex));
    await this.#store?.remove(recordingId, partIndex);
    if (!this.#options.besideFile) return;
    await rm(join(this.#options.recordsDir, `${fileName}.json`), { force: true });
  }

  /** Waits for what reports lack, at most `withinMs`; the rest is left to the next start. Nothing runs afterwards. */
  async drain(withinMs: number): Promise<void> {
    await within(Promise.all(this.#unfinished), withinMs);
    this.#shutdown.abort();
    await Promise.all(this.#unfinished);
  }

  async #save(report: IntegrityReport): Promise<void> {
    const { recordingId, fileName } = report;
    await this.#store?.save(report).catch((err: unknown) => {
      this.#log.warn('integrity report cannot be written', { recordingId, fileName, err });
    });
  }

  async #hold(path: string): Promise<FileHandle | undefined> {
    if (this.#heldFiles >= MAX_HELD_FILES) return undefined;
    this.#heldFiles++;
    const handle = await open(path, 'r').catch(() => undefined);
    if (handle === undefined) this.#heldFiles--;
    return handle;
  }

  #completeLater(report: IntegrityReport, path: string, held: FileHandle | undefined): void {
    const job = this.#slots
      .run(() => this.#complete(report, path, held))
      .catch((err: unknown) => {
        if (this.#shutdown.signal.aborted) return;
        this.#log.warn('integrity report is not complete', { file: path, err });
      })
      .finally(() => {
        if (held !== undefined) this.#heldFiles--;
        this.#unfinished.delete(job);
        if (this.#unfinished.size === 0) this.#removed.clear();
      });
    this.#unfinished.add(job);
  }

  async #complete(report: IntegrityReport, path: string, held: FileHandle | undefined): Promise<void> {
    const handle = held ?? (await open(path, 'r'));
    try {
      if (this.#shutdown.signal.aborted) return;
      const complete = await this.#completed(report, handle);
      if (this.#removed.has(partKey(report.recordingId, report.partIndex))) return;
      await this.#save(complete);
      if (this.#options.besideFile) await this.#writeBeside(complete, path, handle);
    } finally {
      await handle.close();
    }
  }

  /** @throws Error when the file is another one by now, or cannot be read. */
  async #completed(report: IntegrityReport, handle: FileHandle): Promise<IntegrityReport> {
    const before = await handle.stat();
    const tracks = await tracksOf(report, handle);
    const sha256 = this.#options.sha256 ? await digestOf(handle, this.#shutdown.signal) : null;
    const after = await handle.stat();
    if (after.size !== report.bytes || after.mtimeMs !== before.mtimeMs)
      throw new Error('the file was changed after it was finished');
    return { ...report, tracks, sha256 };
  }

  /** Nothing is written where the hook has moved the file. */
  async #writeBeside(report: IntegrityReport, path: string, handle: FileHandle): Promise<void> {
    const [named, own] = [await stat(path).catch(() => undefined), await handle.stat()];
    if (named?.ino !== own.ino || named.dev !== own.dev) return;
    await writeWhole(`${path}.json`, `${JSON.stringify(report, undefined, 2)}\n`);
  }
}

/** Adds what only the blocks of a WebM or MKV file tell. */
async function tracksOf(
  { container, tracks }: IntegrityReport,
  handle: FileHandle,
): Promise<IntegrityReport['tracks']> {
  const isCounted = tracks.every(({ packetsInFile }) => packetsInFile !== null);
  if (isCounted || (container !== 'webm' && container !== 'mkv')) return tracks;
  const counts = await countPackets(handle, container);
  return tracks.map((track) => {
    const { packets, bytes } = counts[track.kind];
    return { ...track, packetsInFile: packets, bytesInFile: bytes };
  });
}
