import { open, type FileHandle } from 'node:fs/promises';
import { writeSize } from '../ebml.ts';
import { ElementFile, type Element } from './elementFile.ts';
import { newHead } from './head.ts';
import { ID } from './ids.ts';
import { MAX_INFO_BYTES, readInfo } from './info.ts';
import { MatroskaError } from './matroskaError.ts';
import { scanFile, type Scan, type WrongSize } from './scan.ts';
import { findSegment } from './segment.ts';
import { dropChecksum } from './void.ts';

/** Facts about a finished file. */
export interface FinalisedMatroska {
  readonly durationMs: number;
  /** Size of the file. */
  readonly bytes: number;
  /** Bytes of torn or damaged elements that could not be used; 0 after a clean stop. */
  readonly truncatedBytes: number;
  /** False when the file has no place to seek to, or no room to say where its index is. */
  readonly isIndexed: boolean;
}

/** What is to be written. */
interface Plan {
  readonly scan: Scan;
  readonly cues: Buffer;
  readonly head: { readonly bytes: Buffer; readonly at: number; readonly isIndexed: boolean };
}

const CLUSTER_ID_BYTES = 4;
/** A checksum, as the first child of a cluster. */
const CRC_BYTES = 6;

/**
 * Duration in ms of a file that its writer closed, or that was finished before. A Segment that ends with the file is
 * what both write last, together with SeekHead and duration.
 */
export async function closedDuration(file: ElementFile, segment: Element): Promise<number | undefined> {
  if (segment.end !== file.size) return undefined;
  let found = await file.topElement(segment.body);
  if (found?.id !== ID.seekHead) return undefined;
  while (found?.end !== undefined && found.id !== ID.cluster && found.id !== ID.info)
    found = await file.topElement(found.end);
  if (found?.id !== ID.info) return undefined;
  const { duration, tickNs } = readInfo(await file.content(found, MAX_INFO_BYTES));
  return duration > 0 ? toMs(duration, tickNs) : undefined;
}

function toMs(ticks: number, tickNs: number): number {
  return Math.round((ticks * tickNs) / 1e6);
}

async function makePlan(file: ElementFile): Promise<Plan> {
  const scan = await scanFile(file);
  const at = scan.keepEnd;
  const cues = scan.cues.bytes();
  const head = await newHead(file, scan, { cuesAt: cues.length > 0 ? at : undefined, end: at + cues.length });
  if (cues.length === 0 || head.isIndexed) return { scan, cues, head };
  // An index that nothing refers to is never found.
  return { scan, cues: Buffer.alloc(0), head: await newHead(file, scan, { cuesAt: undefined, end: at }) };
}

/** Gives a torn cluster the size it has, so that what is appended behind it is never taken for a part of it. */
async function closeCluster(handle: FileHandle, { cluster, end }: WrongSize): Promise<void> {
  const head = Buffer.alloc(Math.min(end, cluster.body + CRC_BYTES) - cluster.start);
  await handle.read(head, 0, head.length, cluster.start);
  const body = cluster.body - cluster.start;
  writeSize(head.subarray(CLUSTER_ID_BYTES, body), end - cluster.body);
  dropChecksum(head.subarray(body));
  await write(handle, head, cluster.start);
}

/** Appends the index at `position`; a failed attempt (disk full) is taken back. */
async function append(handle: FileHandle, position: number, cues: Buffer): Promise<void> {
  try {
    await write(handle, cues, position);
    await handle.sync();
  } catch (error) {
    await handle.truncate(position).catch(() => undefined);
    throw error;
  }
}

async function write(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

async function carryOut(handle: FileHandle, { scan, cues, head }: Plan): Promise<void> {
  await handle.truncate(scan.keepEnd);
  for (const wrong of scan.wrongSizes) await closeCluster(handle, wrong);
  await handle.sync();
  await append(handle, scan.keepEnd, cues);
  await write(handle, head.bytes, head.at);
  await handle.sync();
}

async function finalise(handle: FileHandle): Promise<FinalisedMatroska> {
  const { size } = await handle.stat();
  const file = new ElementFile(handle, size);
  const closedMs = await closedDuration(file, await findSegment(file));
  if (closedMs !== undefined) {
    await handle.sync();
    return { durationMs: closedMs, bytes: size, truncatedBytes: 0, isIndexed: true };
  }
  const plan = await makePlan(file);
  await carryOut(handle, plan);
  const { scan, cues, head } = plan;
  return {
    durationMs: toMs(scan.duration, scan.tickNs),
    bytes: scan.keepEnd + cues.length,
    truncatedBytes: scan.lostBytes,
    isIndexed: head.isIndexed,
  };
}

/**
 * Finishes a WebM or MKV file that its writer did not close, in place: a torn block at the end is cut off, an index
 * is appended, and size, duration and the place of the index are written into the room that FFmpeg left for them.
 * Media is neither read nor moved. May be interrupted at any byte and run again; a file that is closed already is
 * left as it is. The caller must be the only writer.
 * @throws MatroskaError when there is nothing to finish (the file is unchanged), or the system's error (disk full).
 */
export async function finaliseMatroska(path: string): Promise<FinalisedMatroska> {
  const handle = await open(path, 'r+');
  try {
    return await finalise(handle);
  } catch (error) {
    // Readers of elements read past the end of damaged ones; they do so before anything is written.
    if (error instanceof RangeError) throw new MatroskaError('corrupt', error.message);
    throw error;
  } finally {
    await handle.close();
  }
}
