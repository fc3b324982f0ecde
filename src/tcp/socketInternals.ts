import type { Socket } from 'node:net';

/**
 * What Node does not offer in its documentation, but keeps since its first versions because its own cluster module
 * lives on it. Used here and nowhere else; without it sockets would still work, only less well.
 */
interface Internals {
  readonly _handle?: { readStop(): unknown } | null;
  readonly _readableState?: { highWaterMark: number };
}

/** As the mark of a socket it makes Node stop reading ahead after one read while the socket rests. */
export const RESTING_MARK_BYTES = 1;

/** Has this process read nothing more of a socket, ever; `pause` alone lets Node read ahead. */
export function stopReading(socket: Socket): void {
  socket.pause();
  (socket as Internals)._handle?.readStop();
}

/** Sets {@link RESTING_MARK_BYTES} for a socket that came from another process: those of a server are made with it. */
export function restAfterOneRead(socket: Socket): void {
  const state = (socket as Internals)._readableState;
  if (state !== undefined) state.highWaterMark = RESTING_MARK_BYTES;
}
