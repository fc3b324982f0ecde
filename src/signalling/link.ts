/** A client's socket as its session sees it. Nothing here throws, whatever state the socket is in. */
export interface Link {
  /** Queues a message. A client that has left too much unread is cut off instead. */
  send(text: string): void;
  /** Sends a ping of the WebSocket protocol (RFC 6455, 5.5.2). */
  ping(): void;
  /** Says why, then closes; cut after a bound. */
  close(code: CloseCode, reason: string): void;
  /** Cuts the connection at once. */
  terminate(): void;
}

/** RFC 6455, 7.4.1. */
export const CLOSE = {
  normal: 1000,
  goingAway: 1001,
  unsupportedData: 1003,
  policyViolation: 1008,
  internalError: 1011,
} as const;

export type CloseCode = (typeof CLOSE)[keyof typeof CLOSE];

/** The part of a `ws` socket that is used. */
export interface LinkSocket {
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(text: string, done: () => void): void;
  ping(data: undefined, mask: boolean, done: () => void): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

const OPEN = 1;
/** RFC 6455, 5.5: a control frame carries 125 bytes, two of them the code. */
const MAX_REASON_BYTES = 123;
const ignore = (): void => undefined;

/** A link over a WebSocket. */
export class WebSocketLink implements Link {
  readonly #socket: LinkSocket;
  readonly #maxBacklogBytes: number;
  readonly #onOverflow: () => void;

  /** @param onOverflow told when the client left more than `maxBacklogBytes` unread, just before it is cut off. */
  constructor(socket: LinkSocket, maxBacklogBytes: number, onOverflow: () => void) {
    this.#socket = socket;
    this.#maxBacklogBytes = maxBacklogBytes;
    this.#onOverflow = onOverflow;
  }

  send(text: string): void {
    if (this.#hasRoom()) this.#socket.send(text, ignore);
  }

  ping(): void {
    if (this.#hasRoom()) this.#socket.ping(undefined, false, ignore);
  }

  close(code: CloseCode, reason: string): void {
    const bytes = Buffer.from(reason).subarray(0, MAX_REASON_BYTES);
    this.#socket.close(code, bytes.toString('latin1').replace(/[^\x20-\x7e]/g, '?'));
  }

  terminate(): void {
    this.#socket.terminate();
  }

  /** Judges what waited before this message, so that one large message, a picture, always has its chance. */
  #hasRoom(): boolean {
    if (this.#socket.readyState !== OPEN) return false;
    if (this.#socket.bufferedAmount <= this.#maxBacklogBytes) return true;
    this.#onOverflow();
    this.#socket.terminate();
    return false;
  }
}
