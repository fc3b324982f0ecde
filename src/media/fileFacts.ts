import type { FileHandle } from 'node:fs/promises';
import type { FileFacts } from '../domain/media.ts';
import { matroskaFacts } from './matroska/facts.ts';
import { mp4Facts } from './mp4/facts.ts';

/**
 * Reads the head and the index of a file, and no media.
 * @returns undefined for a file that its writer did not finish.
 * @throws Mp4Error, MatroskaError, RangeError for one that is damaged or none of these.
 */
export function readFileFacts(
  handle: FileHandle,
  container: 'mp4' | 'webm' | 'mkv',
): Promise<FileFacts | undefined> {
  return container === 'mp4' ? mp4Facts(handle) : matroskaFacts(handle);
}
