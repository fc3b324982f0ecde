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
  readonly #kill: ((signal: NodeJS.Signals) => boolean) | undefined;
  readonly #lastLines: string[] = [];

  constructor(options: SourceChildOptions) {
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
    child.stdout.on('data', options.onData);
    child.stderr.on('data', (chunk: Buffer) => stderr.write(chunk)).on('end', () => stderr.end());
    // A child that dies before it has read its input raises EPIPE here; its exit tells the story.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input);
    this.pid = child.pid;
    this.#stdout = child.stdout;
    this.#kill = (signal) => child.kill(signal);
    this.exited = child.then(({ exitCode, signal, shortMessage }) => {
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
    this.#kill?.('SIGTERM');
    const timer = setTimeout(() => this.kill(), graceMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }

  /** Ends the child at once. */
  kill(): void {
    this.#kill?.('SIGKILL');
    this.resume();
  }

  #notStarted(why: unknown): ChildExit {
    const line = why instanceof Error ? why.message : String(why);
    return { code: undefined, signal: undefined, lastLines: [...this.#lastLines, line] };
  }
}
