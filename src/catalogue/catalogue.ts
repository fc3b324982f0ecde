import { mkdir, opendir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setImmediate as others } from 'node:timers/promises';
import type {
  CatalogueFile,
  CataloguePage,
  CatalogueQuery,
  CatalogueRecording,
  HookState,
} from '../domain/catalogue.ts';
import { isHookOver } from '../domain/catalogue.ts';
import { RecorderdError } from '../domain/errors.ts';
import type { PartEvidence } from '../domain/integrityReport.ts';
import type { Logger } from '../domain/log.ts';
import { partKey } from '../domain/recording.ts';
import type { FinishedPart } from '../domain/recording.ts';
import { fileOf, partOf } from './catalogueFile.ts';
import { CatalogueRows, readLine } from './catalogueRows.ts';
import type { CatalogueLine, FileKey } from './catalogueRows.ts';
import { catalogueLog } from './keptFiles.ts';
import { LineLog } from './lineLog.ts';
import { currentOf, pageOf, viewOf } from './query.ts';
import type { CatalogueNow } from './query.ts';

export interface CatalogueOptions {
  /** Absolute path of the records folder; the catalogue is in `.catalogue` of it. */
  readonly recordsDir: string;
  /** Files that are kept in it, at least 1; above that the oldest are forgotten, first those that are not there. */
  readonly maxFiles: number;
  /** How often the folder is compared with the catalogue. */
  readonly checkMs: number;
  /** A hook is set. */
  readonly hasHook: boolean;
}

/** What others know better. */
export interface CatalogueDeps {
  readonly now: () => CatalogueNow;
  /** Grows whenever `now` would tell something else. */
  readonly changes: () => number;
  /** Owes the hook of a part, anew if it has ended. */
  readonly runHook: (part: FinishedPart) => Promise<void>;
  /** Removes what is reported of a file. */
  readonly forgetReport: (file: FileKey & { readonly fileName: string }) => Promise<void>;
  /** Removes the picture of a file. */
  readonly forgetPicture: (file: FileKey) => void;
  readonly log: Logger;
}

/** Names that are read, and files that are compared, before others have their turn: about 1 ms. */
const AT_ONCE = 2000;
/** Share of `maxFiles` that is forgotten at once, so that looking for the oldest is rare. */
const FORGET_SHARE = 0.01;
/** Lines that say nothing any more, beyond one for each file, before the log is rewritten. */
const MAX_STALE_LINES = 10_000;

/**
 * What was recorded, where it is and what happened to it: a line on disk for each finished file and each change, and all
 * of it in memory (docs/decisions/0010-catalogue-store.md). What others know, such as reports, owed runs and running
 * recordings, is asked of them. Files that it does not know are never touched.
 */
export class Catalogue {
  #options: CatalogueOptions;
  readonly #deps: CatalogueDeps;
  readonly #lines: LineLog;
  readonly #rows = new CatalogueRows();
  #timer: NodeJS.Timeout | undefined;
  #isChecking = false;
  #isBlind = false;
  #changes = 0;
  /** Names that came, or were looked at, since the folder began to be read. */
  readonly #fresh = new Set<string>();

  constructor(options: CatalogueOptions, deps: CatalogueDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#lines = new LineLog(catalogueLog(options.recordsDir), deps.log);
  }

  /** Reads what is known and compares it with the folder. @throws Error when the catalogue cannot be used. */
  async open(): Promise<void> {
    await mkdir(dirname(catalogueLog(this.#options.recordsDir)), { recursive: true });
    let unknown = 0;
    await this.#lines.open((value) => {
      const line = readLine(value);
      if (line === undefined) unknown++;
      else this.#rows.apply(line);
    });
    if (unknown > 0)
      this.#deps.log.warn('catalogue has lines of another kind, which are passed over', { unknown });
    this.#forgetOldest();
    await this.check();
    this.#checkRegularly();
  }

  /** Takes other options; the folder stays. */
  use(options: CatalogueOptions): void {
    this.#options = { ...options, recordsDir: this.#options.recordsDir };
    this.#checkRegularly();
    this.#forgetOldest();
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#lines.close();
  }

  /** Takes in a finished part; durable once resolved. One that is known is left as it is. Never rejects. */
  async take(part: FinishedPart, evidence: PartEvidence): Promise<void> {
    const file = fileOf(part, evidence, this.#options.hasHook ? 'pending' : 'none');
    if (this.#rows.get(file) !== undefined) return;
    const replaced = this.#rows.named(file.fileName);
    if (replaced !== undefined) void this.#change(replaced, { fileState: 'gone' });
    this.#fresh.add(file.fileName);
    await this.#say({ put: file }, true);
    this.#forgetOldest();
  }

  /** A hook run came to its end. Written once resolved. */
  async noteHook({ recordingId, index: partIndex }: FinishedPart, hookState: HookState): Promise<void> {
    const file = this.#rows.get({ recordingId, partIndex });
    if (file === undefined) return;
    // Looked for while the run counts as unfinished: what is not there has been taken by it.
    await this.look(file.fileName);
    await this.#change(file, { hookState });
  }

  /**
   * A run that is neither owed nor noted as ended did end: only a kill comes between the two. To be called once recovery
   * has announced what it found, and once there is a hook again.
   */
  async settle(): Promise<void> {
    if (!this.#options.hasHook) return;
    const now = this.#deps.now();
    for (const file of this.files()) {
      const isOwed = file.hookState !== 'pending' || now.owed.has(partKey(file.recordingId, file.partIndex));
      if (!isOwed && !now.unfinished.has(file.recordingId)) await this.noteHook(partOf(file, ''), 'done');
    }
  }

  /** Looks whether a name is in the folder. */
  async look(fileName: string): Promise<void> {
    const isThere = await stat(join(this.#options.recordsDir, fileName)).then(
      () => true,
      () => false,
    );
    const file = this.#rows.named(fileName);
    this.#fresh.add(fileName);
    if (file !== undefined) this.#see(file, isThere);
  }

  /** Compares the catalogue with the folder. Never rejects. */
  async check(): Promise<void> {
    if (this.#isChecking) return;
    this.#isChecking = true;
    this.#fresh.clear();
    try {
      const names = new Set<string>();
      for await (const { name } of await opendir(this.#options.recordsDir, { bufferSize: AT_ONCE }))
        names.add(name);
      let seen = 0;
      for (const file of this.#rows.all()) {
        if (++seen % AT_ONCE === 0) await others();
        const isOwner = this.#rows.named(file.fileName) === file;
        if (!this.#fresh.has(file.fileName)) this.#see(file, isOwner && names.has(file.fileName));
      }
      this.#isBlind = false;
    } catch (err) {
      if (!this.#isBlind)
        this.#deps.log.error('records folder cannot be compared with the catalogue', { err });
      this.#isBlind = true;
    }
    this.#isChecking = false;
  }

  /** Files that are known, those that are not there any more included. */
  get size(): number {
    return this.#rows.size;
  }

  /** Grows whenever what it tells of a file or of a recording may have changed; from 0. */
  get changes(): number {
    return this.#changes + this.#deps.changes();
  }

  find(query: CatalogueQuery): CataloguePage {
    return pageOf(this.#rows.recordings(), query, this.#deps.now());
  }

  /** @throws RecorderdError RECORDING_NOT_FOUND */
  recording(id: string, parts: { readonly offset: number; readonly limit: number }): CatalogueRecording {
    return viewOf(this.#filesOf(id), this.#deps.now(), parts);
  }

  knows(fileName: string): boolean {
    return this.#rows.named(fileName) !== undefined;
  }

  /** Files that can be added before others are forgotten. */
  get room(): number {
    return Math.max(0, this.#options.maxFiles - this.#rows.size);
  }

  /** True while a recording has files to come. */
  isUnfinished(recordingId: string): boolean {
    return this.#deps.now().unfinished.has(recordingId);
  }

  /** Takes in a file as it is; durable once resolved. @returns false, and does nothing, for one that is known. */
  async takeIn(file: CatalogueFile): Promise<boolean> {
    if (this.#rows.get(file) !== undefined || this.knows(file.fileName)) return false;
    await this.#say({ put: file }, true);
    return true;
  }

  /** Every file, its hook as it stands now; those of one recording in order. */
  *files(): Generator<CatalogueFile> {
    const now = this.#deps.now();
    for (const file of this.#rows.all()) yield currentOf(file, now);
  }

  /** One file, its hook as it stands now. */
  file(key: FileKey): CatalogueFile | undefined {
    const file = this.#rows.get(key);
    return file && currentOf(file, this.#deps.now());
  }

  /**
   * Removes a recording, or one file of it: from the folder, with its report, and from the catalogue.
   * @param force though its hook has not ended well.
   * @returns how many files are forgotten.
   * @throws RecorderdError RECORDING_NOT_FOUND, RECORDING_UNFINISHED, HOOK_UNFINISHED
   */
  async delete(id: string, partIndex: number | undefined, force: boolean): Promise<number> {
    const files = [...this.#filesOf(id, partIndex)];
    const now = this.#deps.now();
    if (partIndex === undefined && now.unfinished.has(id))
      throw new RecorderdError('RECORDING_UNFINISHED', `recording ${id} is not finished`);
    const owing = force ? undefined : files.find((file) => !isHookOver(currentOf(file, now).hookState));
    if (owing !== undefined)
      throw new RecorderdError(
        'HOOK_UNFINISHED',
        `the hook of ${owing.fileName} has not ended well; force deletes it`,
      );
    for (const file of files) await this.remove(file);
    return files.length;
  }

  /** Removes a file, its report and what is known of it. @throws Error when the file cannot be removed. */
  async remove(key: FileKey): Promise<void> {
    const file = this.#rows.get(key);
    if (file === undefined) return;
    // Of two files of one name the folder holds the newer.
    const isOwner = this.#rows.named(file.fileName) === file;
    if (isOwner) await rm(join(this.#options.recordsDir, file.fileName), { force: true });
    await this.#deps.forgetReport(file);
    const { recordingId, partIndex } = file;
    await this.#say({ drop: { recordingId, partIndex } }, false);
  }

  /**
   * Owes the hook of a recording's files, or of one, anew.
   * @throws RecorderdError RECORDING_NOT_FOUND; HOOK_NOT_FOUND without a hook; FILE_NOT_FOUND when none is there.
   */
  async runHook(id: string, partIndex: number | undefined): Promise<void> {
    const files = this.#filesOf(id, partIndex);
    if (!this.#options.hasHook) throw new RecorderdError('HOOK_NOT_FOUND', 'there is no record hook');
    for (const { fileName } of files) await this.look(fileName);
    const there = files.filter(({ fileState }) => fileState === 'present');
    if (there.length === 0) throw new RecorderdError('FILE_NOT_FOUND', `no file of recording ${id} is here`);
    for (const file of there) await this.#deps.runHook(partOf(file, this.#options.recordsDir));
  }

  #checkRegularly(): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => void this.check(), this.#options.checkMs);
  }

  #filesOf(id: string, partIndex?: number): readonly CatalogueFile[] {
    const all = this.#rows.filesOf(id);
    const files = partIndex === undefined ? all : all.filter((file) => file.partIndex === partIndex);
    if (files.length > 0) return files;
    const which = partIndex === undefined ? '' : `, part ${partIndex}`;
    throw new RecorderdError('RECORDING_NOT_FOUND', `Recording not found: ${id}${which}`);
  }

  #see(file: CatalogueFile, isThere: boolean): void {
    if (isThere === (file.fileState === 'present')) return;
    const { hookState } = currentOf(file, this.#deps.now());
    const missing = hookState === 'pending' || hookState === 'running' ? 'moved' : 'gone';
    void this.#change(file, { fileState: isThere ? 'present' : missing });
  }

  #change(
    { recordingId, partIndex }: FileKey,
    changed: Partial<Pick<CatalogueFile, 'fileState' | 'hookState'>>,
  ): Promise<void> {
    return this.#say({ set: { recordingId, partIndex }, ...changed }, false);
  }

  #say(line: CatalogueLine, isDurable: boolean): Promise<void> {
    this.#rows.apply(line);
    this.#changes++;
    if ('drop' in line) this.#deps.forgetPicture(line.drop);
    const written = this.#lines.write(line, isDurable);
    if (this.#lines.lines > 2 * this.#rows.size + MAX_STALE_LINES)
      void this.#lines.rewrite(Array.from(this.#rows.all(), (put) => ({ put })));
    return written;
  }

  #forgetOldest(): void {
    const { maxFiles } = this.#options;
    if (this.#rows.size <= maxFiles) return;
    const count = this.#rows.size - maxFiles + Math.floor(maxFiles * FORGET_SHARE);
    const [there, taken]: [CatalogueFile[], CatalogueFile[]] = [[], []];
    for (const file of this.#rows.all()) (file.fileState === 'present' ? there : taken).push(file);
    const oldest = [...byAge(taken), ...byAge(there)].slice(0, count);
    const known = oldest.filter(({ fileState }) => fileState === 'present').length;
    if (known > 0)
      this.#deps.log.warn('catalogue is full, its oldest files are forgotten and stay in the folder', {
        files: known,
      });
    for (const { recordingId, partIndex } of oldest)
      void this.#say({ drop: { recordingId, partIndex } }, false);
  }
}

function byAge(files: CatalogueFile[]): CatalogueFile[] {
  return files.sort((a, b) => a.endedAt - b.endedAt);
}
