import { Socket } from 'node:net';
import type { Readable } from 'node:stream';

/** What one read of a pipe returns when the writer is ahead of the reader. */
const FULL_READ_BYTES = 65_536;
/** Rest after a full read: 64 KiB each 5 ms is 13 MB/s, so that a flood does not take a core from the recordings. */
const FLOOD_PAUSE_MS = 5;

/** Reads what a program prints; keeps the first and the last bytes of it, within a bound. */
export class ProgramOutput {
  /** Resolves when every writer of every pipe is gone. */
  readonly ended: Promise<void>;
  readonly #pipes: readonly Readable[];
  readonly #half: number;
  #head = Buffer.alloc(0);
  #tail = Buffer.alloc(0);
  #leftOut = 0;

  /** @param maxBytes bound on the bytes kept, at least 2. */
  constructor(pipes: readonly Readable[], maxBytes: number) {
    this.#pipes = pipes;
    this.#half = Math.floor(maxBytes / 2);
    this.ended = Promise.all(pipes.map((pipe) => this.#follow(pipe))).then(() => undefined);
  }

  /** UTF-8 text; bytes left out in the middle are counted there. */
  text(): string {
    const gap = this.#leftOut > 0 ? `\n[… ${this.#leftOut} bytes left out …]\n` : '';
    return this.#head.toString('utf8') + gap + this.#tail.toString('utf8');
  }

  /**
   * Gives up waiting for the end of the pipes. They are still emptied for `ms` milliseconds, so that a program left in
   * the background is not ended by SIGPIPE at its next word, but they no longer keep this process alive.
   */
  release(ms: number): void {
    for (const pipe of this.#pipes) if (pipe instanceof Socket) pipe.unref();
    const timer = setTimeout(() => this.#pipes.forEach((pipe) => pipe.destroy()), ms).unref();
    void this.ended.then(() => clearTimeout(timer));
  }

  #follow(pipe: Readable): Promise<void> {
    pipe.on('data', (chunk: Buffer) => {
      this.#keep(chunk);
      if (chunk.length < FULL_READ_BYTES) return;
      pipe.pause();
      setTimeout(() => pipe.resume(), FLOOD_PAUSE_MS).unref();
    });
    return new Promise((resolve) => pipe.once('close', resolve));
  }

  #keep(chunk: Buffer): void {
    const room = this.#half - this.#head.length;
    if (room > 0) this.#head = Buffer.concat([this.#head, chunk.subarray(0, room)]);
    if (chunk.length <= room) return;
    const all = Buffer.concat([this.#tail, chunk.subarray(room)]);
    this.#leftOut += Math.max(0, all.length - this.#half);
    this.#tail = all.length > this.#half ? Buffer.from(all.subarray(-this.#half)) : all;
  }
}
