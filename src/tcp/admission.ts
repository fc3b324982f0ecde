import type { Socket } from 'node:net';
import { plainAddress } from '../util/endpoint.ts';

/** How many connections there may be. */
export interface AdmissionLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
}

/** Connections of a listener. */
export interface ConnectionLoad {
  readonly open: number;
  /** Since the start. */
  readonly accepted: number;
  readonly refused: number;
}

/** Counts raw connections, those still in a handshake included, in total and by address. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #sockets = new Set<Socket>();
  readonly #perAddress = new Map<string, number>();
  #accepted = 0;
  #refused = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  get load(): ConnectionLoad {
    return { open: this.#sockets.size, accepted: this.#accepted, refused: this.#refused };
  }

  /** Counts `socket` until it closes. @returns why it may not stay; undefined when it may. */
  admit(socket: Socket): string | undefined {
    const reason = this.#admit(socket);
    if (reason === undefined) this.#accepted++;
    else this.#refused++;
    return reason;
  }

  #admit(socket: Socket): string | undefined {
    const address = plainAddress(socket.remoteAddress ?? '');
    const ofAddress = this.#perAddress.get(address) ?? 0;
    if (address === '') return 'closed before it was accepted';
    if (this.#sockets.size >= this.#limits.maxConnections) return 'too many connections';
    if (ofAddress >= this.#limits.maxConnectionsPerAddress) return 'too many connections of one address';
    this.#sockets.add(socket);
    this.#perAddress.set(address, ofAddress + 1);
    socket.once('close', () => this.#release(socket, address));
    return undefined;
  }

  /** Cuts every connection. */
  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #release(socket: Socket, address: string): void {
    this.#sockets.delete(socket);
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left > 0) this.#perAddress.set(address, left);
    else this.#perAddress.delete(address);
  }
}
