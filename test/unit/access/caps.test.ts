import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { RecorderdError } from '../../../src/domain/errors.ts';
import { refusalOf } from '../../../src/ingest/pull/failures.ts';
import { eventually } from '../../support/eventually.ts';
import { RtmpClient } from '../../support/rtmpClient.ts';
import { RtmpHarness } from '../../support/rtmpHarness.ts';
import { RtspClient, RtspHarness } from '../../support/rtspHarness.ts';
import { json, Rest } from '../http/support.ts';
import { TEST_TLS } from '../http/tls.fixture.ts';
import { keyFrame, Studio, VIDEO } from '../recorder/support.ts';
import { Door } from '../signalling/support.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

describe('max_streams', () => {
  const rules = { maxStreams: 1 };

  test('RTMP: refused with the reason, and let in once there is room', async () => {
    const harness = await RtmpHarness.start({}, rules);
    closers.push(() => harness.server.close());
    const first = await RtmpClient.publishing(harness.port, 'a');
    const second = await RtmpClient.ready(harness.port);
    second.publish('b');
    const { description } = await second.status('NetStream.Publish.Rejected');
    expect(description).toBe('no more than 1 streams');
    await eventually(() => second.isClosed || undefined, 'closed');
    first.end();
    await harness.ended('a');
    const third = await RtmpClient.publishing(harness.port, 'b');
    expect(harness.streams.all().map(({ name }) => name)).toEqual(['b']);
    third.end();
  });

  test('RTSP: 503 with the reason', async () => {
    const harness = await RtspHarness.start({}, rules);
    closers.push(() => harness.server.close());
    const first = await RtspClient.publishing(harness.port, 'a');
    const second = await RtspClient.open(harness.port, 'b');
    expect(await second.announce()).toMatchObject({ status: 503, reason: 'Too many streams or recordings' });
    for (const client of [first, second]) client.end();
  });

  test('Web SDK: FAILED, and the session goes on', async () => {
    const door = await new Door({}, rules).start();
    closers.push(() => door.close());
    const client = await door.connect();
    client.publish('a');
    await client.status('a', 'PENDING');
    client.publish('b');
    expect(await client.status('b', 'FAILED')).toMatchObject({ info: 'Failed to add stream to proxy' });
    expect(client.statuses('a')).toEqual(['PENDING']);
  });

  test('WHIP: 503, to be tried again', async () => {
    const rest = await new Rest(rules).start();
    closers.push(() => rest.close());
    rest.publish('a');
    const response = await fetch(rest.url('/whip/b'), {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp' },
      body: 'v=0\r\n',
    });
    expect([response.status, response.headers.get('Retry-After')]).toEqual([503, '5']);
    expect(await json(response)).toMatchObject({ code: 'LIMIT_REACHED', message: 'no more than 1 streams' });
  });

  test('a capture that finds no room tells so, and a fault of the server does not', () => {
    expect(refusalOf(new RecorderdError('LIMIT_REACHED', 'no more than 1 streams'))).toBe(
      'no more than 1 streams',
    );
    expect(refusalOf(new RecorderdError('INTERNAL', 'x'))).toBeUndefined();
    expect(refusalOf(new Error('x'))).toBeUndefined();
  });
});

describe('max_recordings', () => {
  test('a publisher who would be recorded is refused, and let in once there is room', async () => {
    const studio = await Studio.open({ maxRecordings: 1, trackWaitMs: 0 });
    const first = studio.publish('a');
    expect(() => studio.publish('b')).toThrow(
      expect.objectContaining({ code: 'LIMIT_REACHED', message: 'no more than 1 recordings' }) as Error,
    );
    expect(studio.streams.all()).toEqual([first]);
    await studio.end(first);
    const second = studio.publish('b');
    expect(studio.recordings.list()).toHaveLength(1);
    await studio.end(second, 2);
  });

  test('a start on demand is refused; one of a stream that is recorded takes the place of the other', async () => {
    const studio = await Studio.open({ maxRecordings: 1, trackWaitMs: 0 }, false);
    const [first, second] = [studio.publish('a'), studio.publish('b')];
    studio.recordings.start(first, {});
    first.setTrack(VIDEO);
    first.push(keyFrame(0));
    studio.recordings.start(first, {});
    first.push(keyFrame(40));
    expect(() => studio.recordings.start(second, {})).toThrow('no more than 1 recordings');
    await studio.end(first, 2);
    studio.recordings.start(second, {});
    await studio.end(second, 3);
    expect(studio.records()).toEqual(['a-2.ts', 'a.ts']);
  });
});

describe('http connections', () => {
  const HEALTHZ = 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n';

  async function open(port: number, localAddress: string): Promise<Socket> {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    closers.push(() => socket.destroy());
    await once(socket, 'connect');
    return socket;
  }

  async function isServed(socket: Socket): Promise<boolean> {
    socket.write(HEALTHZ);
    const [answer] = (await Promise.race([once(socket, 'data'), once(socket, 'close')])) as [unknown];
    return String(answer).startsWith('HTTP/1.1 200 ');
  }

  test('are counted per address, over all ports, those in a TLS handshake included', async () => {
    const rest = await new Rest().start({ limits: { maxConnectionsPerAddress: 2 } });
    closers.push(() => rest.close());
    const secure = await rest.server!.listen(0, '127.0.0.1', TEST_TLS);
    const first = await open(rest.port, '127.0.0.1');
    expect(await isServed(first)).toBe(true);
    const handshaking = await open(secure, '127.0.0.1');
    expect(await text(await open(rest.port, '127.0.0.1'))).toMatch(/^HTTP\/1\.1 503 /);
    expect(await isServed(await open(rest.port, '127.0.0.2'))).toBe(true);
    const [line, ...more] = rest.log.lines.filter(({ level }) => level === 'warn');
    expect(more).toEqual([]);
    expect(line).toMatchObject({
      message: 'http connection refused',
      fields: { address: '127.0.0.1', reason: 'too many connections of one address' },
    });
    handshaking.destroy();
    await eventually(
      async () => ((await isServed(await open(rest.port, '127.0.0.1'))) ? true : undefined),
      'there is room again',
    );
  });
});
