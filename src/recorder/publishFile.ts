import { link, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasCode } from '../util/errorCode.ts';
import { isNoSpace } from './noSpace.ts';

/** Writes a file's bytes and its directory entry through to the disk. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Gives a finished, synced file its final name and syncs the folder.
 * @param overwrite replaces an existing file; otherwise an existing file is never touched.
 * @returns false when the name is taken.
 */
export async function publishFile(work: string, final: string, overwrite: boolean): Promise<boolean> {
  if (overwrite) await rename(work, final);
  else if (!(await renameIfFree(work, final))) return false;
  await syncPath(dirname(final)).catch((error: unknown) => {
    // The file has its name already: to give it again when there is room would not find it.
    if (!isNoSpace(error)) throw error;
  });
  return true;
}

/** rename(2) replaces its target, link(2) does not: link and unlink are a rename that cannot overwrite. */
async function renameIfFree(work: string, final: string): Promise<boolean> {
  try {
    await link(work, final);
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    if (!hasCode(error, 'EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK')) throw error;
    return reserveAndRename(work, final);
  }
  await unlink(work);
  return true;
}

/** For file systems without hard links: an exclusive empty file holds the name until the rename. */
async function reserveAndRename(work: string, final: string): Promise<boolean> {
  try {
    await (await open(final, 'wx')).close();
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
  try {
    await rename(work, final);
  } catch (error) {
    await unlink(final);
    throw error;
  }
  return true;
}
