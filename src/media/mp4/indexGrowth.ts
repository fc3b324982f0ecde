import { open, type FileHandle } from 'node:fs/promises';
import { BoxFile } from './boxFile.ts';
import { byteLength, MAX_HEADER_BYTES, type Box } from './boxes.ts';
import { indexEntry, MAX_COPY_BYTES } from './fragmentIndex.ts';
import { writeBuffers } from './writeBuffers.ts';

/** Bytes that are gathered for one write. */
const WRITE_BYTES = 256 * 1024;

/** The index of an MP4 that is still being written ({@link FragmentIndex}), which follows it. */
export class IndexGrowth {
  readonly #indexPath: string;
  /** The box of the MP4 that comes next. */
  #position = 0;
  /** Length of the index; 0 before its file is made. */
  #written = 0;
  #pending: Buffer[] = [];
  #pendingBytes = 0;

  /** @param indexPath where the index goes: no file may be there. */
  constructor(indexPath: string) {
    this.#indexPath = indexPath;
  }

  /**
   * Takes in the fragments that were added to the file since. The last one, which has none behind it, may still be on
   * its way and waits for the next call.
   * @param size of the file, bytes.
   * @param isWanted asked between fragments: false ends the call early.
   * @throws the system's error, e.g. ENOSPC; this one must not be used any more then.
   */
  async follow(handle: FileHandle, size: number, isWanted: () => boolean): Promise<void> {
    const file = new BoxFile(handle, size);
    while (isWanted()) {
      const found = await headerAt(file, this.#position);
      const next = found?.type === 'moof' ? await this.#takeFragment(file, found) : found?.end;
      if (next === undefined || next > file.size) break;
      this.#position = next;
      if (this.#pendingBytes >= WRITE_BYTES) await this.#write();
    }
    if (this.#pending.length > 0) await this.#write();
  }

  /** @returns where the box behind the fragment begins; undefined as long as that is not there. */
  async #takeFragment(file: BoxFile, moof: Box): Promise<number | undefined> {
    const media = await headerAt(file, moof.end);
    if (media?.type !== 'mdat') return media && moof.end;
    // As much as is looked at of the media's header.
    const end = moof.end + MAX_HEADER_BYTES;
    const isCopied = end <= file.size && end - moof.start <= MAX_COPY_BYTES;
    const copied = isCopied && indexEntry(moof.start, await file.read({ ...moof, end }, MAX_COPY_BYTES));
    if ((await headerAt(file, media.end)) === undefined) return undefined;
    if (copied) this.#pending.push(copied);
    if (copied) this.#pendingBytes += copied.length;
    return media.end;
  }

  async #write(): Promise<void> {
    const handle = await open(this.#indexPath, this.#written === 0 ? 'wx' : 'r+');
    try {
      await writeBuffers(handle, this.#pending, this.#written);
    } finally {
      await handle.close();
    }
    this.#written += byteLength(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
  }
}

/** The whole header at `offset`, undefined when it is not there yet. */
function headerAt(file: BoxFile, offset: number): Promise<Box | undefined> {
  return Promise.resolve(offset < file.size ? file.header(offset) : undefined);
}
