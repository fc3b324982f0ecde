import type { FileHandle } from 'node:fs/promises';
import { BlockReader } from './blocks.ts';
import { ElementFile } from './elementFile.ts';
import { ID } from './ids.ts';
import { MatroskaError } from './matroskaError.ts';
import { findSegment, readTrackFacts, type TrackFacts } from './segment.ts';

/** What a file holds of one kind of media. */
export interface MatroskaCount {
  packets: number;
  bytes: number;
}

/**
 * Counts the frames of a finished WebM or MKV file: reads the header of every block, and no media.
 * @throws MatroskaError for a file that is damaged or none of these.
 */
export async function countMatroska(
  handle: FileHandle,
): Promise<Readonly<Record<'video' | 'audio', MatroskaCount>>> {
  const file = new ElementFile(handle, (await handle.stat()).size);
  const counts = { video: { packets: 0, bytes: 0 }, audio: { packets: 0, bytes: 0 } };
  let tracks: ReadonlyMap<number, TrackFacts> = new Map();
  for (let at = (await findSegment(file)).body; at < file.size;) {
    const found = await file.topElement(at);
    if (found?.end === undefined) throw new MatroskaError('corrupt', `no element of known size at ${at}`);
    if (found.id === ID.tracks) tracks = await readTrackFacts(file, found);
    if (found.id === ID.cluster) {
      const reader = new BlockReader(file, found);
      for (let block = await reader.next(); block !== undefined; block = await reader.next()) {
        const count = counts[tracks.get(block.track)?.isVideo === true ? 'video' : 'audio'];
        count.packets++;
        count.bytes += block.bytes;
      }
    }
    at = found.end;
  }
  return counts;
}
