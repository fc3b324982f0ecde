import type { FileHandle } from 'node:fs/promises';
import { byteLength } from './boxes.ts';

/** Buffers per writev; the system allows 1024. */
const WRITE_BUFFERS = 512;

/** Writes all buffers, one after another, from `position` on. @throws the system's error, e.g. ENOSPC. */
export async function writeBuffers(
  handle: FileHandle,
  buffers: readonly Buffer[],
  position: number,
): Promise<void> {
  let at = position;
  for (let i = 0; i < buffers.length; i += WRITE_BUFFERS) {
    const part = buffers.slice(i, i + WRITE_BUFFERS);
    await writeAll(handle, part, at);
    at += byteLength(part);
  }
}

/** A full disk takes a part of a write; only the next one says why it takes no more. */
async function writeAll(handle: FileHandle, buffers: readonly Buffer[], position: number): Promise<void> {
  const length = byteLength(buffers);
  let { bytesWritten: written } = await handle.writev(buffers, position);
  if (written === length) return;
  const bytes = Buffer.concat(buffers);
  while (written < length) {
    written += (await handle.write(bytes, written, length - written, position + written)).bytesWritten;
  }
}
