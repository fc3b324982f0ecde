import { watch } from 'chokidar';
import type { FSWatcher } from 'chokidar';
import { basename } from 'node:path';
import type { Logger } from '../domain/log.ts';

/**
 * Logs what happens in the records folder: our own renames, and records that hooks or people move and delete.
 * It is a witness, not the truth: a part is finished when its child has exited and our rename succeeded. Hidden
 * files, the work folder among them, are not looked at.
 */
export class RecordWatcher {
  readonly #recordsDir: string;
  readonly #log: Logger;
  #watcher: FSWatcher | undefined;

  constructor(recordsDir: string, log: Logger) {
    this.#recordsDir = recordsDir;
    this.#log = log;
  }

  /** Begins to watch; resolves when changes are seen from now on. Files already there are not reported. */
  async open(): Promise<void> {
    const watcher = watch(this.#recordsDir, {
      ignoreInitial: true,
      depth: 0,
      ignored: (path) => path !== this.#recordsDir && basename(path).startsWith('.'),
    });
    this.#watcher = watcher;
    watcher.on('add', (file) => this.#log.debug('record appeared', { file }));
    watcher.on('unlink', (file) => this.#log.info('record was moved or deleted', { file }));
    watcher.on('unlinkDir', (folder) => this.#log.error('records folder was removed', { folder }));
    watcher.on('error', (error) => this.#log.error('records folder cannot be watched', { err: error }));
    await new Promise<void>((resolve) => watcher.once('ready', () => resolve()));
  }

  async close(): Promise<void> {
    await this.#watcher?.close();
  }
}
