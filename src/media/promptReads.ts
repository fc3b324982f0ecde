import { readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';

/** A read that takes longer had to wait for the disk. */
const PROMPT_MS = 5;
/** Reads that are handed over then: the next ones may have to wait, too, or the process just had no turn. */
const AFTER_WAIT = 32;
/** How long reads of one file may follow each other before other work gets its turn. */
const TURN_MS = 2;

/**
 * Reads a file that mostly lies in memory, as one does that was just written. To read memory takes two microseconds,
 * to have another thread do it thirty: reads are done in place but for a while after one that had to wait for the disk.
 */
export class PromptReads {
  readonly #handle: FileHandle;
  /** Reads that are still to be handed over: the first is, since a disk that hangs must not hold up the process. */
  #handedOver = 1;
  #turnBegan = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** False while reads are handed over because the disk has to be waited for. */
  get isPrompt(): boolean {
    return this.#handedOver === 0;
  }

  /** As many reads of the file were handed over by somebody else. */
  handedOver(count: number): void {
    this.#handedOver = Math.max(0, this.#handedOver - count);
  }

  /** Reads from `position` as much as fits into `target`, or as there is. @returns the bytes read. */
  async read(target: Buffer, position: number): Promise<Buffer> {
    let filled = 0;
    while (filled < target.length) {
      const count = await this.#some(target, filled, position + filled);
      if (count === 0) break;
      filled += count;
    }
    return target.subarray(0, filled);
  }

  async #some(target: Buffer, from: number, position: number): Promise<number> {
    const length = target.length - from;
    if (this.#handedOver > 0) {
      this.#handedOver--;
      return (await this.#handle.read(target, from, length, position)).bytesRead;
    }
    if (performance.now() - this.#turnBegan > TURN_MS) {
      await setImmediate();
      this.#turnBegan = performance.now();
    }
    const begin = performance.now();
    const count = readSync(this.#handle.fd, target, from, length, position);
    if (performance.now() - begin > PROMPT_MS) this.#handedOver = AFTER_WAIT;
    return count;
  }
}
