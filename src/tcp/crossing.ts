import type { Socket } from 'node:net';
import type { ClientPlace } from './clientPlace.ts';
import { stopReading } from './socketInternals.ts';

/** A connection on its way to another process. */
export interface MovingClient {
  readonly socket: Socket;
  readonly place: ClientPlace;
  /** All that the client has sent. */
  readonly received: Buffer;
  /** Stream that it is about to publish. */
  readonly streamName: string;
}

/** Another process that serves connections. */
export interface Taker {
  /** Takes a connection over. @param onGone is called once, when the connection is closed there. */
  take(client: MovingClient, onGone: () => void): void;
}

/** Decides where streams are served. */
export interface Placement {
  /** Where the publisher of a stream is to be served; undefined: in this process. */
  find(streamName: string): Taker | undefined;
}

/** How the connection of one session passes from one process to another. */
export interface Crossing {
  /** Answers are not to be sent: the process that the connection comes from has sent them. */
  readonly isSilent: boolean;
  /** Told of the session's socket, and of what ends the session here without a word. */
  begin(socket: Socket, leave: () => void): void;
  /** Told of everything before the session uses it. */
  received(chunk: Buffer): void;
  /**
   * Asked right before a stream is published. True: another process does it, so that nothing that follows is to be
   * used or answered here.
   */
  moves(streamName: string): boolean;
}

/** The connection stays. */
export const HERE: Crossing = {
  isSilent: false,
  begin: () => undefined,
  received: () => undefined,
  moves: () => false,
};

/** A client that has sent more before it publishes stays. */
const MAX_PAST_BYTES = 65_536;

/**
 * Keeps what a client sends until it publishes, and then hands the connection over if somebody else is to serve it.
 * What was received is used anew there, so that no state of a session has to travel.
 */
export class Departure implements Crossing {
  readonly isSilent = false;
  readonly #placement: Placement;
  readonly #place: ClientPlace;
  /** Undefined once the connection stays, or has left. */
  #past: Buffer[] | undefined = [];
  #bytes = 0;
  #socket: Socket | undefined;
  #leave: () => void = () => undefined;

  constructor(placement: Placement, place: ClientPlace) {
    this.#placement = placement;
    this.#place = place;
  }

  begin(socket: Socket, leave: () => void): void {
    this.#socket = socket;
    this.#leave = leave;
  }

  received(chunk: Buffer): void {
    if (this.#past === undefined) return;
    this.#bytes += chunk.length;
    // A copy: sessions join messages in the bytes that they are given.
    if (this.#bytes > MAX_PAST_BYTES) this.#past = undefined;
    else this.#past.push(Buffer.from(chunk));
  }

  moves(streamName: string): boolean {
    const [past, socket] = [this.#past, this.#socket];
    this.#past = undefined;
    // Answers that the kernel did not take yet could not go along.
    if (past === undefined || socket === undefined || socket.writableLength > 0) return false;
    const taker = this.#placement.find(streamName);
    if (taker === undefined) return false;
    // The session is in the midst of what it received.
    queueMicrotask(() => this.#hand(socket, past, streamName, taker));
    return true;
  }

  #hand(socket: Socket, past: Buffer[], streamName: string, taker: Taker): void {
    this.#leave();
    if (socket.destroyed) return;
    stopReading(socket);
    socket.removeAllListeners('data');
    for (;;) {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) break;
      past.push(chunk);
    }
    const received = Buffer.concat(past);
    taker.take({ socket, place: this.#place, received, streamName }, () => socket.destroy());
  }
}

/** A connection that comes from another process: all up to the publishing was answered there. */
export class Arrival implements Crossing {
  isSilent = true;

  begin(): void {
    // It stays here.
  }

  received(): void {
    // Nobody needs it again.
  }

  moves(): boolean {
    this.isSilent = false;
    return false;
  }
}
