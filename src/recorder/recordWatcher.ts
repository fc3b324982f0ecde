import { watch } from 'chokidar';
import type { FSWatcher } from 'chokidar';
import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Logger } from '../domain/log.ts';

/** chokidar watches and, after each change of the folder, looks at every file of it: about 0.07 ms of CPU each. */
const MAX_FILES = 1000;

/** An integrity report beside its record. */
const REPORT = /\.(?:mp4|webm|mkv|ts)\.json(?:\.tmp)?$/;

/**
 * Logs what happens in the records folder: our own renames, and records that hooks or people move and delete.
 * It is a witness, not the truth: a part is finished when its child has exited and our rename succeeded, and the
 * catalogue looks at the folder itself from time to time. A folder that cannot be watched, or holds so many files that
 * watching would cost more than recording, is left alone. Hidden files, the work folder among them, and integrity reports
 * are not looked at.
 */
export class RecordWatcher {
  readonly #recordsDir: string;
  readonly #log: Logger;
  readonly #onChange: (fileName: string) => void;
  readonly #maxFiles: number;
  #watcher: FSWatcher | undefined;
  #files = 0;

  /** @param onChange told the name of each file that appeared or is gone. */
  constructor(recordsDir: string, log: Logger, onChange: (fileName: string) => void, maxFiles = MAX_FILES) {
    this.#recordsDir = recordsDir;
    this.#log = log;
    this.#onChange = onChange;
    this.#maxFiles = maxFiles;
  }

  /**
   * Begins to watch; resolves when changes are seen from now on, or when they cannot be. Files already there are not
   * reported. @throws when the folder cannot be read.
   */
  async open(): Promise<void> {
    this.#files = (await readdir(this.#recordsDir)).filter((name) => !REPORT.test(name)).length;
    if (await this.#isCrowded()) return;
    const watcher = watch(this.#recordsDir, {
      ignoreInitial: true,
      depth: 0,
      ignored: (path) => path !== this.#recordsDir && (basename(path).startsWith('.') || REPORT.test(path)),
    });
    this.#watcher = watcher;
    watcher.on('add', (file) => {
      this.#log.debug('record appeared', { file });
      this.#files++;
      this.#onChange(basename(file));
      void this.#isCrowded();
    });
    watcher.on('unlink', (file) => {
      this.#log.info('record was moved or deleted', { file });
      this.#files--;
      this.#onChange(basename(file));
    });
    watcher.on('unlinkDir', (folder) => this.#log.error('records folder was removed', { folder }));
    watcher.on('error', (error) => this.#log.error('records folder cannot be watched', { err: error }));
    // After an error in its first look chokidar never says `ready`.
    await new Promise<void>((resolve) => watcher.once('ready', resolve).once('error', () => resolve()));
  }

  async close(): Promise<void> {
    await this.#watcher?.close();
  }

  async #isCrowded(): Promise<boolean> {
    if (this.#files <= this.#maxFiles) return false;
    this.#log.warn('records folder holds too many files and is not watched', {
      files: this.#files,
      limit: this.#maxFiles,
    });
    await this.close();
    return true;
  }
}
