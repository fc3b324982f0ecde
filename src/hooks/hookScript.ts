import { constants } from 'node:fs';
import { access, open, stat } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { hasCode } from '../util/errorCode.ts';

/** Folders under the home that a relative script is looked up in. */
const SCRIPT_FOLDERS = ['scripts', 'bin'];
/** Run what names no interpreter, as a shell that is asked to run such a file would; the first one found. */
const SHELLS = ['/bin/bash', '/bin/sh'] as const;
const SHEBANG = Buffer.from('#!');
const ELF = Buffer.from('\x7fELF', 'latin1');

/** How to run a script: `program`, then `leading` arguments, then its own. */
export interface HookScript {
  /** Absolute path. */
  readonly path: string;
  readonly program: string;
  readonly leading: readonly string[];
}

/** A script that cannot be run. `reason` names the path and what is wrong with it. */
export interface UnusableScript {
  readonly reason: string;
}

/**
 * Finds the script of `on_record_hook_script`: an absolute path as it is, a relative one in `<home>/scripts`, then in
 * `<home>/bin`. Looked at anew for each run, because scripts are replaced while the server runs.
 */
export async function findScript(script: string, homeDir: string): Promise<HookScript | UnusableScript> {
  const candidates = isAbsolute(script)
    ? [script]
    : SCRIPT_FOLDERS.map((folder) => resolve(homeDir, folder, script));
  for (const path of candidates) {
    try {
      return await inspect(path);
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) continue;
      return { reason: error instanceof Error ? error.message : String(error) };
    }
  }
  return { reason: `not found: ${candidates.join(', ')}` };
}

async function inspect(path: string): Promise<HookScript | UnusableScript> {
  const found = await stat(path);
  if (found.isDirectory()) return { reason: `is a folder: ${path}` };
  if (!found.isFile()) return { reason: `is not a file: ${path}` };
  if (!(await isAccessible(path, constants.X_OK))) return { reason: `is not executable (chmod +x): ${path}` };
  if (await runsByItself(path)) return { path, program: path, leading: [] };
  return { path, program: await firstShell(), leading: [path] };
}

/** The kernel runs files with `#!` and ELF binaries; a binary that may not be read is left to the kernel too. */
async function runsByItself(path: string): Promise<boolean> {
  if (!(await isAccessible(path, constants.R_OK))) return true;
  const file = await open(path, 'r');
  try {
    const start = Buffer.alloc(ELF.length);
    await file.read(start, 0, start.length, 0);
    return start.equals(ELF) || start.subarray(0, SHEBANG.length).equals(SHEBANG);
  } finally {
    await file.close();
  }
}

async function firstShell(): Promise<string> {
  return (await isAccessible(SHELLS[0], constants.X_OK)) ? SHELLS[0] : SHELLS[1];
}

async function isAccessible(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
