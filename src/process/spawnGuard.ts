import type { ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';

/** Node announces every new child process here, before it is spawned. */
const CHANNEL = 'child_process';

/**
 * Calls `spawn`. Without a file descriptor left, execa throws before it listens to the child, and the `error` event
 * that Node emits on it a moment later would end this process: here somebody listens.
 * @throws Error that says so; execa's own for arguments it does not take.
 */
export function guardedSpawn<T>(spawn: () => T): T {
  const announced: unknown[] = [];
  const onChild = (message: unknown): void => {
    announced.push(message);
    (message as { process: ChildProcess }).process.on('error', () => undefined);
  };
  subscribe(CHANNEL, onChild);
  try {
    return spawn();
  } catch (error) {
    // Wrong arguments, e.g. with NUL, are refused before there is a child.
    if (announced.length === 0) throw error;
    throw new Error('no file descriptor is left for a child process', { cause: error });
  } finally {
    unsubscribe(CHANNEL, onChild);
  }
}
