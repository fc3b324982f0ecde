import { execa } from 'execa';
import { guardedSpawn } from './spawnGuard.ts';

export interface FilterOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** Bytes for its stdin. */
  readonly input: Uint8Array;
  readonly timeoutMs: number;
  /** Bound on its stdout. */
  readonly maxOutputBytes: number;
}

/** What a filter that failed may say about it. */
const MAX_STDERR_BYTES = 65_536;

/**
 * Runs a program that turns its stdin into its stdout, and gives what it has written.
 * @throws Error that says why there is no output: not started, failed, over its time or its size.
 */
export async function filterProgram(options: FilterOptions): Promise<Buffer> {
  const { command, args, input, timeoutMs, maxOutputBytes } = options;
  const result = await guardedSpawn(() =>
    execa(command, args, {
      input,
      encoding: 'buffer',
      maxBuffer: { stdout: maxOutputBytes, stderr: MAX_STDERR_BYTES },
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      stripFinalNewline: false,
      // In a group of its own, so that Ctrl+C does not reach it.
      detached: true,
      reject: false,
    }),
  );
  if (result.timedOut) throw new Error(`it took longer than ${timeoutMs} ms`);
  if (result.isMaxBuffer) throw new Error(`its output is larger than ${maxOutputBytes} bytes`);
  if (result.exitCode !== 0) throw new Error(reasonOf(result));
  // A view of what execa has gathered, which nobody else keeps.
  const { buffer, byteOffset, byteLength } = result.stdout;
  return Buffer.from(buffer, byteOffset, byteLength);
}

function reasonOf(result: {
  readonly stderr: Uint8Array;
  readonly originalMessage?: string | undefined;
}): string {
  const said = Buffer.from(result.stderr).toString('utf8').trim().split('\n', 1)[0] ?? '';
  return said === '' ? (result.originalMessage ?? 'it failed and said nothing') : said;
}
