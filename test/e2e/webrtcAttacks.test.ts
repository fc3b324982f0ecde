import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { WebSocket } from 'ws';
import { eventually } from '../support/eventually.ts';
import { TestServer } from '../support/server.ts';
import { residentKiB } from '../support/vitals.ts';
import { TestBrowser } from '../support/webrtc/browser.ts';
import { datagram } from '../support/webrtc/datagrams.ts';
import type { PublisherPage } from '../support/webrtc/publisherPage.ts';
import { expectWhole, stopAndFind, wsUrl } from '../support/webrtc/recordings.ts';

const { chromium } = inject('peers');
const FLOOD_PACKETS = 40_000;
const FLOOD_SOCKETS = 16;
const MAX_GROWTH_KIB = 64 * 1024;
let server: TestServer;

/** Addresses the media port is reached at. */
function mediaAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return all.filter(({ family }) => family === 'IPv4').map(({ address }) => address);
}

async function flood(port: number): Promise<void> {
  const addresses = mediaAddresses();
  const sockets = Array.from({ length: FLOOD_SOCKETS }, () => createSocket('udp4'));
  for (const socket of sockets) socket.on('error', () => undefined);
  for (let n = 0; n < FLOOD_PACKETS; n += 1) {
    sockets[n % FLOOD_SOCKETS]!.send(datagram(n), port, addresses[n % addresses.length]);
    if (n % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  for (const socket of sockets) socket.close();
}

describe.skipIf(chromium === null)('attacks while a browser is recorded', () => {
  let browser: TestBrowser;
  let page: PublisherPage;

  beforeAll(async () => {
    browser = await TestBrowser.launch(chromium!);
  });

  afterAll(async () => browser.close());

  beforeEach(async () => {
    server = await TestServer.start();
    page = await browser.open({ source: { width: 320, height: 180, detail: 0 } });
    await page.connect(wsUrl(server));
  });

  afterEach(async () => {
    await page.close();
    await server.close();
  });

  test('a flood of STUN and garbage on the media port costs neither a frame nor memory', async () => {
    await page.publish({ name: 'canary', record: true }, { codec: 'h264' });
    await page.untilSent('canary', 25);
    const before = residentKiB(server.pid);
    await flood(server.port('media'));
    expect(residentKiB(server.pid) - before).toBeLessThan(MAX_GROWTH_KIB);
    await page.untilSent('canary', (await page.counters('canary')).video.framesSent + 25);
    await expectWhole(await stopAndFind(server, page, 'canary'));
    // A word now and then, not one for each datagram.
    expect(server.logs.length).toBeLessThan(1000);
  });

  test('WebSocket clients that misbehave in every way disturb nobody', async () => {
    await page.publish({ name: 'canary', record: true }, { codec: 'h264' });
    const before = residentKiB(server.pid);
    const closed = await Promise.all(
      [
        Buffer.alloc(4096, 1),
        'x'.repeat(2_000_000),
        '{"message":',
        '[]',
        '{"message":"connection","data":{}}',
      ].map(async (message) => closedAfter(message)),
    );
    expect(closed.slice(0, 2)).toEqual([true, true]);
    const deaf = await Promise.all(Array.from({ length: 8 }, async () => neverReading()));
    await page.untilSent('canary', (await page.counters('canary')).video.framesSent + 50);
    expect(residentKiB(server.pid) - before).toBeLessThan(MAX_GROWTH_KIB * 2);
    await expectWhole(await stopAndFind(server, page, 'canary'));
    for (const socket of deaf) socket.destroy();
  });
});

test('clients that do not answer pings are put out, those that do stay', async () => {
  server = await TestServer.start({ 'keep_alive.server_interval': 200, 'keep_alive.probes': 3 });
  const [silent, alive] = [new WebSocket(wsUrl(server)), new WebSocket(wsUrl(server))];
  alive.on('message', (data: Buffer) => {
    if ((JSON.parse(data.toString()) as { message: string }).message === 'ping')
      alive.send('{"message":"pong","data":[null]}');
  });
  for (const socket of [silent, alive]) {
    await once(socket, 'open');
    socket.send(
      JSON.stringify({ message: 'connection', data: [{ appKey: 'defaultApp', mediaProviders: ['WebRTC'] }] }),
    );
  }
  await once(silent, 'close');
  expect(alive.readyState).toBe(WebSocket.OPEN);
  expect((await server.rest('/connection/find_all')).json).toHaveLength(1);
  alive.close();
  await server.close();
});

/** Sends one message as the first; whether the server closes the connection on it. */
async function closedAfter(message: Buffer | string): Promise<boolean> {
  const socket = new WebSocket(wsUrl(server));
  socket.on('error', () => undefined);
  await once(socket, 'open');
  socket.send(message);
  const closed = await Promise.race([
    once(socket, 'close').then(() => true),
    new Promise<false>((resolve) => setTimeout(() => resolve(false), 3000)),
  ]);
  socket.terminate();
  return closed;
}

/** A client that asks and asks and does not read one answer. */
async function neverReading(): Promise<Socket> {
  const socket = connect(server.port('ws'), '127.0.0.1');
  socket.on('error', () => undefined).pause();
  await once(socket, 'connect');
  const key = randomBytes(16).toString('base64');
  socket.write(
    `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  socket.write(
    frame({ message: 'connection', data: [{ appKey: 'defaultApp', mediaProviders: ['WebRTC'] }] }),
  );
  const question = frame({
    message: 'availableStream',
    data: [{ mediaSessionId: 'x'.repeat(36), name: 'y'.repeat(200) }],
  });
  const questions = Buffer.concat(Array.from({ length: 500 }, () => question));
  for (let n = 0; n < 100 && !socket.destroyed; n += 1) {
    if (!socket.write(questions))
      await eventually(
        () => (socket.destroyed || socket.writableLength < 1_000_000 ? true : undefined),
        'room',
        500,
      ).catch(() => socket.destroy());
  }
  return socket;
}

/** A masked text frame (RFC 6455, 5.2) with the key 0, so that the payload is as it is. */
function frame(message: unknown): Buffer {
  const payload = Buffer.from(JSON.stringify(message));
  const length = Buffer.alloc(2);
  length.writeUInt16BE(payload.length);
  return Buffer.concat([Buffer.from([0x81, 0x80 | 126]), length, Buffer.alloc(4), payload]);
}
