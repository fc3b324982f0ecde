import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';

const pem = (name: string): Buffer =>
  readFileSync(new URL(`../unit/rtmp/tls/test-${name}.pem`, import.meta.url));

/** A TLS listener before a server that knows no TLS. */
export interface TlsFront {
  readonly port: number;
  /** A client has sent this text, in one piece. */
  hasSent(text: string): boolean;
  close(): Promise<void>;
}

/** Takes TLS connections and hands what is in them to a port of loopback. */
export async function tlsFront(port: number): Promise<TlsFront> {
  const sent: Buffer[] = [];
  const server = createServer({ key: pem('key'), cert: pem('cert') }, (secure) => {
    const plain = connect({ port, host: '127.0.0.1' });
    secure.on('data', (chunk: Buffer) => sent.push(chunk));
    secure.pipe(plain).pipe(secure);
    const end = (): void => {
      secure.destroy();
      plain.destroy();
    };
    for (const socket of [secure, plain]) socket.on('error', end).on('close', end);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
  const hasSent = (text: string): boolean => sent.some((chunk) => chunk.includes(text));
  return { port: (server.address() as AddressInfo).port, hasSent, close };
}
