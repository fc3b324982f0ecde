import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { plainAddress } from '../../util/endpoint.ts';

/** Where UDP media may come in. */
export interface MediaPortOptions {
  /** Undefined takes ports that the system has free. */
  readonly portRange?: { readonly from: number; readonly to: number };
  /** Kernel buffer of each RTP port, bytes; the system may give less. */
  readonly receiveBufferBytes: number;
}

/** Two neighbouring UDP ports: RTP on the even one, RTCP on the odd one (RFC 3550, 11). */
export interface PortPair {
  readonly rtp: Socket;
  readonly rtcp: Socket;
  readonly port: number;
  /** Lets the ports go. Later calls do nothing. */
  close(): void;
}

const ATTEMPTS = 64;
/** Room for reports; a report is some hundred bytes. */
const RTCP_BUFFER_BYTES = 65_536;

function bind(port: number, address: string, recvBufferSize: number): Promise<Socket> {
  const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', recvBufferSize });
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once('error', fail);
    socket.bind({ port, address, exclusive: true }, () => {
      socket.off('error', fail);
      // Of a client that has closed its port; nothing follows from it.
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });
}

/** Gives out pairs of UDP ports. */
export class MediaPorts {
  readonly #options: MediaPortOptions;
  /** First port to try next, so that a port just left rests for as long as there are others. */
  #next: number;

  constructor(options: MediaPortOptions) {
    this.#options = options;
    this.#next = even(options.portRange?.from ?? 0);
  }

  /**
   * Takes a pair on the interface of `address`, where the client's connection came in.
   * @throws the system's last error when no pair is free.
   */
  async take(address: string): Promise<PortPair> {
    const plain = plainAddress(address);
    const { portRange } = this.#options;
    let failure: unknown;
    const pairs = portRange === undefined ? ATTEMPTS : (portRange.to - portRange.from) / 2 + 1;
    for (let attempt = 0; attempt < pairs; attempt++) {
      try {
        const pair = await this.#open(this.#nextPort(), plain);
        if (pair !== undefined) return pair;
      } catch (error) {
        failure = error;
      }
    }
    throw failure instanceof Error ? failure : new Error('no pair of UDP ports is free');
  }

  #nextPort(): number {
    const { portRange } = this.#options;
    if (portRange === undefined) return 0;
    const port = this.#next;
    this.#next = port + 3 > portRange.to ? even(portRange.from) : port + 2;
    return port;
  }

  /** Undefined when the system gave an odd port for RTP. */
  async #open(port: number, address: string): Promise<PortPair | undefined> {
    const rtp = await bind(port, address, this.#options.receiveBufferBytes);
    const { port: bound } = rtp.address();
    if (bound % 2 !== 0) {
      rtp.close();
      return undefined;
    }
    try {
      const rtcp = await bind(bound + 1, address, RTCP_BUFFER_BYTES);
      return { rtp, rtcp, port: bound, close: closeOnce(rtp, rtcp) };
    } catch (error) {
      rtp.close();
      throw error;
    }
  }
}

function even(port: number): number {
  return port + (port % 2);
}

function closeOnce(...sockets: readonly Socket[]): () => void {
  let isOpen = true;
  return () => {
    if (isOpen) for (const socket of sockets) socket.close();
    isOpen = false;
  };
}
