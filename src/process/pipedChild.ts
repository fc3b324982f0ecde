import { execa } from 'execa';
import type { Writable } from 'node:stream';
import { LineSplitter } from '../util/lines.ts';

const KEPT_STDERR_LINES = 50;

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
  /** Bound on bytes that wait for the child; beyond it {@link PipedChild.write} reports false. */
  readonly maxBufferedBytes: number;
}

/** A child process fed through its stdin, in a process group of its own so that Ctrl+C does not reach it. */
export class PipedChild {
  /** Resolves when the child is gone; never rejects. */
  readonly exited: Promise<ChildExit>;
  readonly pid: number | undefined;
  readonly #stdin: Writable;
  readonly #maxBufferedBytes: number;
  readonly #kill: (signal: NodeJS.Signals) => void;
  #gone = false;

  constructor(options: PipedChildOptions) {
    const child = execa(options.command, options.args, {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
      buffer: false,
      detached: true,
      cleanup: false,
      reject: false,
    });
    const lastLines: string[] = [];
    const stdout = new LineSplitter(options.onStdoutLine);
    const stderr = new LineSplitter((line) => {
      if (lastLines.push(line) > KEPT_STDERR_LINES) lastLines.shift();
    });
    child.stdout.on('data', (chunk: Buffer) => stdout.write(chunk)).on('end', () => stdout.end());
    child.stderr.on('data', (chunk: Buffer) => stderr.write(chunk)).on('end', () => stderr.end());
    // A child that dies while being written to raises EPIPE here; its exit tells the story.
    child.stdin.on('error', () => undefined);
    this.pid = child.pid;
    this.#stdin = child.stdin;
    this.#maxBufferedBytes = options.maxBufferedBytes;
    this.#kill = (signal) => void child.kill(signal);
    this.exited = child.then((result) => {
      this.#gone = true;
      if (result.exitCode === undefined && result.signal === undefined)
        lastLines.push(result.shortMessage ?? '');
      return { code: result.exitCode, signal: result.signal, lastLines };
    });
  }

  /** Hands buffers to the child in one write. False when more than the bound waits unread: the child is stuck. */
  write(buffers: readonly Buffer[]): boolean {
    if (this.#gone || this.#stdin.destroyed) return true;
    this.#stdin.cork();
    for (const buffer of buffers) this.#stdin.write(buffer);
    this.#stdin.uncork();
    return this.#stdin.writableLength <= this.#maxBufferedBytes;
  }

  /** Closes stdin, which makes FFmpeg finish its file, waits for the exit, and kills after `timeoutMs`. */
  async finish(timeoutMs: number): Promise<ChildExit> {
    this.#stdin.end();
    const timer = setTimeout(() => this.kill(), timeoutMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }

  kill(): void {
    this.#kill('SIGKILL');
  }
}
