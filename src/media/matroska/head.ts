import { element, uintElement, writeSize } from '../ebml.ts';
import type { ElementFile } from './elementFile.ts';
import { ID } from './ids.ts';
import { writeDuration } from './info.ts';
import { MatroskaError } from './matroskaError.ts';
import type { Scan } from './scan.ts';
import { dropChecksum, fillVoid, fits } from './void.ts';

/** What FFmpeg writes up to the end of Info takes 300 bytes. */
const MAX_HEAD_BYTES = 1 << 20;
const SEGMENT_ID_BYTES = 4;
const SOUGHT: ReadonlySet<number> = new Set([ID.info, ID.tracks, ID.tags]);

/** What replaces the beginning of a Segment. */
export interface NewHead {
  readonly bytes: Buffer;
  /** Where they belong in the file. */
  readonly at: number;
  /** True when the SeekHead says where the index is. */
  readonly isIndexed: boolean;
}

/**
 * The beginning of the Segment, from its size to the end of Info, as it is in a finished file: the size, a SeekHead
 * in the room that FFmpeg left for it, and the duration. One piece, so that one write changes it.
 * @param cuesAt where the index starts in the file; undefined without one.
 * @param end where the Segment ends in the file.
 * @throws RangeError or MatroskaError when Info is damaged or far away.
 */
export async function newHead(
  file: ElementFile,
  scan: Scan,
  { cuesAt, end }: { readonly cuesAt: number | undefined; readonly end: number },
): Promise<NewHead> {
  const { segment, info, duration } = scan;
  const at = segment.start + SEGMENT_ID_BYTES;
  if (info.end - at > MAX_HEAD_BYTES)
    throw new MatroskaError('corrupt', 'Info is too far from the beginning');
  const bytes = Buffer.from(await file.bytes(at, info.end - at));
  writeSize(bytes.subarray(0, segment.body - at), end - segment.body);
  const infoBody = bytes.subarray(info.body - at);
  dropChecksum(infoBody);
  writeDuration(infoBody, duration);
  // Info itself is neither: the room ends before it.
  const roomEnd = scan.head.find(({ id }) => id !== ID.void && id !== ID.seekHead)?.start ?? segment.body;
  const room = bytes.subarray(segment.body - at, roomEnd - at);
  return { bytes, at, isIndexed: cuesAt !== undefined && writeSeekHead(room, scan, cuesAt) };
}

/** Writes where Info, Tracks, Tags and the index are. @returns false when even the index alone finds no room. */
function writeSeekHead(room: Buffer, { segment, head }: Scan, cuesAt: number): boolean {
  const cues = seek(ID.cues, cuesAt - segment.body);
  const others = head.filter(({ id }) => SOUGHT.has(id));
  const all = [...others.map(({ id, start }) => seek(id, start - segment.body)), cues];
  for (const entries of [all, [cues]]) {
    const bytes = element(ID.seekHead, ...entries);
    if (!fits(bytes.length, room.length)) continue;
    bytes.copy(room);
    fillVoid(room.subarray(bytes.length));
    return true;
  }
  return false;
}

function seek(id: number, position: number): Buffer {
  return element(ID.seek, uintElement(ID.seekId, id), uintElement(ID.seekPosition, position));
}
