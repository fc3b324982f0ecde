import type { Socket } from 'node:net';
import { RecorderdError } from '../domain/errors.ts';
import { errorBody } from './errors.ts';

/** When a refused client may try again, seconds. */
const RETRY_AFTER_S = 5;

/** Bounds on connections that are over a limit and being told so. */
export interface RefusalLimits {
  /** How many at the same time; the others are closed without an answer. */
  readonly maxRefusals: number;
  /** How long one may take to read its answer and close, milliseconds. */
  readonly refusalMs: number;
}

/** Tells http connections that are over a limit why they are closed: one answer each, whatever they ask for. */
export class Refusals {
  readonly #limits: RefusalLimits;
  readonly #sockets = new Set<Socket>();

  constructor(limits: RefusalLimits) {
    this.#limits = limits;
  }

  /** True while `socket` is being refused: what it asks for is not to be answered. */
  has(socket: Socket): boolean {
    return this.#sockets.has(socket);
  }

  /** Answers 503 and ends the connection. */
  answer(socket: Socket, reason: string): void {
    if (this.#sockets.size >= this.#limits.maxRefusals) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    // Not destroyed at once: a request that nobody read would make the system reset the connection, answer and all.
    const cut = setTimeout(() => socket.destroy(), this.#limits.refusalMs);
    socket.once('close', () => {
      clearTimeout(cut);
      this.#sockets.delete(socket);
    });
    socket.end(answerOf(reason));
  }

  /** Cuts every connection. */
  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

function answerOf(reason: string): string {
  const body = JSON.stringify(errorBody(new RecorderdError('LIMIT_REACHED', reason), '', Date.now()));
  const headers = [
    'HTTP/1.1 503 Service Unavailable',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `Retry-After: ${RETRY_AFTER_S}`,
    'Connection: close',
  ];
  return `${headers.join('\r\n')}\r\n\r\n${body}`;
}
