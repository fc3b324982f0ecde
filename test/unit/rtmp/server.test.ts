import { afterEach, describe, expect, test } from 'vitest';
import type { RtmpOptions } from '../../../src/ingest/rtmp/server.ts';
import { eventually } from '../../support/eventually.ts';
import {
  aacFrame,
  aacHeader,
  amf,
  avcFrame,
  avcHeader,
  command,
  handshake,
  message,
  setChunkSize,
} from '../../support/rtmpBytes.ts';
import type { Amf } from '../../support/rtmpBytes.ts';
import { RtmpClient } from '../../support/rtmpClient.ts';
import { RtmpHarness } from '../../support/rtmpHarness.ts';

let harness: RtmpHarness;
const clients: RtmpClient[] = [];

async function start(options: Partial<RtmpOptions> = {}): Promise<RtmpHarness> {
  harness = await RtmpHarness.start(options);
  return harness;
}

async function publishing(name: string, app?: string): Promise<RtmpClient> {
  const client = await RtmpClient.publishing(harness.port, name, app === undefined ? {} : { app });
  clients.push(client);
  return client;
}

async function ready(app?: string): Promise<RtmpClient> {
  const client = await RtmpClient.ready(harness.port, app === undefined ? {} : { app });
  clients.push(client);
  return client;
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.end();
  await harness.server.close();
  expect(harness.streams.all()).toEqual([]);
  expect(harness.connections.all()).toEqual([]);
  expect(harness.log.lines.filter((line) => line.level === 'error')).toEqual([]);
  for (const taken of harness.taken) expect(taken.ends).toBe(1);
});

const data = Buffer.from('0000000401020304', 'hex');

describe('publishing', () => {
  test('a client that rests has flushed its stream behind its last sample', async () => {
    await start({ readIntervalMs: 20 });
    const client = await publishing('cam');
    client.video(0, avcHeader());
    client.video(0, avcFrame(data, { key: true }));
    client.video(40, avcFrame(data));
    const { flushes } = await harness.sampled('cam', 2);
    await eventually(() => flushes.find((samples) => samples === 2), 'a flush behind two samples');
  });

  test.each([0, 20])(
    'H.264 and AAC, then FCUnpublish and deleteStream (read interval %i ms)',
    async (readIntervalMs) => {
      await start({ readIntervalMs });
      const client = await publishing('cam');
      client.send(setChunkSize(4096));
      client.video(0, avcHeader(), { chunkBytes: 4096 });
      client.audio(0, aacHeader(), { chunkBytes: 4096 });
      for (let i = 0; i < 50; i++) {
        client.video(i * 40, avcFrame(Buffer.alloc(9000, i), { key: i === 0 }), { chunkBytes: 4096 });
        client.audio(i * 40 + 1, aacFrame(Buffer.alloc(300, i)), { chunkBytes: 4096 });
      }
      const id = client.call('FCUnpublish', null, 'cam');
      client.call('deleteStream', null, 1);
      await client.result(id);
      await client.status('NetStream.Unpublish.Success');
      const { tracks, samples } = await harness.ended('cam');
      expect(tracks.map((track) => [track.id, track.codec])).toEqual([
        [1, 'h264'],
        [2, 'aac'],
      ]);
      expect(samples.filter((sample) => sample.trackId === 1).map((sample) => sample.dts)).toEqual(
        Array.from({ length: 50 }, (_, i) => i * 40_000),
      );
      expect(samples.filter((sample) => sample.trackId === 2).map((sample) => sample.data[0])).toEqual(
        Array.from({ length: 50 }, (_, i) => i),
      );
      expect(client.isClosed).toBe(false);
    },
  );

  test('session facts are those of WCS', async () => {
    await start();
    const client = await publishing('room/é ü/../cam?token=t%201', 'live?user=u1&__proto__=x');
    const [connection] = harness.connections.all();
    const { stream } = harness.of('room/é ü/../cam');
    const { localPort } = client.socket;
    expect(connection).toMatchObject({
      sessionId: `/127.0.0.1:${localPort}/127.0.0.1:${harness.port}`,
      appKey: 'flashStreamingApp',
      mediaProvider: 'Flash',
    });
    expect(Object.entries(connection!.custom)).toEqual([
      ['user', 'u1'],
      ['__proto__', 'x'],
    ]);
    expect(connection!.login).toMatch(/^[A-Za-z0-9]{20}$/);
    expect(stream.init.custom).toEqual({ token: 't 1' });
    expect(stream.init.publisher).toMatchObject({
      sessionId: connection!.sessionId,
      login: connection!.login,
    });
    expect(stream.mediaSessionId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
  });

  test('the replies carry what encoders look for', async () => {
    await start({ chunkSize: 5000 });
    const client = await RtmpClient.open(harness.port);
    clients.push(client);
    const { c0c1, c2 } = handshake(1);
    const properties = { app: 'live', tcUrl: 7, fourCcList: ['hvc1'] };
    client.send(c0c1, c2, command(0, 'connect', 1, properties, { login: 'me', appKey: 'mine' }));
    const [, , server, info] = await client.result(1);
    expect(server).toMatchObject({ fmsVer: 'FMS/3,5,7,7009', capabilities: 31 });
    expect(info).toMatchObject({ code: 'NetConnection.Connect.Success', objectEncoding: 0, capsEx: 4 });
    expect((info as { fourCcList: string[] }).fourCcList).toContain('hvc1');
    expect(client.received.slice(0, 3).map(({ type, payload }) => [type, payload.toString('hex')])).toEqual([
      [5, '002625a0'],
      [6, '002625a002'],
      [1, '00001388'],
    ]);
    expect(harness.connections.all()).toMatchObject([{ login: 'me', appKey: 'mine' }]);
  });

  test('the usual calls are answered, unknown ones fail when an answer is wanted', async () => {
    await start();
    const client = await ready();
    const calls = [
      client.call('releaseStream', null, 'x'),
      client.call('FCPublish', null, 'x'),
      client.call('getStreamLength', null, 'x'),
      client.call('_checkbw', null),
    ];
    expect((await Promise.all(calls.map((id) => client.result(id)))).map(([name]) => name)).toEqual(
      Array.from({ length: 4 }, () => '_result'),
    );
    await client.reply(
      'onFCPublish',
      ([name, , , info]) => name === 'onFCPublish' && (info as { description: string }).description === 'x',
    );
    for (const name of ['constructor', '__proto__', 'toString', 'seek']) {
      expect((await client.result(client.call(name, null)))[0]).toBe('_error');
    }
    client.send(
      command(1, 'nothing', 0, null),
      command(0, '_result', 9, null),
      command(1, 'play', 0, null, 'x'),
    );
    expect(await client.status('NetStream.Play.StreamNotFound')).toMatchObject({ level: 'error' });
    expect(client.received.filter(({ payload }) => payload.includes('_error'))).toHaveLength(4);
  });

  test('AMF3 commands and data', async () => {
    await start();
    const client = await ready();
    const amf3 = (...values: readonly Amf[]): Buffer => Buffer.concat([Buffer.of(0), amf(...values)]);
    client.send(message(17, amf3('publish', 0, null, 'flex', 'record'), { streamId: 1 }));
    await client.status('NetStream.Publish.Start');
    client.send(message(15, amf3('onMetaData', { audiocodecid: 10 }), { streamId: 1 }));
    await eventually(() => harness.of('flex').stream.expected, 'metadata');
    expect(harness.of('flex').stream.expected).toEqual({ audio: true, video: false });
  });

  test('metadata: @setDataFrame, others and damaged ones', async () => {
    await start();
    const client = await publishing('meta');
    client.send(
      message(18, amf('onFI', { tc: '1' }), { streamId: 1 }),
      message(18, amf('@setDataFrame', 'onCuePoint', null), { streamId: 1 }),
      message(18, Buffer.from('0200ff', 'hex'), { streamId: 1 }),
      message(18, Buffer.alloc(0), { streamId: 1 }),
      message(18, Buffer.alloc(100_000), { streamId: 1 }),
      message(18, amf('@setDataFrame', 'onMetaData', { videocodecid: 7, audiocodecid: 10 }), { streamId: 1 }),
    );
    await eventually(() => harness.of('meta').stream.expected, 'metadata');
  });

  test('an aggregate is its messages, timed from the first', async () => {
    await start();
    const client = await publishing('agg');
    const tag = (type: number, time: number, body: Buffer): Buffer => {
      const head = Buffer.alloc(11);
      head.writeUInt8(type);
      head.writeUIntBE(body.length, 1, 3);
      head.writeUIntBE(time & 0xffffff, 4, 3);
      head.writeUInt8(time >>> 24, 7);
      return Buffer.concat([head, body, Buffer.alloc(4)]);
    };
    const inner = [
      tag(9, 0x1000000, avcHeader()),
      tag(9, 0x1000000, avcFrame(data)),
      tag(22, 0x1000000, Buffer.alloc(3)),
      tag(8, 0x1000010, aacHeader()),
      tag(8, 0x1000014, aacFrame(data)),
    ];
    client.send(message(22, Buffer.concat(inner), { streamId: 1, time: 500, csid: 6 }));
    const { samples } = await harness.sampled('agg', 2);
    expect(samples.map((sample) => [sample.trackId, sample.dts])).toEqual([
      [1, 0],
      [2, 20_000],
    ]);
    client.send(message(22, Buffer.concat(inner).subarray(0, 20), { streamId: 1, time: 500, csid: 6 }));
    await client.closed();
  });

  test('after 4 h 39 m timestamps are extended, whether type 3 repeats them or not', async () => {
    await start();
    for (const bareType3 of [false, true]) {
      const client = await publishing(`long-${bareType3}`);
      client.video(0xfffff0, avcHeader(), { bareType3 });
      for (const [i, time] of [0xfffff0, 0xffffff, 0x1000018].entries()) {
        client.video(time, avcFrame(Buffer.alloc(1000, i)), { bareType3 });
      }
      const { samples } = await harness.sampled(`long-${bareType3}`, 3);
      expect(samples.map(({ dts, data: body }) => [dts, body.length, body[999]])).toEqual([
        [0, 1000, 0],
        [15_000, 1000, 1],
        [40_000, 1000, 2],
      ]);
    }
  });

  test('one connection may publish one stream after another', async () => {
    await start();
    const client = await publishing('first');
    client.publish(false);
    await harness.ended('first');
    client.publish('second');
    await eventually(() => harness.streams.byName('second'), 'second stream');
    client.send(command(1, 'closeStream', 0, null));
    await harness.ended('second');
    expect(client.isClosed).toBe(false);
  });

  test('a second publish on one connection is refused and its media kept apart', async () => {
    await start();
    const client = await publishing('one');
    await client.result(client.call('createStream', null));
    client.send(command(2, 'publish', 0, null, 'two', 'live'));
    expect((await client.status('NetStream.Publish.BadName')).description).toBe(
      'this connection publishes already',
    );
    client.video(0, avcHeader());
    client.video(0, avcFrame(data));
    client.video(0, avcFrame(data), { streamId: 2, csid: 7 });
    client.video(40, avcFrame(data));
    client.video(80, avcFrame(data), { streamId: 9, csid: 8 });
    client.send(command(2, 'closeStream', 0, null), command(0, 'deleteStream', 0, null, 2));
    const { samples } = await harness.sampled('one', 3);
    expect(samples.map((sample) => sample.dts)).toEqual([0, 40_000, 80_000]);
    client.send(command(0, 'deleteStream', 0, null, 1));
    await harness.ended('one');
  });

  test('streams of one connection are bounded', async () => {
    await start();
    const client = await ready();
    const ids = Array.from({ length: 16 }, () => client.call('createStream', null));
    expect((await client.result(ids[14]!))[0]).toBe('_result');
    expect((await client.result(ids[15]!))[0]).toBe('_error');
  });
});

describe('refusals', () => {
  test('a live name: the second publisher is told and sent away, the first is untouched', async () => {
    await start();
    const first = await publishing('taken');
    first.video(0, avcHeader());
    const second = await ready();
    second.publish('taken');
    expect(await second.status('NetStream.Publish.BadName')).toMatchObject({
      level: 'error',
      description: 'Stream name is already in use: taken',
    });
    await second.closed();
    first.video(0, avcFrame(data));
    await harness.sampled('taken', 1);
    expect(harness.connections.all()).toHaveLength(1);
  });

  test.each([
    ['', 'the stream name is empty'],
    ['?a=b', 'the stream name is empty'],
    [null, 'the stream name is not text'],
    [7, 'the stream name is not text'],
    ['x'.repeat(1025), 'the stream name is longer than 1024 characters'],
  ])('name %j', async (name, description) => {
    await start();
    const client = await ready();
    client.publish(name);
    expect(await client.status('NetStream.Publish.BadName')).toMatchObject({ description });
    await client.closed();
    expect(harness.taken).toEqual([]);
  });

  test('a name of 1,024 characters, and one that looks like a path, are published as they are', async () => {
    await start();
    await publishing('x'.repeat(1024));
    await publishing('../../etc/x');
    expect(harness.streams.byName('../../etc/x')).toBeDefined();
  });

  test('draining: running streams go on, new publishers and connections are refused', async () => {
    await start();
    const running = await publishing('running');
    const late = await ready();
    await harness.server.drain();
    late.publish('late');
    expect((await late.status('NetStream.Publish.BadName')).description).toBe('the server is shutting down');
    await expect(RtmpClient.open(harness.port)).rejects.toThrow('ECONNREFUSED');
    running.video(0, avcHeader());
    running.video(0, avcFrame(data));
    await harness.sampled('running', 1);
  });

  test('too many connections, in all and from one address', async () => {
    await start({ maxConnections: 2 });
    await publishing('a');
    await publishing('b');
    const third = await RtmpClient.open(harness.port);
    await third.closed();
    expect(harness.logged('rtmp connection refused')[0]!.fields['reason']).toBe('too many connections');
    await harness.server.close();
    await start({ maxConnectionsPerAddress: 1 });
    const only = await publishing('c');
    await (await RtmpClient.open(harness.port)).closed();
    expect(harness.logged('rtmp connection refused')[0]!.fields['reason']).toBe(
      'too many connections of one address',
    );
    only.end();
    await harness.ended('c');
    await eventually(() => (harness.connections.all().length === 0 ? true : undefined), 'connection gone');
    await publishing('d');
  });
});
