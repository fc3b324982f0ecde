import { once } from 'node:events';
import { request } from 'node:http';
import { connect as tlsConnect } from 'node:tls';
import { WebSocket } from 'ws';
import { afterEach, describe, expect, test } from 'vitest';
import type { SignallingOptions } from '../../../src/signalling/server.ts';
import { eventually } from '../../support/eventually.ts';
import { TEST_TLS } from '../http/tls.fixture.ts';
import { Client, Door } from './support.ts';

let door: Door;
afterEach(() => door.close());

async function openDoor(options: Partial<SignallingOptions> = {}): Promise<void> {
  door = await new Door(options).start();
}

/** The door still serves. */
async function expectAlive(): Promise<void> {
  const client = await door.connect();
  await client.settled();
}

const BROKEN = 'web sdk client broke the protocol';

describe('a message that is none', () => {
  test.each([
    ['', 'text'],
    ['{', 'text'],
    ['null', 'text'],
    ['[]', 'text'],
    ['{"message":7,"data":[]}', 'text'],
    ['{"data":[{}]}', 'text'],
    ['{"message":"ping","data":{}}', 'text'],
    [Buffer.from([1, 2, 3]), 'binary'],
  ] as const)('closes the socket with a reason: %j', async (frame, kind) => {
    await openDoor();
    const client = await door.connect();
    client.publish('a');
    await client.status('a', 'PENDING');
    client.socket.send(frame);
    const { code, reason } = await client.whenClosed();
    if (kind === 'binary') expect({ code, reason }).toEqual({ code: 1003, reason: 'binary message' });
    else
      expect({ code, reason }).toEqual({ code: 1008, reason: 'message is not of the form {message, data}' });
    await eventually(() => door.streams.all().length === 0 || undefined, 'stream ended');
    await eventually(() => door.warnings(BROKEN)[0], 'logged');
    await expectAlive();
  });

  test('a message without data is one', async () => {
    await openDoor();
    const client = await door.connect();
    client.socket.send('{"message":"ping"}');
    await client.heard('pong').catch(() => undefined);
    expect(client.all('pong')).toHaveLength(1);
  });

  test('a message above the bound closes the socket, one below it does not', async () => {
    await openDoor({ maxMessageBytes: 20_000 });
    const client = await door.connect();
    client.say('pushLogs', { logs: 'x'.repeat(19_000) });
    await client.settled();
    client.say('pushLogs', { logs: 'x'.repeat(20_001) });
    expect((await client.whenClosed()).code).toBe(1009);
    await eventually(() => door.connections.all().length === 0 || undefined, 'unlisted');
    await expectAlive();
  });

  test('a flood of broken clients is a few lines', async () => {
    await openDoor();
    for (let n = 0; n < 50; n++) {
      const client = await door.open();
      client.socket.send('}');
      await client.whenClosed();
    }
    expect(door.warnings(BROKEN).length).toBeLessThan(25);
    expect(door.warnings(BROKEN).length).toBeGreaterThan(0);
  });
});

describe('a client that takes its time', () => {
  test('and never opens a WebSocket is cut', async () => {
    await openDoor({ handshakeTimeoutMs: 200 });
    const silent = door.raw();
    const slow = door.raw();
    slow.write('GET / HTTP/1.1\r\nHost: x\r\n');
    await Promise.all([once(silent, 'close'), once(slow, 'close')]);
    await expectAlive();
  });

  test('and never says who it is is closed', async () => {
    await openDoor({ connectTimeoutMs: 200 });
    const client = await door.open();
    const known = await door.connect();
    expect(await client.whenClosed()).toEqual({ code: 1008, reason: 'no connection message in time' });
    await known.settled();
  });

  test('and never reads is cut when too much waits for it', async () => {
    await openDoor({ maxBacklogBytes: 65_536 });
    const client = await door.connect();
    client.publish('a');
    await client.status('a', 'PENDING');
    client.socket.pause();
    const logged = () =>
      door
        .warnings(BROKEN)
        .find(({ fields }) => fields['reason'] === 'the client does not read what is sent to it');
    for (let n = 0; logged() === undefined; n++) {
      expect(n).toBeLessThan(1_000_000);
      for (let m = 0; m < 500; m++)
        client.say('availableStream', { mediaSessionId: `q${m}`, name: 'x'.repeat(900) });
      await new Promise(setImmediate);
    }
    await eventually(() => door.streams.all().length === 0 || undefined, 'stream ended');
    expect(door.connections.all()).toEqual([]);
    await expectAlive();
  });

  test('and is sent one picture larger than the bound gets it', async () => {
    await openDoor({ maxBacklogBytes: 65_536 });
    const client = await door.connect();
    client.publish('a');
    await client.status('a', 'PENDING');
    door.snapshots.result = Buffer.alloc(1_000_000, 7);
    client.say('snapshot', { mediaSessionId: 's', name: 'name-a' });
    const { payload } = await client.heard('notifyStreamEvent');
    const picture = Buffer.from((payload as { snapshot: string }).snapshot, 'base64');
    expect(picture.equals(Buffer.alloc(1_000_000, 7))).toBe(true);
  });
});

describe('connections', () => {
  test.each([
    [{ maxConnections: 3 }, 'too many connections'],
    [{ maxConnectionsPerAddress: 3 }, 'too many connections of one address'],
  ])('above the bound are refused and come back when others leave: %j', async (options, reason) => {
    await openDoor(options);
    const clients = [await door.connect(), await door.connect(), await door.connect()];
    await expect(door.open()).rejects.toThrow();
    expect(door.warnings('web sdk connection refused')[0]?.fields).toMatchObject({ reason });
    clients[0]!.socket.close();
    await clients[0]!.whenClosed();
    const next = await eventually(() => door.open().catch(() => undefined), 'admitted again');
    next.say('connection', {});
    await next.heard('getUserData');
  });

  test('1,000 that come and go leave nothing', { timeout: 120_000 }, async () => {
    await openDoor();
    const ids: string[] = [];
    for (let round = 0; round < 50; round++) {
      const clients = await Promise.all(Array.from({ length: 20 }, () => door.connect()));
      ids.push(...door.connections.all().map(({ sessionId }) => sessionId));
      clients.forEach((client, n) => {
        if (n % 4 === 0) client.publish(`${round}-${n}`);
        if (n % 2 === 0) client.socket.terminate();
        else client.socket.close();
      });
      await Promise.all(clients.map((client) => client.whenClosed()));
    }
    await eventually(() => door.connections.all().length === 0 || undefined, 'all gone');
    await eventually(() => door.streams.all().length === 0 || undefined, 'all streams gone');
    expect(ids).toHaveLength(1000);
    await expectAlive();
  });
});

describe('HTTP', () => {
  test('without an upgrade is answered 426', async () => {
    await openDoor();
    const response = await fetch(`http://127.0.0.1:${door.port}/any`, { method: 'POST', body: 'x' });
    expect([response.status, response.headers.get('upgrade')]).toEqual([426, 'websocket']);
  });

  test.each([
    'nonsense\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nSec-WebSocket-Version: 13\r\n\r\n',
    `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(30_000)}\r\n\r\n`,
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  ])('that is no handshake is closed: %j', async (bytes) => {
    await openDoor({ handshakeTimeoutMs: 500 });
    const socket = door.raw();
    socket.resume();
    socket.write(bytes, 'latin1');
    await once(socket, 'close');
    await expectAlive();
  });

  test('a broken frame right behind the handshake is closed', async () => {
    await openDoor();
    const socket = door.raw();
    socket.resume();
    socket.write(
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\xff\xff\xff\xff\xff\xff',
      'latin1',
    );
    await once(socket, 'close');
    await expectAlive();
  });
});

describe('wss', () => {
  test('serves beside ws, and cuts whoever breaks TLS or does not finish it', async () => {
    await openDoor({ handshakeTimeoutMs: 300 });
    const port = await door.server.listen(0, '127.0.0.1', TEST_TLS);
    const client = new Client(`wss://127.0.0.1:${port}/x`, { rejectUnauthorized: false });
    await client.opened;
    client.say('connection', {});
    const { authToken } = await client.heard('getUserData');
    expect(authToken).toMatch(new RegExp(`^/127\\.0\\.0\\.1:\\d+/127\\.0\\.0\\.1:${port}$`));

    const plain = new WebSocket(`ws://127.0.0.1:${port}`);
    plain.on('error', () => undefined);
    await new Promise((closed) => plain.once('close', closed));
    const idle = tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    idle.on('error', () => undefined);
    await once(idle, 'close');
    const silent = door.raw(port);
    await once(silent, 'close');

    await client.settled();
    client.socket.terminate();
    await eventually(() => door.connections.all().length === 0 || undefined, 'gone');
  });

  test('a port in use is an error', async () => {
    await openDoor();
    await expect(door.server.listen(door.port, '127.0.0.1')).rejects.toThrow('EADDRINUSE');
    await expectAlive();
  });
});

test('a request with a body that never ends does not hold the door', async () => {
  await openDoor({ handshakeTimeoutMs: 200 });
  const hanging = request({ port: door.port, host: '127.0.0.1', method: 'POST' });
  hanging.on('error', () => undefined);
  hanging.write('x');
  await once(hanging, 'close');
  await expectAlive();
});
