import { boxes, Mp4Error, readU64, type Box } from './boxes.ts';
import type { BoxFile } from './boxFile.ts';

/** `mfro`, the last box of a file that ended in order: it tells where the fragment index starts. */
const MFRO_BYTES = 16;
const MAX_MFRA_BYTES = 64 * 1024 * 1024;

/** `moof` positions of one `tfra` (ISO 14496-12, 8.8.10). */
function readTfra(mfra: Buffer, tfra: Box, offsets: Set<number>): void {
  const wide = mfra.readUInt8(tfra.body) === 1;
  const lengths = mfra.readUInt8(tfra.body + 11);
  const numberBytes = ((lengths >> 4) & 3) + ((lengths >> 2) & 3) + (lengths & 3) + 3;
  const field = wide ? 8 : 4;
  const entryBytes = 2 * field + numberBytes;
  for (let at = tfra.body + 16; at + entryBytes <= tfra.end; at += entryBytes) {
    offsets.add(wide ? readU64(mfra, at + field) : mfra.readUInt32BE(at + field));
  }
}

async function read(file: BoxFile): Promise<number[]> {
  if (file.size < MFRO_BYTES) return [];
  const tail = await file.header(file.size - MFRO_BYTES);
  if (tail?.type !== 'mfro' || tail.end !== file.size) return [];
  const mfro = await file.read(tail, MFRO_BYTES);
  const start = file.size - mfro.readUInt32BE(12);
  const mfra = start < 0 ? undefined : await file.header(start);
  if (mfra?.type !== 'mfra' || mfra.end !== file.size) return [];
  const bytes = await file.read(mfra, MAX_MFRA_BYTES);
  const offsets = new Set<number>();
  for (const box of boxes(bytes, mfra.body - mfra.start, bytes.length)) {
    if (box.type === 'tfra') readTfra(bytes, box, offsets);
  }
  return [...offsets].sort((a, b) => a - b);
}

/** Where the fragments of a file start according to its own index, ascending; empty without a usable index. */
export async function fragmentIndex(file: BoxFile): Promise<number[]> {
  try {
    return await read(file);
  } catch (error) {
    if (error instanceof Mp4Error || error instanceof RangeError) return [];
    throw error;
  }
}
