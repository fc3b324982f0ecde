import { floatOf, elementHead, readElements, uintOf } from '../ebmlRead.ts';
import { ID } from './ids.ts';
import { fits, fillVoid } from './void.ts';

export const MAX_INFO_BYTES = 1 << 16;
const DEFAULT_TICK_NS = 1_000_000;
const DURATION_HEAD = Buffer.from([0x44, 0x89, 0x88]);
const DURATION_BYTES = DURATION_HEAD.length + 8;

/** What an Info element tells. */
export interface InfoFacts {
  /** Length of a tick, nanoseconds. */
  readonly tickNs: number;
  /** Ticks; 0 when it is not known. */
  readonly duration: number;
}

/** Reads the content of an Info element. @throws RangeError for a damaged one. */
export function readInfo(info: Buffer): InfoFacts {
  let [tickNs, duration] = [0, 0];
  for (const { id, body } of readElements(info)) {
    if (id === ID.timestampScale) tickNs = uintOf(body);
    else if (id === ID.duration) duration = floatOf(body);
  }
  return { tickNs: tickNs || DEFAULT_TICK_NS, duration };
}

/**
 * Writes `duration` (ticks) into the Duration of an Info's content, or into the Void that FFmpeg left for it; not at
 * all where there is neither. @throws RangeError for a damaged Info.
 */
export function writeDuration(info: Buffer, duration: number): void {
  const children = [...places(info)];
  const known = children.find(({ id, body, end }) => id === ID.duration && end > body);
  if (known !== undefined && known.end - known.body === 4) info.writeFloatBE(duration, known.body);
  else if (known !== undefined) info.writeDoubleBE(duration, known.body);
  const room = children.find(({ id, start, end }) => id === ID.void && fits(DURATION_BYTES, end - start));
  if (known !== undefined || room === undefined) return;
  DURATION_HEAD.copy(info, room.start);
  info.writeDoubleBE(duration, room.start + DURATION_HEAD.length);
  fillVoid(info.subarray(room.start + DURATION_BYTES, room.end));
}

interface Place {
  readonly id: number;
  readonly start: number;
  readonly body: number;
  readonly end: number;
}

function* places(bytes: Buffer): Generator<Place> {
  for (let start = 0; start < bytes.length;) {
    const head = elementHead(bytes.subarray(start));
    if (head?.size === undefined) throw new RangeError('Info is damaged');
    const body = start + head.bytes;
    const end = body + head.size;
    yield { id: head.id, start, body, end };
    start = end;
  }
}
