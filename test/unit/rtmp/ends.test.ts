import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import type { RtmpOptions } from '../../../src/ingest/rtmp/server.ts';
import { eventually } from '../../support/eventually.ts';
import { avcFrame, avcHeader, command, handshake, message } from '../../support/rtmpBytes.ts';
import { RtmpClient } from '../../support/rtmpClient.ts';
import { RtmpHarness } from '../../support/rtmpHarness.ts';

let harness: RtmpHarness;

async function start(options: Partial<RtmpOptions> = {}): Promise<void> {
  harness = await RtmpHarness.start(options);
}

afterEach(async () => {
  await harness.server.close();
  expect(harness.streams.all()).toEqual([]);
  expect(harness.connections.all()).toEqual([]);
  expect(harness.log.lines.filter((line) => line.level === 'error')).toEqual([]);
  for (const taken of harness.taken) expect(taken.ends).toBe(1);
});

/** What the log says of clients at fault. */
const BROKEN = 'rtmp client broke the protocol';
const FRAMES = 100;

/** Sends `FRAMES` frames of 500 bytes in one go; resolves when the kernel has them. */
async function sendFrames(client: RtmpClient): Promise<void> {
  const frames = Array.from({ length: FRAMES }, (_, i) =>
    message(9, avcFrame(Buffer.alloc(500, i)), { csid: 6, streamId: 1, time: i * 40 }),
  );
  const header = message(9, avcHeader(), { csid: 6, streamId: 1 });
  const bytes = Buffer.concat([header, ...frames]);
  await new Promise((resolve) => client.socket.write(bytes, resolve));
}

describe.each([0, 50])('nothing received is lost (read interval %i ms)', (readIntervalMs) => {
  test('when the socket ends right behind the last message', async () => {
    await start({ readIntervalMs });
    const client = await RtmpClient.publishing(harness.port, 'end');
    await sendFrames(client);
    client.end();
    const { samples } = await harness.ended('end');
    expect(samples.map((sample) => sample.data[0])).toEqual(Array.from({ length: FRAMES }, (_, i) => i));
    await client.closed();
    const [line] = harness.logged('rtmp stream ended');
    expect(line!.fields).toMatchObject({
      reason: 'connection closed by the client',
      messages: FRAMES + 1,
      dropped: {},
    });
  });

  test('when the client resets the connection later', async () => {
    await start({ readIntervalMs });
    const client = await RtmpClient.publishing(harness.port, 'reset');
    await sendFrames(client);
    await harness.sampled('reset', FRAMES);
    client.reset();
    await harness.ended('reset');
    expect(harness.logged('rtmp stream ended')[0]!.fields['reason']).toMatch(/ECONNRESET/);
  });

  test('when a message is cut short by the end', async () => {
    await start({ readIntervalMs });
    const client = await RtmpClient.publishing(harness.port, 'cut');
    client.video(0, avcHeader());
    client.video(0, avcFrame(Buffer.alloc(500)));
    client.send(message(9, avcFrame(Buffer.alloc(500)), { csid: 6, streamId: 1 }).subarray(0, 300));
    client.end();
    expect((await harness.ended('cut')).samples).toHaveLength(1);
  });

  test('small writes arrive as they are sent', async () => {
    await start({ readIntervalMs });
    const client = await RtmpClient.publishing(harness.port, 'drip');
    client.video(0, avcHeader());
    for (let i = 0; i < 20; i++) {
      client.video(i * 40, avcFrame(Buffer.alloc(700, i)));
      await harness.sampled('drip', i + 1);
    }
    client.end();
    await harness.ended('drip');
  });
});

test('when the server drains while a publisher is not read for a while', async () => {
  await start({ readIntervalMs: 60_000 });
  const client = await RtmpClient.publishing(harness.port, 'rests');
  client.video(0, avcHeader());
  await harness.sampled('rests', 0);
  await sendFrames(client);
  await harness.server.drain();
  expect(harness.of('rests').samples).toHaveLength(FRAMES);
  client.end();
});

test('a publisher that rests is read when its media is wanted, long before the next read', async () => {
  await start({ readIntervalMs: 60_000 });
  const client = await RtmpClient.publishing(harness.port, 'wanted');
  client.video(0, avcHeader());
  const { stream, samples } = await harness.sampled('wanted', 0);
  // More than once: Node reads ahead before a socket rests.
  for (let sent = FRAMES; sent <= 3 * FRAMES; sent += FRAMES) {
    await sendFrames(client);
    await eventually(() => {
      stream.wake?.();
      return samples.length === sent ? true : undefined;
    }, `${sent} samples`);
  }
  client.end();
});

test('an end is noticed soon after another one, long before the next read', async () => {
  await start({ readIntervalMs: 60_000, publisherTimeoutMs: 60_000 });
  const resting = await RtmpClient.publishing(harness.port, 'second');
  // Node reads once more before a socket rests; while another client gets its answers, that is done.
  resting.video(0, avcHeader());
  const first = await RtmpClient.ready(harness.port);
  resting.end();
  first.send(command(1, 'publish', 0, null, 'first', 'live'), command(0, 'deleteStream', 0, null, 1));
  await harness.ended('second');
  first.end();
});

describe('time limits', () => {
  test('a silent publisher ends the stream', async () => {
    await start({ publisherTimeoutMs: 100, readIntervalMs: 20 });
    const client = await RtmpClient.publishing(harness.port, 'silent');
    await sendFrames(client);
    expect((await harness.ended('silent')).samples).toHaveLength(FRAMES);
    await client.closed();
    expect(harness.logged('rtmp stream ended')[0]!.fields['reason']).toBe('publisher silent for 100 ms');
  });

  test('any byte keeps it alive', async () => {
    await start({ publisherTimeoutMs: 300, readIntervalMs: 20 });
    const client = await RtmpClient.publishing(harness.port, 'alive');
    client.video(0, avcHeader());
    const body = message(9, avcFrame(Buffer.alloc(60)), { csid: 6, streamId: 1 });
    let sent = 0;
    const timer = setInterval(() => {
      if (sent < body.length) client.send(body.subarray(sent, ++sent));
    }, 10);
    await harness.sampled('alive', 1);
    clearInterval(timer);
    expect(harness.of('alive').ends).toBe(0);
    client.end();
  });

  test('no handshake, half a handshake', async () => {
    await start({ handshakeTimeoutMs: 100 });
    const mute = await RtmpClient.open(harness.port);
    const half = await RtmpClient.open(harness.port);
    half.send(handshake().c0c1);
    await Promise.all([mute.closed(), half.closed()]);
  });

  test('nothing published, at first or again', async () => {
    await start({ publishTimeoutMs: 200 });
    const idle = await RtmpClient.ready(harness.port);
    const again = await RtmpClient.publishing(harness.port, 'again');
    again.publish(false);
    await Promise.all([idle.closed(), again.closed()]);
    await harness.ended('again');
  });
});

describe('ends from inside', () => {
  test('Publisher.terminate tells the client why and closes', async () => {
    await start();
    const client = await RtmpClient.publishing(harness.port, 'victim');
    harness.of('victim').stream.init.publisher.terminate('Stopped by rest /terminate');
    expect(harness.of('victim').ends).toBe(1);
    expect((await client.status('NetStream.Unpublish.Success')).description).toBe(
      'Stopped by rest /terminate',
    );
    await client.closed();
  });

  test('what has arrived is used before a stream is terminated, however rarely the socket is read', async () => {
    await start({ readIntervalMs: 60_000 });
    const client = await RtmpClient.publishing(harness.port, 'late');
    await sendFrames(client);
    const before = harness.of('late').samples.length;
    harness.connections.all()[0]!.terminate('bye');
    harness.connections.all()[0]!.terminate('bye again');
    const { samples } = await harness.ended('late');
    expect(samples).toHaveLength(FRAMES);
    expect(before).toBeLessThan(FRAMES);
    await client.closed();
  });

  test('a publisher of an earlier stream has no power over the next', async () => {
    await start();
    const client = await RtmpClient.publishing(harness.port, 'old');
    client.publish(false);
    const { stream } = await harness.ended('old');
    client.publish('new');
    await eventually(() => harness.streams.byName('new'), 'new stream');
    stream.init.publisher.terminate('too late');
    expect(harness.of('new').ends).toBe(0);
    client.end();
  });

  test('Connection.terminate with and without a stream', async () => {
    await start();
    const idle = await RtmpClient.ready(harness.port);
    harness.connections.all()[0]!.terminate('bye');
    expect((await idle.status('NetConnection.Connect.Closed')).description).toBe('bye');
    await idle.closed();
    const busy = await RtmpClient.publishing(harness.port, 'busy');
    harness.connections.all()[0]!.terminate('bye');
    await busy.status('NetStream.Unpublish.Success');
    await harness.ended('busy');
    await busy.closed();
  });

  test('closing the server ends everything, even clients that do not read', async () => {
    await start();
    const client = await RtmpClient.publishing(harness.port, 'x');
    const deaf = await RtmpClient.publishing(harness.port, 'deaf');
    deaf.socket.pause();
    await RtmpClient.open(harness.port);
    await harness.server.close();
    expect(harness.taken.map((taken) => taken.ends)).toEqual([1, 1]);
    expect((await client.status('NetStream.Unpublish.Success')).description).toBe(
      'the server is shutting down',
    );
    await client.closed();
    deaf.socket.destroy();
  });

  test('a publisher that is refused and never reads is dropped', async () => {
    await start();
    const deaf = await RtmpClient.ready(harness.port);
    deaf.socket.pause();
    deaf.publish('');
    await eventually(() => (harness.connections.all().length === 0 ? true : undefined), 'connection gone');
    deaf.socket.destroy();
  });
});

describe('what a client can do wrong', () => {
  const bad: readonly [string, Buffer][] = [
    ['RTMPE', Buffer.of(6)],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ];
  test.each(bad)('%s is refused', async (_, bytes) => {
    await start();
    const client = await RtmpClient.open(harness.port);
    client.send(bytes);
    await client.closed();
    expect(harness.logged(BROKEN)[0]!.fields['reason']).toMatch(/not supported|unsupported/);
  });

  const wrong: readonly [string, Buffer][] = [
    ['publish before connect', command(0, 'publish', 0, null, 'x')],
    ['command without a name', command(0, 1)],
    ['command that is no AMF', message(20, Buffer.from('ffff', 'hex'))],
    ['empty command', message(20, Buffer.alloc(0))],
    ['command too long', message(20, Buffer.alloc(70_000))],
    ['garbage chunks', Buffer.alloc(5000, 0xc5)],
  ];
  test.each(wrong)('%s: only this connection ends', async (_, bytes) => {
    await start();
    const canary = await RtmpClient.publishing(harness.port, 'canary');
    const client = await RtmpClient.open(harness.port);
    const { c0c1, c2 } = handshake();
    client.send(c0c1, c2, bytes);
    await client.closed();
    canary.video(0, avcHeader());
    canary.video(0, avcFrame(Buffer.alloc(10)));
    await harness.sampled('canary', 1);
    canary.end();
    await harness.ended('canary');
  });

  test('connect twice, and garbage while publishing', async () => {
    await start();
    const twice = await RtmpClient.ready(harness.port);
    twice.call('connect', {});
    await twice.closed();
    const client = await RtmpClient.publishing(harness.port, 'spoilt');
    client.video(0, avcHeader());
    client.video(0, avcFrame(Buffer.alloc(10)));
    client.send(Buffer.of(0xc9));
    expect((await harness.ended('spoilt')).samples).toHaveLength(1);
    await client.closed();
    const reason = harness.logged('rtmp stream ended')[0]!.fields['reason'];
    expect(reason).toMatch(/chunk stream 9 begins with/);
  });

  test('many bad connections make few log lines', async () => {
    await start();
    const bad = await Promise.all(Array.from({ length: 40 }, () => RtmpClient.open(harness.port)));
    for (const client of bad) client.send(Buffer.of(0));
    await Promise.all(bad.map((client) => client.closed()));
    await harness.server.close();
    const lines = harness.logged(BROKEN);
    expect(lines.length).toBeLessThan(10);
    expect(lines.reduce((sum, line) => sum + Number(line.fields['more'] ?? 1), 0)).toBe(40);
  });

  test('a client that asks and never reads is closed at the limit', async () => {
    await start({ maxReplyBacklogBytes: 1000 });
    const client = await RtmpClient.ready(harness.port);
    client.socket.pause();
    const pings = Buffer.concat(Array.from({ length: 2000 }, () => command(0, 'createStream', 5, null)));
    const sent = setInterval(() => client.send(pings), 5);
    await eventually(
      () => (harness.connections.all().length === 0 ? true : undefined),
      'connection gone',
      20_000,
    );
    clearInterval(sent);
    client.socket.destroy();
    await eventually(() => harness.logged(BROKEN)[0], 'log line');
    expect(harness.logged(BROKEN)[0]!.fields['reason']).toBe('replies are not read');
  });
});

describe('flow control', () => {
  test('ping is answered, the window is acknowledged', async () => {
    await start();
    const client = await RtmpClient.ready(harness.port);
    client.send(message(4, Buffer.from('000601020304', 'hex'), { csid: 2 }));
    client.send(message(5, Buffer.from('000003e8', 'hex'), { csid: 2 }));
    client.send(message(3, Buffer.alloc(4), { csid: 2 }), message(6, Buffer.alloc(5), { csid: 2 }));
    client.send(
      message(16, Buffer.alloc(5)),
      message(99, Buffer.alloc(0)),
      message(4, Buffer.alloc(1), { csid: 2 }),
    );
    client.send(message(9, Buffer.alloc(3000), { csid: 6, streamId: 1 }));
    await eventually(
      () =>
        client.received.find(({ type, payload }) => type === 4 && payload.toString('hex') === '000701020304'),
      'pong',
    );
    const ack = await eventually(
      () => client.received.findLast(({ type, payload }) => type === 3 && payload.readUInt32BE(0) > 6000),
      'acknowledgement',
    );
    expect(ack.payload.readUInt32BE(0)).toBeLessThan(10_000);
    client.end();
  });
});

describe('listening', () => {
  test('a port in use is an error, IPv6 addresses are bracketed', async () => {
    harness = new RtmpHarness();
    harness.port = await harness.server.listen(0, '::1');
    const other = new RtmpHarness();
    await expect(other.server.listen(harness.port, '::1')).rejects.toThrow('EADDRINUSE');
    const client = await RtmpClient.ready(harness.port, { host: '::1' });
    expect(harness.connections.all()[0]!.sessionId).toBe(
      `/[::1]:${client.socket.localPort}/[::1]:${harness.port}`,
    );
    client.end();
  });

  test('RTMPS, and clients that do not speak TLS', async () => {
    const pem = (name: string): string =>
      readFileSync(new URL(`tls/test-${name}.pem`, import.meta.url), 'utf8');
    await start({ tls: { key: pem('key'), cert: pem('cert') }, readIntervalMs: 50 });
    const plain = await RtmpClient.open(harness.port);
    const mute = await RtmpClient.open(harness.port);
    plain.send(handshake().c0c1);
    await plain.closed();
    const client = await RtmpClient.publishing(harness.port, 'secret', { tls: true });
    await sendFrames(client);
    client.end();
    expect((await harness.ended('secret')).samples).toHaveLength(FRAMES);
    expect(harness.logged(BROKEN)[0]!.fields['reason']).toMatch(/^TLS: /);
    await harness.server.close();
    await mute.closed();
  });
});
