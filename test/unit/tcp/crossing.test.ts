import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Arrival, Departure, HERE } from '../../../src/tcp/crossing.ts';
import type { MovingClient, Placement } from '../../../src/tcp/crossing.ts';
import { eventually } from '../../support/eventually.ts';

const place = { address: '127.0.0.1', localAddress: '127.0.0.1', sessionId: '/a:1/b:2' };
let server: Server;
let client: Socket;
let socket: Socket;
let taken: MovingClient | undefined;
let goneCalls: (() => void)[];
let left: number;
const seen: Buffer[] = [];

const taking: Placement = {
  find: (streamName) =>
    streamName === 'elsewhere'
      ? {
          take: (moving, onGone) => {
            taken = moving;
            goneCalls.push(onGone);
          },
        }
      : undefined,
};

/** A real connection, whose bytes a session would be given. */
beforeEach(async () => {
  taken = undefined;
  [goneCalls, left] = [[], 0];
  seen.length = 0;
  server = createServer({ highWaterMark: 1 });
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => undefined);
  socket = await accepted;
  socket.on('error', () => undefined);
});

afterEach(() => {
  client.destroy();
  socket.destroy();
  server.close();
});

/** Lets `departure` follow the socket; the bytes of one read are spoilt after use, as sessions do. */
function follow(departure: Departure, onChunk: () => void = () => undefined): void {
  departure.begin(socket, () => left++);
  socket.on('data', (chunk: Buffer) => {
    departure.received(chunk);
    seen.push(Buffer.from(chunk));
    chunk.fill(0);
    onChunk();
  });
}

test('a connection leaves with every byte: those used, those read ahead, and those that still come', async () => {
  const sent = randomBytes(200_000);
  const departure = new Departure(taking, place);
  follow(departure, () => {
    if (taken === undefined && left === 0) expect(departure.moves('elsewhere')).toBe(true);
  });
  client.write(sent.subarray(0, 3000));
  const moving = await eventually(() => taken, 'the connection has left');
  expect(left).toBe(1);
  expect(moving).toMatchObject({ place, streamName: 'elsewhere' });
  // Comes while the connection is on its way.
  client.write(sent.subarray(3000, 100_000));
  const child = fork(resolve('test/support/takeSocket.mjs'));
  const told = new Promise<string>((resolveTold) =>
    child.once('message', (text: string) => resolveTold(text)),
  );
  child.send('take this', moving.socket);
  client.end(sent.subarray(100_000));
  const all = Buffer.concat([moving.received, Buffer.from(await told, 'base64')]);
  expect(all.length).toBe(sent.length);
  expect(all.equals(sent)).toBe(true);
});

test('a connection whose other process has closed it is closed here', async () => {
  const departure = new Departure(taking, place);
  follow(departure, () => departure.moves('elsewhere'));
  client.write('x');
  await eventually(() => goneCalls[0], 'the connection has left');
  const closed = new Promise((resolve) => socket.once('close', resolve));
  goneCalls[0]!();
  await closed;
});

test('it stays where nobody else takes it, and is not asked about again', async () => {
  const departure = new Departure(taking, place);
  follow(departure);
  client.write('x');
  await eventually(() => seen[0], 'a byte');
  expect(departure.moves('here')).toBe(false);
  expect(departure.moves('elsewhere')).toBe(false);
});

test('a client that has sent much before it publishes stays', async () => {
  const departure = new Departure(taking, place);
  follow(departure);
  client.write(Buffer.alloc(70_000));
  await eventually(() => (Buffer.concat(seen).length === 70_000 ? true : undefined), 'all bytes');
  expect(departure.moves('elsewhere')).toBe(false);
});

test('answers that were given before are not given again where a connection arrives', () => {
  const arrival = new Arrival();
  expect(arrival.isSilent).toBe(true);
  expect(arrival.moves()).toBe(false);
  expect(arrival.isSilent).toBe(false);
  expect([HERE.isSilent, HERE.moves('elsewhere')]).toEqual([false, false]);
});
