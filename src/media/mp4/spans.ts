import { open } from 'node:fs/promises';
import { BoxFile } from './boxFile.ts';
import { Mp4Error } from './boxes.ts';
import { FragmentIndex } from './fragmentIndex.ts';
import { scanFile } from './scan.ts';

/** How much of each track a file holds: seconds from the first sample's decode time to the end of the last one. */
export type TrackSpans = ReadonlyMap<'video' | 'audio', number>;

/**
 * Reads how much of each track a fragmented MP4 holds, without changing it. Empty when it holds nothing readable.
 * @param indexPath where an index of its fragments may be.
 */
export async function trackSpans(path: string, indexPath?: string): Promise<TrackSpans> {
  const spans = new Map<'video' | 'audio', number>();
  const handle = await open(path, 'r').catch(() => undefined);
  if (handle === undefined) return spans;
  const index = indexPath === undefined ? undefined : await FragmentIndex.open(indexPath);
  try {
    const { tracks } = await scanFile(new BoxFile(handle, (await handle.stat()).size, index));
    for (const { track, table } of tracks) {
      if (track.kind !== 'other') spans.set(track.kind, table.duration / track.timescale);
    }
  } catch (error) {
    if (!(error instanceof Mp4Error)) throw error;
  } finally {
    await index?.close();
    await handle.close();
  }
  return spans;
}
