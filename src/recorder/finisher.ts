import { access, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../domain/log.ts';
import { withSuffix } from '../domain/names.ts';
import { finaliseMatroska } from '../media/matroska/finalise.ts';
import { MatroskaError } from '../media/matroska/matroskaError.ts';
import { Mp4Error } from '../media/mp4/boxes.ts';
import { finaliseMp4 } from '../media/mp4/finalise.ts';
import type { TrackEnds } from '../media/mp4/scan.ts';
import { indexOf, removeIndex } from './fragmentIndexes.ts';
import { publishFile, syncPath } from './publishFile.ts';

/** More files of one name than this are a configuration mistake. */
const MAX_SUFFIX = 10_000;

/** What a file holds of one kind of media. */
export interface FileTrack {
  readonly kind: 'video' | 'audio' | 'other';
  readonly packets: number;
  readonly bytes: number;
}

/** What a finished file says of itself. */
export interface SettledFile {
  readonly bytes: number;
  /** Undefined where that takes reading more than an index. */
  readonly tracks: readonly FileTrack[] | undefined;
  /** Undefined where the container is not read. */
  readonly durationMs: number | undefined;
}

/**
 * Turns a working file into what players expect: finalises MP4, WebM and MKV in place, and syncs. May be repeated.
 * An index of its fragments (`indexOf`) is used and removed.
 * @param ends where the tracks of an MP4 are to end.
 * @returns undefined when the file holds no media.
 */
export async function settleFile(
  path: string,
  container: string,
  ends?: TrackEnds,
): Promise<SettledFile | undefined> {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size === 0) return undefined;
  if (container === 'ts') {
    await syncPath(path);
    return { bytes: size, tracks: undefined, durationMs: undefined };
  }
  try {
    if (container !== 'mp4') {
      const { bytes, durationMs } = await finaliseMatroska(path);
      return { bytes, tracks: undefined, durationMs };
    }
    // Tried again, after a full disk, it does without: the index may be the room that is wanting.
    const made = finaliseMp4(path, ends, indexOf(path)).finally(() => removeIndex(path));
    const { bytes, durationMs, tracks } = await made;
    return {
      bytes,
      durationMs,
      tracks: tracks.map(({ samples, ...track }) => ({ ...track, packets: samples })),
    };
  } catch (error) {
    if (isUnmendable(error) && error.code === 'nothing-to-save') return undefined;
    throw error;
  }
}

/** True when the file itself is why it cannot be settled, so that trying again is of no use. */
export function isUnmendable(error: unknown): error is Mp4Error | MatroskaError {
  return error instanceof Mp4Error || error instanceof MatroskaError;
}

/** Removes a file that holds no media. */
export async function removeEmpty(path: string, log: Logger): Promise<void> {
  log.warn('part holds no media and is removed', { file: path });
  await unlink(path).catch(() => undefined);
}

/**
 * Gives a settled file its name, with a number where the name is taken. @returns the path.
 * @param place `overwrite` replaces a file of the same name (`force` of WCS 5.1); `onNaming` is awaited before each try
 * of a name, which is given to this file unless it turns out to be taken.
 */
export async function nameFile(
  work: string,
  wanted: string,
  place: {
    readonly recordsDir: string;
    readonly overwrite: boolean;
    readonly onNaming: (path: string) => Promise<void>;
  },
  log: Logger,
): Promise<string> {
  for (let n = 1; n <= MAX_SUFFIX; n++) {
    const name = n === 1 ? wanted : withSuffix(wanted, n);
    const path = join(place.recordsDir, name);
    // Passed over before anybody is told of it, which costs a sync.
    if (!place.overwrite && (await isThere(path))) continue;
    await place.onNaming(path);
    if (await publishFile(work, path, place.overwrite)) {
      if (n > 1) log.warn('record name is taken, a number is added', { wanted, name });
      return path;
    }
  }
  throw new Error(`no free name for ${wanted} after ${MAX_SUFFIX} tries`);
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
