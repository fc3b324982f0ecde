import type { Socket } from 'node:net';

/** Where a session's bytes go. */
export interface Link {
  /** Queues bytes. @returns false when more is queued than a client may leave unread. */
  send(bytes: Buffer): boolean;
  /** True: reads nothing, so that the client waits; false: goes on. */
  setHeld(held: boolean): void;
  /** Sends what is queued, then closes. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}

/** A session's socket. */
export class SocketLink implements Link {
  readonly #socket: Socket;
  readonly #maxBacklogBytes: number;

  /** @param maxBacklogBytes bound of what the client leaves unread. */
  constructor(socket: Socket, maxBacklogBytes: number) {
    this.#socket = socket;
    this.#maxBacklogBytes = maxBacklogBytes;
  }

  send(bytes: Buffer): boolean {
    if (!this.#socket.writable) return true;
    this.#socket.write(bytes);
    return this.#socket.writableLength <= this.#maxBacklogBytes;
  }

  setHeld(held: boolean): void {
    if (held) this.#socket.pause();
    else this.#socket.resume();
  }

  end(): void {
    // What still comes is passed over, but it is read: closing over unread bytes would reset the last words away.
    this.#socket.resume();
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
