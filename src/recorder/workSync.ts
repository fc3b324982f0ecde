import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Logger } from '../domain/log.ts';
import { hasCode } from '../util/errorCode.ts';
import { RepeatLog } from '../util/repeatLog.ts';
import { JOURNAL_FILE } from './journal.ts';
import { syncPath } from './publishFile.ts';

/** A disk that is behind is told of this often, milliseconds. */
const BEHIND_LOG_MS = 60_000;

/** The file of one run. */
interface OpenFile {
  /** Absolute path of the file that is written now. */
  readonly path: () => string;
  readonly log: Logger;
  /** The path that was synced last. */
  known: string;
}

/**
 * Writes the files of running recordings through to the disk, so that a power failure costs no more than an interval.
 * One sync is under way at any time: a disk that stands still holds up one thread and nothing else.
 */
export class WorkSync {
  readonly #intervalMs: number;
  readonly #behind: RepeatLog;
  readonly #files = new Set<OpenFile>();
  /** Recordings whose trouble has been told. */
  readonly #told = new WeakSet<Logger>();
  #timer: NodeJS.Timeout | undefined;
  #isWalking = false;

  /** @param intervalMs milliseconds between two syncs of one file; 0 leaves all to the system. */
  constructor(intervalMs: number, log: Logger) {
    this.#intervalMs = intervalMs;
    this.#behind = new RepeatLog(log, 'disk is too slow for record_sync_ms', BEHIND_LOG_MS);
  }

  /** Syncs the file at `path` until the returned function is called. @param log of its recording. */
  add(path: () => string, log: Logger): () => void {
    const file = { path, log, known: '' };
    this.#files.add(file);
    if (this.#intervalMs > 0) this.#timer ??= setInterval(() => this.#tick(), this.#intervalMs);
    return () => {
      this.#files.delete(file);
      if (this.#files.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  #tick(): void {
    if (this.#isWalking) this.#behind.add({ files: this.#files.size });
    else void this.#walk();
  }

  async #walk(): Promise<void> {
    this.#isWalking = true;
    // A set shows what is added while it is walked and leaves out what is deleted.
    for (const file of this.#files) {
      try {
        await sync(file);
      } catch (err) {
        // FFmpeg has not made it yet, or it is a record by now.
        if (hasCode(err, 'ENOENT') || this.#told.has(file.log)) continue;
        this.#told.add(file.log);
        file.log.error('working file cannot be synced', { file: file.path(), err });
      }
    }
    this.#isWalking = false;
  }
}

async function sync(file: OpenFile): Promise<void> {
  const path = file.path();
  const handle = await open(path, 'r');
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
  if (path === file.known) return;
  // A new file also needs its entry in its folder, and what tells of it.
  const folder = dirname(path);
  for (const each of [join(folder, JOURNAL_FILE), folder, dirname(folder)]) await syncPath(each);
  file.known = path;
}
