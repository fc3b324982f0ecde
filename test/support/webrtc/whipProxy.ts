import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { UdpRelay } from './udpRelay.ts';

export interface WhipProxy {
  /** Stands for the server's own address in a WHIP URL. */
  readonly origin: string;
  close(): Promise<void>;
}

/**
 * Passes WHIP requests on. The answers name the relay instead of the server, and the server learns no address of the
 * client, so that all media goes through the relay.
 */
export async function openWhipProxy(target: string, relay: UdpRelay): Promise<WhipProxy> {
  const server = createServer((request, response) => {
    pass(request, response, { target, relay }).catch((error: unknown) =>
      response.writeHead(502).end(String(error)),
    );
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () =>
      new Promise<void>((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

async function pass(
  request: IncomingMessage,
  response: ServerResponse,
  { target, relay }: { readonly target: string; readonly relay: UdpRelay },
): Promise<void> {
  const body = (await text(request)).replace(/^a=candidate:.*\r?\n/gm, '');
  const { authorization, 'content-type': type } = request.headers;
  const answer = await fetch(`${target}${request.url ?? ''}`, {
    method: request.method ?? 'GET',
    headers: {
      ...(authorization === undefined ? {} : { authorization }),
      ...(type === undefined ? {} : { 'content-type': type }),
    },
    ...(body === '' ? {} : { body }),
  });
  const location = answer.headers.get('location');
  response.writeHead(answer.status, {
    'content-type': answer.headers.get('content-type') ?? 'text/plain',
    ...(location === null ? {} : { location: new URL(location, target).pathname }),
  });
  response.end(throughRelay(await answer.text(), relay));
}

/** One candidate is kept in each media section, the first with an IPv4 address, which becomes the relay's. */
function throughRelay(sdp: string, relay: UdpRelay): string {
  let isWanted = true;
  const lines = sdp.split(/\r?\n/).flatMap((line) => {
    if (line.startsWith('m=')) isWanted = true;
    if (!line.startsWith('a=candidate:')) return [line];
    const fields = line.split(' ');
    if (!isWanted || !fields[4]!.includes('.')) return [];
    isWanted = false;
    const [address, port] = relay.towards(fields[4]!, Number(fields[5]));
    return [[...fields.slice(0, 4), address, port, ...fields.slice(6)].join(' ')];
  });
  return lines.join('\r\n');
}
