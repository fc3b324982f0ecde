import { open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { BoxFile } from './boxFile.ts';
import { byteLength, Mp4Error, type Box } from './boxes.ts';
import { moovBeforeMedia } from './movedMoov.ts';
import { MAX_MOOV_BYTES } from './scan.ts';
import { writeBuffers } from './writeBuffers.ts';

/** Bytes that are copied at once. */
const COPY_BYTES = 1 << 20;

/** The boxes that a front-loaded file has in another order. */
interface Layout {
  readonly moov: Box;
  readonly mdat: Box;
}

async function layoutOf(file: BoxFile): Promise<Layout> {
  const found = new Map<string, Box>();
  for (let offset = 0; offset < file.size;) {
    const box = await file.header(offset);
    if (box === undefined || box.end > file.size) throw new Mp4Error('corrupt', `no whole box at ${offset}`);
    if (!found.has(box.type)) found.set(box.type, box);
    offset = box.end;
  }
  const [moov, mdat] = [found.get('moov'), found.get('mdat')];
  if (moov === undefined || mdat === undefined) throw new Mp4Error('corrupt', 'no moov or no mdat');
  return { moov, mdat };
}

async function copyRange(
  from: FileHandle,
  to: FileHandle,
  range: Pick<Box, 'start' | 'end'>,
  position: number,
): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(COPY_BYTES);
  for (let done = range.start; done < range.end;) {
    const wanted = Math.min(COPY_BYTES, range.end - done);
    const { bytesRead } = await from.read(buffer, 0, wanted, done);
    if (bytesRead === 0) throw new Mp4Error('corrupt', 'the file shrank while it was copied');
    await writeBuffers(to, [buffer.subarray(0, bytesRead)], position + done - range.start);
    done += bytesRead;
  }
}

async function write(from: FileHandle, { moov, mdat }: Layout, file: BoxFile, to: FileHandle): Promise<void> {
  const index = moovBeforeMedia(Buffer.from(await file.read(moov, MAX_MOOV_BYTES)));
  await copyRange(from, to, { start: 0, end: mdat.start }, 0);
  await writeBuffers(to, index, mdat.start);
  await copyRange(from, to, { start: mdat.start, end: moov.start }, mdat.start + byteLength(index));
  await to.sync();
}

/** Makes the copy, unless the file has its index at its front. @returns false then. */
async function makeCopy(path: string, copy: string): Promise<boolean> {
  const from = await open(path, 'r');
  try {
    const { size, mode } = await from.stat();
    const file = new BoxFile(from, size);
    const layout = await layoutOf(file);
    if (layout.moov.start < layout.mdat.start) return false;
    const to = await open(copy, 'w', mode);
    try {
      await write(from, layout, file, to);
    } finally {
      await to.close();
    }
    return true;
  } finally {
    await from.close();
  }
}

/**
 * Puts a file with the same media and its index at its front in the place of a plain MP4 that has it at its end: by a
 * copy, which is synced and renamed. Interrupted at any byte it leaves the file as it was, and perhaps an unfinished
 * copy; it may be run again. A file that has its index at its front is left as it is.
 * @param copy path of the copy, on the same file system. It is overwritten, and gone in the end.
 * @returns the size of the file.
 * @throws Mp4Error when the file is no plain MP4, or the system's error (disk full); the file is as it was.
 */
export async function frontLoadMp4(path: string, copy: string): Promise<number> {
  try {
    if (await makeCopy(path, copy)) await rename(copy, path);
  } catch (error) {
    await rm(copy, { force: true }).catch(() => undefined);
    throw error;
  }
  return (await stat(path)).size;
}
