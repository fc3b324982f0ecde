import { once } from 'node:events';
import { get as httpsGet } from 'node:https';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { Rest } from './support.ts';
import { TEST_TLS } from './tls.fixture.ts';

const HEALTHZ = 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n';

const STOP = `POST /rest-api/recorder/terminate HTTP/1.1\r\nHost: a\r\nContent-Length: 23\r\n\r\n{"mediaSessionId":"id"}`;

let rest: Rest;
let sockets: Socket[];
beforeEach(() => {
  rest = new Rest();
  sockets = [];
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await rest.close();
});

async function open(port = rest.port): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

/** Everything the server sends until it ends the connection. */
function answerOn(socket: Socket): Promise<string> {
  return text(socket);
}

describe('HttpServer', () => {
  test('serves one app on several ports, plain and TLS', async () => {
    await rest.start();
    const second = await rest.server!.listen(0, '127.0.0.1');
    const secure = await rest.server!.listen(0, '127.0.0.1', TEST_TLS);
    expect(new Set([rest.port, second, secure]).size).toBe(3);
    expect(await (await fetch(`http://127.0.0.1:${second}/healthz`)).json()).toEqual({ status: 'ok' });
    const body = await new Promise<string>((resolve, reject) => {
      const options = { rejectUnauthorized: false, agent: false };
      const request = httpsGet(`https://127.0.0.1:${secure}/healthz`, options);
      request.on('response', (response) => void text(response).then(resolve, reject)).on('error', reject);
    });
    expect(JSON.parse(body)).toEqual({ status: 'ok' });
  });

  test('says why it cannot listen and still closes', async () => {
    await rest.start();
    await expect(rest.server!.listen(rest.port, '127.0.0.1')).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await expect(rest.server!.listen(0, '127.0.0.1', { key: 'x', cert: 'y' })).rejects.toThrow(/PEM/);
  });

  test.each([
    ['headers', 'GET /healthz HTTP/1.1\r\nHost:'],
    ['nothing', ''],
    ['half a body', 'POST /rest-api/stream/find HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"na'],
  ])('a client that sends %s and then waits is dropped', async (_what, sent) => {
    await rest.start({ limits: { headersTimeoutMs: 50, requestTimeoutMs: 50 } });
    const socket = await open();
    socket.write(sent);
    expect(await answerOn(socket)).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('an idle connection is dropped', async () => {
    await rest.start({ limits: { keepAliveTimeoutMs: 50 } });
    const socket = await open();
    socket.write(HEALTHZ);
    expect(await answerOn(socket)).toContain('{"status":"ok"}');
  });

  test('takes no more connections than allowed, and says so to the others', async () => {
    await rest.start({ limits: { maxConnections: 1 } });
    const first = await open();
    const refused = await fetch(rest.url('/healthz'));
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('5');
    expect(refused.headers.get('connection')).toBe('close');
    expect(await refused.json()).toMatchObject({ status: 503, code: 'LIMIT_REACHED' });
    first.write(HEALTHZ);
    expect(String(await once(first, 'data'))).toMatch(/^HTTP\/1\.1 200 /);
    const closed = once(first, 'close');
    first.end();
    await closed;
    await eventually(async () => (await fetch(rest.url('/healthz'))).ok || undefined, 'a free place');
  });

  test('names the limit of one address; does nothing that a refused connection asks for', async () => {
    await rest.start({ limits: { maxConnectionsPerAddress: 1 } });
    let stops = 0;
    rest.recordings.stop = () => {
      stops++;
      return Promise.resolve();
    };
    await open();
    const second = await open();
    second.write(STOP.repeat(20));
    const answer = await answerOn(second);
    expect(answer).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/);
    expect(answer).toContain('too many connections of one address');
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(stops).toBe(0);
  });

  test('refused connections that stay are cut, and those above their bound get no answer', async () => {
    await rest.start({ limits: { maxConnections: 1, maxRefusals: 2, refusalMs: 300 } });
    await open();
    const stay = [await open(), await open()];
    for (const socket of stay) socket.allowHalfOpen = true;
    const answers = stay.map(async (socket) => String((await once(socket, 'data'))[0]));
    for (const answer of answers) expect(await answer).toMatch(/^HTTP\/1\.1 503 /);
    expect(await answerOn(await open())).toBe('');
    // A connection that the server has left answers what is sent to it with a reset.
    for (const socket of stay) {
      const gone = once(socket, 'error');
      const knock = setInterval(() => socket.write('GET /'), 20);
      expect(await gone).toMatchObject([{ code: expect.stringMatching(/^(?:ECONNRESET|EPIPE)$/) as string }]);
      clearInterval(knock);
    }
    const next = await open();
    expect(await answerOn(next)).toMatch(/^HTTP\/1\.1 503 /);
  });

  test('over a limit a TLS connection is closed without an answer', async () => {
    await rest.start({ limits: { maxConnections: 1 } });
    const secure = await rest.server!.listen(0, '127.0.0.1', TEST_TLS);
    await open();
    expect(await answerOn(await open(secure))).toBe('');
  });
});

describe('HttpServer.close', () => {
  /** Makes `recordings.stop` wait. @returns the release, and the moment the first call arrives. */
  function heldStop() {
    let release!: () => void;
    const arrived = new Promise<void>((resolve) => {
      rest.recordings.stop = () => {
        resolve();
        return new Promise((done) => (release = done));
      };
    });
    return { arrived, release: () => release() };
  }

  test('lets a running request end, drops idle connections at once, takes no new ones', async () => {
    await rest.start();
    const { arrived, release } = heldStop();
    const idle = await open();
    idle.write(HEALTHZ);
    await once(idle, 'data');
    const busy = await open();
    busy.write(STOP);
    await arrived;
    const closed = rest.close(60_000);
    await once(idle, 'close');
    await expect(fetch(rest.url('/healthz'))).rejects.toThrow();
    release();
    expect(await answerOn(busy)).toMatch(/^HTTP\/1\.1 200 /);
    await closed;
  });

  test('cuts what is left after the grace: a stuck request, half a request, half a TLS handshake', async () => {
    await rest.start();
    const { arrived } = heldStop();
    const stuck = await open();
    stuck.write(STOP);
    await arrived;
    const half = await open();
    half.write('GET /');
    const handshake = await open(await rest.server!.listen(0, '127.0.0.1', TEST_TLS));
    const cut = [stuck, half, handshake].map((socket) => {
      socket.on('error', () => undefined);
      return once(socket, 'close');
    });
    await rest.close(20);
    await Promise.all(cut);
  });
});
