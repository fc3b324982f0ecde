import { open, unlink } from 'node:fs/promises';
import type { Logger } from '../domain/log.ts';
import { IndexGrowth } from '../media/mp4/indexGrowth.ts';

/** Ends the name of a growing file's index, beside it. */
export const INDEX_SUFFIX = '.index';

/** When files are looked at, and from which size on. */
export interface IndexPace {
  /** Milliseconds between two looks: what was written since is still in memory then. */
  readonly intervalMs: number;
  /** What is shorter is read at its end as fast without an index. */
  readonly minBytes: number;
}

const PACE: IndexPace = { intervalMs: 60_000, minBytes: 64 * 1024 * 1024 };

/** The file of one run. */
interface GrowingFile {
  /** Absolute path of the file that is written now. */
  readonly path: () => string;
  readonly log: Logger;
  /** The path that was looked at last, and its index; undefined where that could not be written. */
  known: string;
  growth: IndexGrowth | undefined;
}

/** Where the index of the fragments of a growing MP4 is. Only the process that wrote it knows that it is of this file. */
export function indexOf(path: string): string {
  return path + INDEX_SUFFIX;
}

/** Never rejects. */
export async function removeIndex(path: string): Promise<void> {
  await unlink(indexOf(path)).catch(() => undefined);
}

/**
 * Gathers, while long MP4s are recorded, what their ends need to know of each fragment: to read it then, at ten thousands
 * of places of a file that may have left the memory long ago, takes seconds. One file is looked at at any time.
 */
export class FragmentIndexes {
  readonly #pace: IndexPace;
  readonly #files = new Set<GrowingFile>();
  #timer: NodeJS.Timeout | undefined;
  #isWalking = false;
  #look: { readonly path: string; readonly done: Promise<void> } | undefined;

  constructor(pace = PACE) {
    this.#pace = pace;
  }

  /** Indexes the MP4 at `path` until the returned function is called. @param log of its recording. */
  add(path: () => string, log: Logger): () => void {
    if (!path().endsWith('.mp4')) return () => undefined;
    const file = { path, log, known: '', growth: undefined };
    this.#files.add(file);
    this.#timer ??= setInterval(() => void this.#walk(), this.#pace.intervalMs);
    return () => {
      this.#files.delete(file);
      if (this.#files.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  /** Resolves when the index of `path`, which its run has closed, is touched no more; at once but for one read or write. */
  async settled(path: string): Promise<void> {
    if (this.#look?.path === path) await this.#look.done;
  }

  async #walk(): Promise<void> {
    if (this.#isWalking) return;
    this.#isWalking = true;
    // A set shows what is added while it is walked and leaves out what is deleted.
    for (const file of this.#files) {
      const path = file.path();
      this.#look = { path, done: this.#lookAt(file, path) };
      await this.#look.done;
    }
    this.#look = undefined;
    this.#isWalking = false;
  }

  async #lookAt(file: GrowingFile, path: string): Promise<void> {
    if (path !== file.known) file.growth = new IndexGrowth(indexOf(path));
    file.known = path;
    if (file.growth === undefined) return;
    try {
      await this.#follow(file, file.growth);
    } catch (err) {
      file.growth = undefined;
      file.log.debug('index of a growing file is given up', { file: path, err });
      await removeIndex(path);
    }
  }

  async #follow(file: GrowingFile, growth: IndexGrowth): Promise<void> {
    // FFmpeg may not have made it yet.
    const handle = await open(file.known, 'r').catch(() => undefined);
    if (handle === undefined) return;
    const isWanted = (): boolean => this.#files.has(file) && file.path() === file.known;
    try {
      const { size } = await handle.stat();
      if (size >= this.#pace.minBytes) await growth.follow(handle, size, isWanted);
    } finally {
      await handle.close();
    }
  }
}
