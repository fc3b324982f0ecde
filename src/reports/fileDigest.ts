import type { FileHandle } from 'node:fs/promises';
import { runProgram } from '../process/runProgram.ts';

const TIMEOUT_MS = 3_600_000;
const KILL_GRACE_MS = 1000;
const MAX_OUTPUT_BYTES = 1024;
const DIGEST = /^([0-9a-f]{64})\b/;

/**
 * SHA-256 of a file, wherever it has been moved to since it was opened, in hexadecimal. A child computes it that
 * runs only when nobody else wants the CPU: it costs this process nothing.
 * @param env environment of the child, for its PATH.
 * @throws Error when the programs `nice` and `sha256sum` are not there or the file cannot be read.
 */
export async function digestOf(
  handle: FileHandle,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string> {
  const { output, failure, exitCode } = await runProgram({
    ...{ file: 'nice', args: ['-n', '19', 'sha256sum'], stdin: handle.fd, cwd: '/', env },
    ...{ timeoutMs: TIMEOUT_MS, killGraceMs: KILL_GRACE_MS, maxOutputBytes: MAX_OUTPUT_BYTES, signal },
  });
  const digest = DIGEST.exec(output)?.[1];
  if (exitCode !== 0 || digest === undefined)
    throw new Error(`sha256sum did not succeed: ${failure ?? output.trim()}`);
  return digest;
}
