import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CatalogueFile, Picture } from '../domain/catalogue.ts';
import { RecorderdError } from '../domain/errors.ts';
import type { Logger } from '../domain/log.ts';
import { runProgram } from '../process/runProgram.ts';
import { Slots } from '../util/slots.ts';
import type { Catalogue } from './catalogue.ts';
import type { FileKey } from './catalogueRows.ts';
import { peakArgs, thumbnailArgs, waveform } from './pictureArgs.ts';

export interface PictureOptions {
  readonly ffmpegPath: string;
  /** Absolute path of the records folder; pictures are kept in `.catalogue/pictures` of it. */
  readonly recordsDir: string;
  /** Pictures that are kept; 0 makes none. */
  readonly max: number;
  /** Pictures that may wait to be made; one is made at a time. */
  readonly maxWaiting: number;
  readonly timeoutMs: number;
  /** Bound on width times height of the video. */
  readonly maxPixels: number;
  readonly env: Readonly<Record<string, string>>;
}

export interface PictureDeps {
  readonly catalogue: Catalogue;
  /** True when so many bytes more leave the disk above where it is full. */
  readonly canSpare: (bytes: number) => Promise<boolean>;
  readonly log: Logger;
}

/** SIGKILL leaves nothing behind but the unfinished file, which is removed. */
const KILL_GRACE_MS = 200;
/** A line of 90 characters for each column of a waveform. */
const MAX_OUTPUT_BYTES = 65_536;
/** More than any picture of these sizes takes. */
const ROOM_BYTES = 1_048_576;
/** Files of which there can be none, so that they are not tried at each look. */
const MAX_FAILED = 1000;
const NAME = /^(\d+)-(.+)$/;

/**
 * Small pictures of finished files: made when one is first asked for, by an FFmpeg that lets everything else go first, and
 * kept beside the catalogue as long as it knows the file and there is room. Those that nobody asks for go first.
 */
export class Pictures {
  readonly #options: PictureOptions;
  readonly #deps: PictureDeps;
  readonly #dir: string;
  readonly #slots: Slots;
  readonly #shutdown = new AbortController();
  /** Names of those that are there, the one that was asked for last at the end. */
  readonly #kept = new Set<string>();
  readonly #making = new Map<string, Promise<void>>();
  readonly #failed = new Set<string>();

  constructor(options: PictureOptions, deps: PictureDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#dir = join(options.recordsDir, '.catalogue', 'pictures');
    this.#slots = new Slots(1, options.maxWaiting);
  }

  /** Takes over what an earlier process kept of files that are known. @throws Error when the folder cannot be used. */
  async open(): Promise<void> {
    if (this.#options.max === 0) {
      await rm(this.#dir, { recursive: true, force: true });
      return;
    }
    await mkdir(this.#dir, { recursive: true });
    for (const name of await readdir(this.#dir)) {
      const key = keyOf(name);
      if (key !== undefined && this.#deps.catalogue.file(key) !== undefined) this.#kept.add(name);
      else await this.#remove(name);
    }
    await this.#forgetOldest();
  }

  /** Ends what is being made. */
  close(): void {
    this.#shutdown.abort();
  }

  /**
   * The picture of a file, which is made when there is none, or when the file is newer.
   * @throws RecorderdError NOT_FOUND when pictures are turned off; RECORDING_NOT_FOUND, FILE_NOT_FOUND, PICTURE_FAILED,
   * LIMIT_REACHED, DISK_FULL
   */
  async of(key: FileKey): Promise<Picture> {
    if (this.#options.max === 0) throw new RecorderdError('NOT_FOUND', 'pictures are turned off');
    const file = await this.#lookedAt(key);
    const name = nameOf(file);
    if (!(await this.#isGood(name, file))) await (this.#making.get(name) ?? this.#begin(name, file));
    this.#kept.delete(name);
    this.#kept.add(name);
    return { folder: this.#dir, fileName: name, type: typeOf(file) };
  }

  /** The catalogue does not know the file any more. */
  forget(key: FileKey): void {
    const name = nameOf(key);
    this.#failed.delete(name);
    if (this.#kept.delete(name)) void this.#remove(name);
  }

  /** As it is now: the catalogue may not have seen yet that it went away. */
  async #lookedAt(key: FileKey): Promise<CatalogueFile> {
    const { catalogue } = this.#deps;
    const known = catalogue.file(key);
    if (known !== undefined) await catalogue.look(known.fileName);
    const file = catalogue.file(key);
    if (file === undefined)
      throw new RecorderdError(
        'RECORDING_NOT_FOUND',
        `Recording not found: ${key.recordingId}, part ${key.partIndex}`,
      );
    return file;
  }

  async #isGood(name: string, { fileState, fileName }: CatalogueFile): Promise<boolean> {
    const isKept = this.#kept.has(name);
    if (fileState !== 'present') {
      if (isKept) return true;
      throw new RecorderdError('FILE_NOT_FOUND', `${fileName} is not in the folder`);
    }
    if (!isKept) return false;
    const [picture, file] = await Promise.all([
      stat(join(this.#dir, name)).catch(() => undefined),
      stat(join(this.#options.recordsDir, fileName)),
    ]);
    return picture !== undefined && picture.mtimeMs >= file.mtimeMs;
  }

  async #begin(name: string, file: CatalogueFile): Promise<void> {
    const failed = new RecorderdError('PICTURE_FAILED', `no picture can be made of ${file.fileName}`);
    if (this.#failed.has(name)) throw failed;
    if (this.#slots.isFull) throw new RecorderdError('LIMIT_REACHED', 'too many pictures are being made');
    const making = this.#slots.run(async () => {
      if (await this.#make(name, file)) return;
      if (this.#failed.size >= MAX_FAILED) this.#failed.clear();
      this.#failed.add(name);
      throw failed;
    });
    this.#making.set(name, making);
    await making.finally(() => this.#making.delete(name));
  }

  /** @returns false when there can be none of this file. @throws RecorderdError DISK_FULL, PICTURE_FAILED at the end */
  async #make(name: string, file: CatalogueFile): Promise<boolean> {
    if (!(await this.#deps.canSpare(ROOM_BYTES)))
      throw new RecorderdError('DISK_FULL', 'the disk has no room for pictures');
    const unfinished = join(this.#dir, `.${name}`);
    try {
      if (!(await this.#draw(file, unfinished))) return false;
      await this.#keep(name, file, unfinished);
      return true;
    } finally {
      await rm(unfinished, { force: true });
    }
  }

  async #draw(file: CatalogueFile, target: string): Promise<boolean> {
    const { recordsDir, maxPixels } = this.#options;
    const path = join(recordsDir, file.fileName);
    if (file.videoCodec !== null) {
      const printed = await this.#run(file, thumbnailArgs(file, path, target, maxPixels));
      return printed !== undefined && (await stat(target)).size > 0;
    }
    const wave = waveform((await this.#run(file, peakArgs(file, path))) ?? '');
    if (wave !== undefined) await writeFile(target, wave);
    return wave !== undefined;
  }

  /** @returns what FFmpeg prints; undefined when it failed, the log tells why. @throws RecorderdError PICTURE_FAILED at the end */
  async #run({ fileName }: CatalogueFile, args: readonly string[]): Promise<string | undefined> {
    const { ffmpegPath: file, recordsDir: cwd, timeoutMs, env } = this.#options;
    const limits = { timeoutMs, killGraceMs: KILL_GRACE_MS, maxOutputBytes: MAX_OUTPUT_BYTES };
    const { signal } = this.#shutdown;
    const result = await runProgram({ file, args, cwd, env, ...limits, signal, lowPriority: true });
    const { exitCode, signal: by, timedOut, aborted, output, failure } = result;
    if (aborted) throw new RecorderdError('PICTURE_FAILED', 'the server is shutting down');
    if (exitCode === 0) return output;
    this.#deps.log.warn('no picture of a file', {
      fileName,
      exitCode,
      signal: by,
      timedOut,
      output,
      failure,
    });
    return undefined;
  }

  async #keep(name: string, file: CatalogueFile, unfinished: string): Promise<void> {
    await rename(unfinished, join(this.#dir, name));
    this.#kept.add(name);
    // It may have been deleted meanwhile.
    if (this.#deps.catalogue.file(file) === undefined) this.forget(file);
    await this.#forgetOldest();
  }

  async #forgetOldest(): Promise<void> {
    for (const name of this.#kept) {
      if (this.#kept.size <= this.#options.max) return;
      this.#kept.delete(name);
      await this.#remove(name);
    }
  }

  async #remove(name: string): Promise<void> {
    await rm(join(this.#dir, name), { recursive: true, force: true }).catch((err: unknown) =>
      this.#deps.log.warn('picture cannot be removed', { name, err }),
    );
  }
}

function typeOf({ videoCodec }: CatalogueFile): Picture['type'] {
  return videoCodec === null ? 'image/svg+xml' : 'image/jpeg';
}

/** Any id makes a visible name of one segment. */
function nameOf({ recordingId, partIndex }: FileKey): string {
  return `${partIndex}-${encodeURIComponent(recordingId)}`;
}

function keyOf(name: string): FileKey | undefined {
  const [, partIndex, id] = NAME.exec(name) ?? [];
  if (partIndex === undefined || id === undefined) return undefined;
  try {
    return { recordingId: decodeURIComponent(id), partIndex: Number(partIndex) };
  } catch {
    return undefined;
  }
}
