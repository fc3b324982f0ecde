import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { hasCode } from '../../util/errorCode.ts';

/** A UDP port that nobody else can take until it is let go. */
export interface HeldPort {
  readonly port: number;
  /** Frees it before it returns. */
  release(): void;
}

/**
 * Takes a UDP port. @param port 0 finds a free one. @param address absent means all addresses.
 * @throws the system's error, e.g. EADDRINUSE.
 */
export async function holdPort(port: number, address?: string): Promise<HeldPort> {
  try {
    return await bind(
      createSocket(address === undefined || isIPv6(address) ? 'udp6' : 'udp4'),
      port,
      address,
    );
  } catch (error) {
    // A machine without IPv6.
    if (address !== undefined || !hasCode(error, 'EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL')) throw error;
    return await bind(createSocket('udp4'), port, address);
  }
}

async function bind(socket: Socket, port: number, address?: string): Promise<HeldPort> {
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ port, exclusive: true, ...(address === undefined ? {} : { address }) }, resolve);
    });
  } catch (error) {
    socket.close();
    throw error;
  }
  return { port: socket.address().port, release: () => void socket.close() };
}
