import { execa } from 'execa';
import type { Writable } from 'node:stream';
import { LineSplitter } from '../util/lines.ts';
import { guardedSpawn } from './spawnGuard.ts';

const KEPT_STDERR_LINES = 50;
const SPAWN_OPTIONS = {
  stdin: 'pipe',
  stdout: 'pipe',
  stderr: 'pipe',
  buffer: false,
  detached: true,
  cleanup: false,
  reject: false,
  // A plain copy, taken once: reading all of `process.env` at every start is slow.
  extendEnv: false,
  env: { ...process.env },
} as const;

/** How a child ended. */
export interface ChildExit {
  readonly code: number | undefined;
  readonly signal: string | undefined;
  /** The last lines of stderr, at most 50. */
  readonly lastLines: readonly string[];
}

export interface PipedChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly onStdoutLine: (line: string) => void;
}

/** A child process fed through its stdin, in a process group of its own so that Ctrl+C does not reach it. */
export class PipedChild {
  /** Resolves when the child is gone, or could not be started; never rejects. */
  readonly exited: Promise<ChildExit>;
  readonly pid: number | undefined;
  readonly #stdin: Writable | undefined;
  readonly #kill: ((signal: NodeJS.Signals) => boolean) | undefined;
  readonly #lastLines: string[] = [];

  constructor(options: PipedChildOptions) {
    let child;
    try {
      child = guardedSpawn(() => execa(options.command, options.args, SPAWN_OPTIONS));
    } catch (error) {
      this.exited = Promise.resolve(this.#notStarted(error));
      return;
    }
    const stdout = new LineSplitter(options.onStdoutLine);
    const stderr = new LineSplitter((line) => {
      if (this.#lastLines.push(line) > KEPT_STDERR_LINES) this.#lastLines.shift();
    });
    child.stdout.on('data', (chunk: Buffer) => stdout.write(chunk)).on('end', () => stdout.end());
    child.stderr.on('data', (chunk: Buffer) => stderr.write(chunk)).on('end', () => stderr.end());
    // A child that dies while being written to raises EPIPE here; its exit tells the story.
    child.stdin.on('error', () => undefined);
    this.pid = child.pid;
    this.#stdin = child.stdin;
    this.#kill = (signal) => child.kill(signal);
    this.exited = child.then(({ exitCode, signal, shortMessage }) => {
      if (exitCode === undefined && signal === undefined) return this.#notStarted(shortMessage);
      return { code: exitCode, signal, lastLines: this.#lastLines };
    });
  }

  /** The child takes input, as far as is known. */
  get isOpen(): boolean {
    return this.#stdin?.writable === true;
  }

  /** Bytes that wait for the child. */
  get backlogBytes(): number {
    return this.#stdin === undefined || this.#stdin.destroyed ? 0 : this.#stdin.writableLength;
  }

  /** Hands buffers to the child in one write; they are dropped when it is gone. */
  write(buffers: readonly Buffer[]): void {
    if (this.#stdin === undefined || this.#stdin.destroyed) return;
    this.#stdin.cork();
    for (const buffer of buffers) this.#stdin.write(buffer);
    this.#stdin.uncork();
  }

  /** Closes stdin, which makes FFmpeg finish its file, waits for the exit, and kills after `timeoutMs`. */
  async finish(timeoutMs: number): Promise<ChildExit> {
    this.#stdin?.end();
    const timer = setTimeout(() => this.kill(), timeoutMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }

  /** Ends the child at once and drops what waits for it, which one that hangs in the kernel would keep for ever. */
  kill(): void {
    // In this order: at the end of its input FFmpeg would end as if all were well.
    this.#kill?.('SIGKILL');
    this.#stdin?.destroy();
  }

  #notStarted(why: unknown): ChildExit {
    const line = why instanceof Error ? why.message : String(why);
    return { code: undefined, signal: undefined, lastLines: [...this.#lastLines, line] };
  }
}
