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

  /**
   * Reads from `position` as much as fits into `target`, or as there is.
   * @returns the bytes read; a promise only where they have to be waited for, as one for each of thousands of reads
   * would double their cost.
   */
  read(target: Buffer, position: number): Buffer | Promise<Buffer> {
    if (this.#handedOver > 0) return this.#handOver(target, position);
    if (performance.now() - this.#turnBegan > TURN_MS) return this.#readNextTurn(target, position);
    return this.#readInPlace(target, position);
  }

  async #handOver(target: Buffer, position: number): Promise<Buffer> {
    this.#handedOver--;
    let filled = 0;
    while (filled < target.length) {
      const { bytesRead } = await this.#handle.read(
        target,
        filled,
        target.length - filled,
        position + filled,
      );
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return target.subarray(0, filled);
  }

  async #readNextTurn(target: Buffer, position: number): Promise<Buffer> {
    await setImmediate();
    this.#turnBegan = performance.now();
    return this.#readInPlace(target, position);
  }

  #readInPlace(target: Buffer, position: number): Buffer {
    const begin = performance.now();
    let filled = 0;
    while (filled < target.length) {
      const count = readSync(this.#handle.fd, target, filled, target.length - filled, position + filled);
      if (count === 0) break;
      filled += count;
    }
    if (performance.now() - begin > PROMPT_MS) this.#handedOver = AFTER_WAIT;
    return filled === target.length ? target : target.subarray(0, filled);
  }
}
