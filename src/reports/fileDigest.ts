import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

/** Read and hashed in one go: 0.2 ms of the event loop, 1 ms where the processor has no instructions for it. */
const CHUNK_BYTES = 256 * 1024;
/** Left to everybody else after each chunk: 100 MB/s are hashed at most. */
const PAUSE_MS = 2;
/** The pause grows by this much of what the last one took too long, as then others had more than enough to do. */
const GROWTH = 4;
/** 2.6 MB/s are hashed at least. */
const MAX_PAUSE_MS = 100;

/**
 * SHA-256 of a file, wherever it has been moved to since it was opened, in hexadecimal. Computed in this process: the
 * instructions that its library uses and `sha256sum` does not make it an eighth of the cost.
 * @throws AbortError when `signal` says so; Error when the file cannot be read.
 */
export async function digestOf(handle: FileHandle, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  let pauseMs = PAUSE_MS;
  for (let at = 0; ;) {
    const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, at);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
    const pausedAt = performance.now();
    await pause(pauseMs, undefined, { signal });
    const lateMs = performance.now() - pausedAt - pauseMs;
    pauseMs = Math.min(PAUSE_MS + GROWTH * Math.max(0, lateMs), MAX_PAUSE_MS);
  }
}
