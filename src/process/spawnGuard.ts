import type { ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { hiddenSockets } from './foreignSockets.ts';

/** Node announces every new child process here, before it is spawned. */
const CHANNEL = 'child_process';

/** A child as it is announced: what it is called with next is not in Node's documentation. */
interface Announced extends ChildProcess {
  spawn(options: { readonly stdio: readonly unknown[] }): unknown;
}

/**
 * Calls `spawn`. Without a file descriptor left, execa throws before it listens to the child, and the `error` event
 * that Node emits on it a moment later would end this process: here somebody listens. And the child gets no socket of
 * native code.
 * @throws Error that says so; execa's own for arguments it does not take.
 */
export function guardedSpawn<T>(spawn: () => T): T {
  const announced: unknown[] = [];
  const onChild = (message: unknown): void => {
    announced.push(message);
    const child = (message as { process: Announced }).process;
    child.on('error', () => undefined);
    hideSockets(child);
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

/** Here and not through execa, which takes a millisecond for two dozen descriptors. */
function hideSockets(child: Announced): void {
  const hidden = hiddenSockets();
  if (hidden.length === 0) return;
  const spawn = child.spawn.bind(child);
  // Those for the descriptors from 3 on that the child is given itself are passed over.
  child.spawn = (options) =>
    spawn({ ...options, stdio: [...options.stdio, ...hidden.slice(options.stdio.length - 3)] });
}
