import { execa } from 'execa';
import type { Readable } from 'node:stream';
import { LineSplitter } from '../util/lines.ts';
import type { ChildExit } from './pipedChild.ts';
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
} as const;

export interface SourceChildOptions {
  readonly command: string;
  /** Other users of the machine can read these: nothing secret. */
  readonly args: readonly string[];
  /** Written to stdin, which is closed after it; only this process and the child can read it. */
  readonly input: string;
  /** Must not throw. */
  readonly onData: (chunk: Buffer) => void;
}

/**
 * A child process whose stdout is media for this process, in a process group of its own. When this process dies, its
 * next write ends it.
 */
export class SourceChild {
  /** Resolves when the child is gone and its output was read, or it could not be started; never rejects. */
  readonly exited: Promise<ChildExit>;
  readonly pid: number | undefined;
  readonly #stdout: Readable | undefined;
  readonly #onData: (chunk: Buffer) => void;
  readonly #lastLines: string[] = [];
  #hasEnded = false;

  constructor(options: SourceChildOptions) {
    this.#onData = options.onData;
    let child;
    try {
      child = guardedSpawn(() => execa(options.command, options.args, SPAWN_OPTIONS));
    } catch (error) {
      this.exited = Promise.resolve(this.#notStarted(error));
      return;
    }
    const stderr = new LineSplitter((line) => {
      if (this.#lastLines.push(line) > KEPT_STDERR_LINES) this.#lastLines.shift();
    });
    child.stdout.on('data', this.#onData);
    child.stderr.on('data', (chunk: Buffer) => stderr.write(chunk)).on('end', () => stderr.end());
    // A child that dies before it has read its input raises EPIPE here; its exit tells the story.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input);
    this.pid = child.pid;
    this.#stdout = child.stdout;
    this.exited = child.then(({ exitCode, signal, shortMessage }) => {
      this.#hasEnded = true;
      if (exitCode === undefined && signal === undefined) return this.#notStarted(shortMessage);
      return { code: exitCode, signal, lastLines: this.#lastLines };
    });
  }

  /** Leaves what comes in the pipe, so that the child waits, and with it its peer if the protocol can. */
  pause(): void {
    this.#stdout?.pause();
  }

  resume(): void {
    this.#stdout?.resume();
  }

  /** Asks the child to end, so that it can say goodbye to its peer, waits, and kills it after `graceMs`. */
  async stop(graceMs: number): Promise<ChildExit> {
    // One that waits to write hears no signal: its output must flow.
    this.resume();
    this.#signal('SIGTERM');
    const timer = setTimeout(() => this.kill(), graceMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }

  /** Ends the child at once; what it wrote and nobody has read yet is dropped. */
  kill(): void {
    this.#signal('SIGKILL');
    this.#stdout?.off('data', this.#onData).resume();
  }

  /** To the whole group: the command may be a script around the real program. */
  #signal(signal: NodeJS.Signals): void {
    if (this.pid === undefined || this.#hasEnded) return;
    try {
      process.kill(-this.pid, signal);
    } catch {
      // It is gone; its exit tells the story.
    }
  }

  #notStarted(why: unknown): ChildExit {
    const line = why instanceof Error ? why.message : String(why);
    return { code: undefined, signal: undefined, lastLines: [...this.#lastLines, line] };
  }
}
