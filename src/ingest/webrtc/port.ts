import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { hasCode } from '../../util/errorCode.ts';

/**
 * Finds out whether a UDP port can be had. @param port 0 finds a free one. @param address absent means all addresses.
 * @returns the port. @throws the system's error, e.g. EADDRINUSE.
 */
export async function probe(port: number, address?: string): Promise<number> {
  try {
    return await bindOnce(
      createSocket(address === undefined || isIPv6(address) ? 'udp6' : 'udp4'),
      port,
      address,
    );
  } catch (error) {
    // A machine without IPv6.
    if (address !== undefined || !hasCode(error, 'EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL')) throw error;
    return await bindOnce(createSocket('udp4'), port, address);
  }
}

async function bindOnce(socket: Socket, port: number, address?: string): Promise<number> {
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ port, exclusive: true, ...(address === undefined ? {} : { address }) }, resolve);
    });
    return socket.address().port;
  } finally {
    socket.close();
  }
}
