import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { once } from 'node:events';
import { eventually } from '../../support/eventually.ts';
import type { Client } from './support.ts';
import { Door } from './support.ts';

const NAMES =
  `connection publishStream unPublishStream playStream stopStream availableStream snapshot sendStreamEvent
  sendData ping pong pushLogs sessionDebug submitBugReport webRTCMetricsBatch __proto__ constructor`.split(
    /\s+/,
  );

const FIELDS = `mediaSessionId name sdp record custom transport operationId payload type appKey mediaProviders
  clientVersion __proto__ toString`.split(/\s+/);

const value = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('a', 'b', 'TCP', 'audioMuted', 'v=0', true, null),
);
const body = fc.oneof(
  { weight: 4, arbitrary: fc.dictionary(fc.constantFrom(...FIELDS), value, { noNullPrototype: true }) },
  { weight: 1, arbitrary: fc.jsonValue() },
);
const message = fc.record({ message: fc.constantFrom(...NAMES), data: fc.array(body, { maxLength: 2 }) });

let door: Door;
beforeEach(async () => {
  door = await new Door({ maxMessageBytes: 100_000, finalTimeoutMs: 200 }).start();
});
afterEach(() => door.close());

/** Fresh clients are served, and what the fuzzing ones had is gone. */
async function expectClean(): Promise<void> {
  await eventually(() => door.connections.all().length === 0 || undefined, 'sessions gone');
  await eventually(() => door.streams.all().length === 0 || undefined, 'streams gone');
  const client = await door.connect();
  client.publish('after');
  await client.status('after', 'PENDING');
  expect(door.log.lines.filter(({ level }) => level === 'error')).toEqual([]);
}

test('random messages with the right names are served or ignored, whatever is in them', async () => {
  let client: Client = await door.connect();
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 20 }), async (messages) => {
      if (client.socket.readyState !== client.socket.OPEN) client = await door.connect();
      for (const each of messages) client.socket.send(JSON.stringify(each));
      await client.settled();
      expect(client.closed).toBeUndefined();
    }),
    { numRuns: 300 },
  );
  client.socket.close();
  await expectClean();
}, 120_000);

test('mutated messages close their own socket at most', async () => {
  await fc.assert(
    fc.asyncProperty(
      message,
      fc.nat(),
      fc.string({ unit: 'binary', maxLength: 3 }),
      async (each, at, insert) => {
        const client = await door.connect();
        const text = JSON.stringify(each);
        const place = at % text.length;
        client.socket.send(text.slice(0, place) + insert + text.slice(place + insert.length));
        client.socket.close();
        await client.whenClosed();
      },
    ),
    { numRuns: 200 },
  );
  await expectClean();
}, 120_000);

test('random bytes after the handshake close their own socket at most', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
      const socket = door.raw();
      socket.resume();
      socket.write(
        'GET /f HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
      );
      socket.end(bytes);
      await once(socket, 'close');
    }),
    { numRuns: 200 },
  );
  await expectClean();
}, 120_000);

test('messages nested too deep to be written again are survived', async () => {
  const deep = '['.repeat(45_000) + ']'.repeat(45_000);
  for (const text of [
    `{"message":"connection","data":[{"custom":{"a":${deep}}}]}`,
    `{"message":"connection","data":[${deep}]}`,
    `{"message":"submitBugReport","data":[${deep}]}`,
    `{"message":"sendData","data":[{"operationId":"o","payload":${deep}}]}`,
    deep,
  ]) {
    const client = await door.open();
    client.socket.send(text);
    client.socket.close();
    await client.whenClosed();
  }
  await expectClean();
});
