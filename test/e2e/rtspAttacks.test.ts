import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterEach, expect, inject, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { decodeErrors } from '../support/packets.ts';
import { expectSamePictures, pushFile, recordOnDemand } from '../support/rtspPublishers.ts';
import { TestServer } from '../support/server.ts';

const { bframesFlv } = inject('media');
const CONNECTIONS = 10_000;
const AT_ONCE = 200;
const ADDRESSES = 16;
const sockets = new Set<Socket>();
let server: TestServer;

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await server.close();
});

/** A connection that says nothing, or begins a request and leaves it at that. */
async function halfOpen(n: number): Promise<void> {
  const localAddress = `127.0.1.${1 + (n % ADDRESSES)}`;
  const socket = connect({ port: server.port('rtsp'), host: '127.0.0.1', localAddress });
  sockets.add(socket);
  socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
  if (n % 2 === 0) socket.write('ANNOUNCE rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 400\r\n\r\nv=0');
}

test(`${CONNECTIONS} half-open connections do not disturb a recording, and go when their time is over`, async () => {
  const most = { rtsp_max_connections: 20_000, rtsp_max_connections_per_address: 20_000 };
  server = await TestServer.start({ stream_record_policy: 'streamName', rtsp_request_timeout: 10, ...most });
  const publisher = pushFile(bframesFlv, server.rtspUrl('canary'));
  await recordOnDemand(server, 'canary');
  for (let n = 0; n < CONNECTIONS; n += AT_ONCE)
    await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => halfOpen(n + i)));
  expect(sockets.size).toBe(CONNECTIONS);
  expect(await publisher.ended).toEqual({ code: 0, stderr: '' });
  const [record] = await server.recordsFinished(1);
  await expectSamePictures(bframesFlv, `${server.recordsDir}/${record}`);
  expect(await decodeErrors(`${server.recordsDir}/${record}`)).toBe('');
  // Ended by the server, whose log sums them up.
  await eventually(() => (sockets.size === 0 ? true : undefined), 'all are gone', 60_000);
  expect(server.logs.length).toBeLessThan(1000);
});
