import { createHmac, randomBytes } from 'node:crypto';

const COOKIE = 0x2112a442;
const USERNAME = 0x0006;
const MESSAGE_INTEGRITY = 0x0008;

function attribute(type: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value, Buffer.alloc(-value.length & 3)]);
}

/** A binding request (RFC 8489, 5). Without a password its message integrity has nobody's key. */
export function stunRequest(user: string, password?: string, more: readonly Buffer[] = []): Buffer {
  const attributes = Buffer.concat([attribute(USERNAME, Buffer.from(user)), ...more]);
  const header = Buffer.alloc(20);
  header.writeUInt16BE(0x0001, 0);
  header.writeUInt16BE(attributes.length + 24, 2);
  header.writeUInt32BE(COOKIE, 4);
  randomBytes(12).copy(header, 8);
  const signed = Buffer.concat([header, attributes]);
  const digest =
    password === undefined ? randomBytes(20) : createHmac('sha1', password).update(signed).digest();
  return Buffer.concat([signed, attribute(MESSAGE_INTEGRITY, digest)]);
}

/** A request that nominates, as the controlling client of an ICE session sends it (RFC 8445, 7.1). */
export const nomination = (user: string, password: string): Buffer =>
  stunRequest(user, password, [
    attribute(0x0024, Buffer.from('6e7f1eff', 'hex')),
    attribute(0x802a, Buffer.alloc(8, 7)),
    attribute(0x0025, Buffer.alloc(0)),
  ]);

/** Datagrams that look like STUN, DTLS, RTP and RTCP (RFC 7983), or like nothing. */
export function datagram(n: number): Buffer {
  if (n % 2 === 0) return stunRequest(`nobody${n}:nowhere`.padEnd(20).slice(0, 20));
  const noise = randomBytes(1 + (n % 1400));
  noise[0] = [22, 128, 200, noise[0]!][(n >> 1) % 4]!;
  return noise;
}
