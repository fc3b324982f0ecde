import { mkdirSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasCode } from '../util/errorCode.ts';

/**
 * Makes a folder and its parents. Node's own recursive mkdir never returns where a parent exists and refuses new
 * entries with ENOENT, as /proc does.
 * @throws the system's error.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (hasCode(error, 'EEXIST') && (await stat(path)).isDirectory()) return;
    if (!hasCode(error, 'ENOENT') || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await mkdir(path);
  }
}

/** Makes each of these folders, parents first, unless it is there. @throws the system's error. */
export function makeFoldersNow(...paths: readonly string[]): void {
  for (const path of paths) {
    try {
      mkdirSync(path);
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    }
  }
}
