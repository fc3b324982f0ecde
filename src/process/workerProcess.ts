import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { within } from '../util/within.ts';
import { guardedSpawn } from './spawnGuard.ts';

/** How a worker process ended. */
export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * Another Node process of the server, which takes messages and sockets. It has a process group of its own, so that
 * Ctrl+C does not reach it; it is to end by itself when this process is gone.
 */
export class WorkerProcess {
  /** Resolves when it is gone and all that it said was heard; never rejects. */
  readonly exited: Promise<WorkerExit>;
  readonly #child: ChildProcess;

  /**
   * @param modulePath what it runs. @param onMessage takes what it says: structured clones.
   * @throws Error when no file descriptor is left.
   */
  constructor(modulePath: string, onMessage: (message: unknown) => void) {
    const child = guardedSpawn(() =>
      fork(modulePath, [], {
        serialization: 'advanced',
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        detached: true,
      }),
    );
    this.#child = child;
    child.on('message', onMessage);
    const gone = new Promise<WorkerExit>((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
      child.once('error', () => resolve({ code: null, signal: null }));
    });
    // What it said last is still in the channel when it is gone.
    const heard = new Promise<void>((resolve) => child.once('disconnect', resolve));
    this.exited = gone.then(async (exit) => {
      if (child.connected) await within(heard, 1000);
      return exit;
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Sends a message, and a socket along with it, which is closed here. To a process that is gone nothing is sent. */
  send(message: object, socket?: Socket): void {
    if (this.#child.connected) this.#child.send(message, socket, {}, () => undefined);
    else socket?.destroy();
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}
