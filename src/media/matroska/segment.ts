import { readElements, uintOf } from '../ebmlRead.ts';
import { MAX_HEAD_BYTES, type Element, type ElementFile } from './elementFile.ts';
import { ID } from './ids.ts';
import { MatroskaError } from './matroskaError.ts';

const MAX_HEADER_BYTES = 1 << 20;
export const MAX_TRACKS_BYTES = 1 << 24;
const VIDEO = 1;

/** A track, as far as finishing needs it. */
export interface TrackFacts {
  readonly isVideo: boolean;
  /** Usual length of a frame, nanoseconds; 0 when the writer did not know. */
  readonly frameNs: number;
}

/** The Segment of the file. @throws MatroskaError when the file does not begin with a Matroska header. */
export async function findSegment(file: ElementFile): Promise<Element> {
  const ebml = await file.element(0);
  if (ebml === undefined && file.size < MAX_HEAD_BYTES) throw nothing();
  if (ebml?.id !== ID.ebml || ebml.end === undefined || ebml.end - ebml.body > MAX_HEADER_BYTES)
    throw new MatroskaError('not-matroska', 'the file does not begin with a Matroska header');
  const segment = await file.element(ebml.end);
  if (segment?.id === ID.segment) return segment;
  if (file.size - ebml.end < MAX_HEAD_BYTES) throw nothing();
  throw new MatroskaError('corrupt', 'no Segment behind the header');
}

function nothing(): MatroskaError {
  return new MatroskaError('nothing-to-save', 'the file ends within its header');
}

/** The tracks by their numbers. @throws RangeError for a damaged element. */
export async function readTrackFacts(
  file: ElementFile,
  tracks: Element,
): Promise<ReadonlyMap<number, TrackFacts>> {
  const found = new Map<number, TrackFacts>();
  for (const entry of readElements(await file.content(tracks, MAX_TRACKS_BYTES))) {
    if (entry.id !== ID.trackEntry) continue;
    let [number, type, frameNs] = [0, 0, 0];
    for (const { id, body } of readElements(entry.body)) {
      if (id === ID.trackNumber) number = uintOf(body);
      else if (id === ID.trackType) type = uintOf(body);
      else if (id === ID.defaultDuration) frameNs = uintOf(body);
    }
    found.set(number, { isVideo: type === VIDEO, frameNs });
  }
  return found;
}
