import { stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../domain/log.ts';
import { recordName, withSuffix } from '../domain/names.ts';
import type { NameFacts, NameSettings } from '../domain/names.ts';
import { Mp4Error } from '../media/mp4/boxes.ts';
import { finaliseMp4 } from '../media/mp4/finalise.ts';
import { publishFile, syncPath } from './publishFile.ts';

/** More files of one name than this are a configuration mistake. */
const MAX_SUFFIX = 10_000;

export interface FinishOptions {
  readonly recordsDir: string;
  readonly names: NameSettings;
  /** Replaces a file of the same name (`force` of WCS 5.1). */
  readonly overwrite: boolean;
}

export interface FinishedFile {
  readonly path: string;
  readonly bytes: number;
  readonly durationMs: number;
}

/**
 * Turns a working file into a record: finalises MP4 in place, syncs, and gives it its final name.
 * @returns undefined when the file holds no media; it is removed then.
 */
export async function finishFile(
  workPath: string,
  facts: NameFacts & { readonly durationMs: number },
  options: FinishOptions,
  log: Logger,
): Promise<FinishedFile | undefined> {
  const made = await settle(workPath, facts);
  if (made === undefined) {
    log.warn('part holds no media and is removed', { file: workPath });
    await unlink(workPath).catch(() => undefined);
    return undefined;
  }
  const wanted = recordName(options.names, { ...facts, durationMs: made.durationMs });
  const path = await nameFile(workPath, wanted, options, log);
  return { path, ...made };
}

async function settle(
  path: string,
  facts: NameFacts & { readonly durationMs: number },
): Promise<{ bytes: number; durationMs: number } | undefined> {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size === 0) return undefined;
  if (facts.extension !== 'mp4') {
    await syncPath(path);
    return { bytes: size, durationMs: facts.durationMs };
  }
  try {
    const { bytes, durationMs } = await finaliseMp4(path);
    return { bytes, durationMs };
  } catch (error) {
    if (error instanceof Mp4Error && error.code === 'nothing-to-save') return undefined;
    throw error;
  }
}

async function nameFile(work: string, wanted: string, options: FinishOptions, log: Logger): Promise<string> {
  for (let n = 1; n <= MAX_SUFFIX; n++) {
    const name = n === 1 ? wanted : withSuffix(wanted, n);
    const path = join(options.recordsDir, name);
    if (await publishFile(work, path, options.overwrite)) {
      if (n > 1) log.warn('record name is taken, a number is added', { wanted, name });
      return path;
    }
  }
  throw new Error(`no free name for ${wanted} after ${MAX_SUFFIX} tries`);
}
