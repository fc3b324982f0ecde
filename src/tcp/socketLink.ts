import type { Socket } from 'node:net';
import type { Ticker } from '../util/ticker.ts';
import type { Crossing } from './crossing.ts';

/** Where a session's bytes go. */
export interface Link {
  /** Queues bytes. @returns false when more is queued than a client may leave unread. */
  send(bytes: Buffer): boolean;
  /** True: reads in batches from now on; false: reads at once. */
  setBatched(batched: boolean): void;
  /** True: reads nothing, so that the client waits; false: goes on. */
  setHeld(held: boolean): void;
  /** Reads what has arrived, before the next batch is due; not while the client is made to wait. */
  wake(): void;
  /** Told of every read, after its bytes were used. @returns true when nothing is read for a while from now on. */
  onRead(bytes: number): boolean;
  /** Calls `done` once what the kernel holds has been read: at once unless reading in batches. */
  readArrived(done: () => void): void;
  /** Sends what is queued, then closes. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}

/** What Node reads at most at once; a shorter read has emptied the kernel's buffer. */
const FULL_READ_BYTES = 65_536;
/**
 * A client that sends more between two ticks does not rest: the kernel might not hold as much, and would make it
 * wait.
 */
const MAX_RESTING_BYTES = 262_144;

/**
 * A socket that can be read in batches: after a read that emptied the kernel's buffer it rests until the ticker
 * wakes it, so that a stream costs a few reads per second and not one per TCP segment. A resting socket notices an
 * end or a reset when it wakes; after an end, all wake more often for a second.
 */
export class SocketLink implements Link {
  readonly #socket: Socket;
  readonly #maxBacklogBytes: number;
  readonly #crossing: Pick<Crossing, 'isSilent'>;
  readonly #ticker: Ticker | undefined;
  #stopTicking: (() => void) | undefined;
  /** Bytes that Node had read ahead when the socket woke; behind them the kernel may hold more. */
  #readAhead = 0;
  #bytesSinceTick = 0;
  #isFast = false;
  #isHeld = false;

  /**
   * @param way `maxBacklogBytes` bounds what the client leaves unread; nothing is sent while its `crossing` is silent.
   * @param ticker wakes resting sockets; undefined reads always at once.
   */
  constructor(
    socket: Socket,
    way: { readonly maxBacklogBytes: number; readonly crossing: Pick<Crossing, 'isSilent'> },
    ticker?: Ticker,
  ) {
    this.#socket = socket;
    this.#maxBacklogBytes = way.maxBacklogBytes;
    this.#crossing = way.crossing;
    this.#ticker = ticker;
  }

  onRead(bytes: number): boolean {
    if (this.#stopTicking === undefined) return false;
    this.#bytesSinceTick += bytes;
    const isReadAhead = this.#readAhead > 0;
    if (isReadAhead) this.#readAhead -= bytes;
    if (isReadAhead || bytes >= FULL_READ_BYTES || this.#isFast) return false;
    this.#socket.pause();
    return true;
  }

  send(bytes: Buffer): boolean {
    if (this.#crossing.isSilent || !this.#socket.writable) return true;
    this.#socket.write(bytes);
    return this.#socket.writableLength <= this.#maxBacklogBytes;
  }

  setBatched(batched: boolean): void {
    if (batched) {
      this.#stopTicking ??= this.#ticker?.add(() => this.#onTick());
    } else {
      this.#leaveTicker();
      this.wake();
    }
  }

  setHeld(held: boolean): void {
    this.#isHeld = held;
    if (held) this.#socket.pause();
    else this.wake();
  }

  wake(): void {
    if (this.#isHeld || !this.#socket.isPaused()) return;
    this.#readAhead = this.#socket.readableLength;
    this.#socket.resume();
  }

  readArrived(done: () => void): void {
    if (!this.#socket.isPaused()) {
      done();
      return;
    }
    this.#isHeld = false;
    this.setBatched(false);
    // The second turn of the event loop is the first that surely polls the socket after it was resumed.
    setImmediate(() => setImmediate(done));
  }

  end(): void {
    // What still comes is passed over, but it is read: closing over unread bytes would reset the last words away.
    this.#isHeld = false;
    this.setBatched(false);
    this.#socket.end();
  }

  destroy(): void {
    this.#leaveTicker();
    this.#socket.destroy();
  }

  /** Publishers often leave together (an event is over), so the others are looked at sooner after one has left. */
  #leaveTicker(): void {
    if (this.#stopTicking === undefined) return;
    this.#stopTicking();
    this.#stopTicking = undefined;
    this.#ticker?.hasten();
  }

  #onTick(): void {
    this.#isFast = this.#bytesSinceTick > MAX_RESTING_BYTES;
    this.#bytesSinceTick = 0;
    this.wake();
  }
}
