import { realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { hasCode } from '../../util/errorCode.ts';

/** An ordinary file that may be served. */
export interface FoundFile {
  /** Absolute folder without symbolic links. */
  readonly root: string;
  /** Names from `root` down to the file, itself not a link any more. */
  readonly names: readonly string[];
  /** Bytes. */
  readonly size: number;
}

/**
 * Looks for an ordinary file below `root`. Undefined when there is none, and for every way out: names that are no
 * plain visible name (empty, `..`, hidden, with a slash or NUL in it), and links that lead to such a place or out of
 * `root`.
 */
export async function findFile(root: string, names: readonly string[]): Promise<FoundFile | undefined> {
  if (names.length === 0 || !names.every(isVisibleName)) return undefined;
  try {
    const realRoot = await realpath(root);
    const realFile = await realpath(join(realRoot, ...names));
    const inside = relative(realRoot, realFile);
    const realNames = inside.split(sep);
    if (isAbsolute(inside) || !realNames.every(isVisibleName)) return undefined;
    // A FIFO or a device would hold whoever reads it.
    const stats = await stat(realFile);
    return stats.isFile() ? { root: realRoot, names: realNames, size: stats.size } : undefined;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EACCES')) return undefined;
    throw error;
  }
}

function isVisibleName(name: string): boolean {
  return name !== '' && !name.startsWith('.') && !/[/\0]/.test(name);
}
