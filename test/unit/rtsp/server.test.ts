import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { Incident } from '../../../src/domain/incident.ts';
import type { Sample } from '../../../src/domain/media.ts';
import type { RtspOptions } from '../../../src/ingest/rtsp/server.ts';
import { eventually } from '../../support/eventually.ts';
import { RtpSource, RtspClient, RtspHarness, frame } from '../../support/rtspHarness.ts';

const harnesses: RtspHarness[] = [];
const sockets: Socket[] = [];

async function started(options: Partial<RtspOptions> = {}): Promise<RtspHarness> {
  const harness = await RtspHarness.start(options);
  harnesses.push(harness);
  return harness;
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.close();
  for (const harness of harnesses.splice(0)) await harness.server.close();
});

/** A UDP socket on loopback, as a client has two for each track. */
async function udpSocket(): Promise<Socket> {
  const socket = createSocket('udp4');
  sockets.push(socket);
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

/** Publishes the pictures of `SDP` by UDP. */
async function overUdp(client: RtspClient) {
  const [rtp, rtcp] = [await udpSocket(), await udpSocket()];
  await client.announce();
  const ports = `${rtp.address().port}-${rtcp.address().port}`;
  const answer = await client.setup(0, `RTP/AVP;unicast;client_port=${ports};mode=record`);
  expect((await client.record()).status).toBe(200);
  const serverPort = Number(/server_port=(\d+)-/.exec(answer.headers.get('transport') ?? '')![1]);
  return { rtp, rtcp, serverPort };
}

/** What the stream `cam` reports from now on. */
function toldBy(harness: RtspHarness): Incident[] {
  const told: Incident[] = [];
  const ignored = { onTrack: () => undefined, onSample: () => undefined, onEnd: () => undefined };
  harness.of('cam').stream.subscribe({ ...ignored, onIncident: (incident) => told.push(incident) });
  return told;
}

const INTERLEAVED = 'RTP/AVP/TCP;unicast;interleaved=0-1;mode=record';

/** Presentation times, ms, counted from the first. */
function presented(samples: readonly Sample[]): number[] {
  return samples.map(({ pts }) => Math.round((pts - samples[0]!.pts) / 1000));
}

describe('requests', () => {
  test('OPTIONS tells what there is, for the server and for a stream', async () => {
    const { port } = await started();
    const client = await RtspClient.open(port);
    for (const uri of ['*', client.url]) {
      const answer = await client.ask('OPTIONS', { uri });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('public')).toContain('ANNOUNCE, SETUP, RECORD, TEARDOWN');
    }
  });

  test('the wrong order is told, and changes nothing', async () => {
    const harness = await started();
    const client = await RtspClient.open(harness.port);
    expect(await client.setup(0, INTERLEAVED)).toMatchObject({ status: 455 });
    expect(await client.record()).toMatchObject({ status: 455 });
    expect(await client.ask('TEARDOWN')).toMatchObject({ status: 454 });
    expect(await client.announce()).toMatchObject({ status: 200 });
    expect(await client.announce()).toMatchObject({ status: 455 });
    expect(await client.record()).toMatchObject({ status: 455 });
    expect(await client.setup(0, INTERLEAVED)).toMatchObject({ status: 200 });
    expect(await client.setup(0, INTERLEAVED)).toMatchObject({ status: 455 });
    expect(await client.setup(1, INTERLEAVED)).toMatchObject({ status: 461 });
    expect(await client.record()).toMatchObject({ status: 200 });
    expect(await client.record()).toMatchObject({ status: 455 });
    expect(await client.setup(1, INTERLEAVED)).toMatchObject({ status: 455 });
    expect(harness.streams.all()).toHaveLength(1);
  });

  test('sessions of others, methods of players, options and tracks that are not there', async () => {
    const { port } = await started();
    const client = await RtspClient.open(port);
    await client.announce();
    const answers = [
      await client.ask('RECORD', { headers: { Session: '0123456789abcdef' } }),
      await client.ask('DESCRIBE'),
      await client.ask('PLAY'),
      await client.ask('PAUSE'),
      await client.ask('FLY'),
      await client.ask('OPTIONS', { headers: { Require: 'com.example.feature' } }),
      await client.ask('SETUP', { uri: `${client.url}/streamid=7`, headers: { Transport: INTERLEAVED } }),
      await client.setup(0, 'RTP/AVP;multicast'),
      await client.setup(0, 'RAW/RAW/UDP;unicast;client_port=5000-5001'),
      await client.ask('GET_PARAMETER'),
      await client.ask('SET_PARAMETER', { body: 'a: b\r\n' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([
      ...[454, 405, 405, 501, 501, 551, 404, 461, 461, 200, 451],
    ]);
    expect(answers[5]!.headers.get('unsupported')).toBe('com.example.feature');
  });

  test('announcements that cannot be recorded are refused with the reason', async () => {
    const { port } = await started();
    const says = async (sdp: string): Promise<string> => {
      const client = await RtspClient.open(port);
      const { status, reason } = await client.announce(sdp);
      client.end();
      return `${status} ${reason}`;
    };
    expect(await says('hello')).toBe('400 the session description does not begin with v=0');
    expect(await says('v=0\r\n')).toBe('400 the session description has no m-line');
    expect(await says('v=0\r\nm=video 0 RTP/AVP 33\r\n')).toBe(
      '415 no track has a codec that can be recorded',
    );
    expect(await says(`v=0\r\n${'m=audio 0 RTP/AVP 8\r\n'.repeat(5)}`)).toBe('400 more than 4 tracks');
  });

  test('what is no RTSP, too long or of another version closes its connection with an answer', async () => {
    const { port } = await started();
    const says = async (text: string): Promise<number | undefined> => {
      const client = await RtspClient.open(port);
      client.send(text);
      await client.closed();
      return client.answers[0]?.status;
    };
    expect(await says('GET / HTTP/1.1\r\nHost: a\r\n\r\n')).toBe(400);
    expect(await says('OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n')).toBe(505);
    expect(await says('OPTIONS * RTSP/1.0\r\n\r\n')).toBe(400);
    expect(await says(`OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nX: ${'a'.repeat(5000)}`)).toBe(431);
    expect(await says('ANNOUNCE * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 9000\r\n\r\n')).toBe(413);
  });

  test('one connection may publish one stream after another', async () => {
    const harness = await started();
    const client = await RtspClient.publishing(harness.port);
    client.send(frame(0, new RtpSource().picture(0, { key: true })));
    expect((await client.ask('TEARDOWN')).status).toBe(200);
    expect((await harness.ended('cam')).samples).toHaveLength(1);
    client.session = '';
    for (const answer of [await client.announce(), ...(await client.setupAll()), await client.record()])
      expect(answer.status).toBe(200);
    expect(harness.streams.all()).toHaveLength(1);
  });
});

describe('media', () => {
  test('interleaved: every packet to the last, though the socket ends right behind it', async () => {
    const harness = await started();
    const client = await RtspClient.publishing(harness.port);
    const source = new RtpSource();
    for (let i = 0; i < 50; i++) {
      client.send(frame(0, source.picture(i, { key: i % 10 === 0 })));
      client.send(Buffer.concat([frame(2, source.sound(2 * i)), frame(2, source.sound(2 * i + 1))]));
    }
    client.socket.end();
    const { samples, tracks } = await harness.ended('cam');
    const times = (id: number): number[] => presented(samples.filter((each) => each.trackId === id));
    expect(tracks.map(({ codec }) => codec).sort()).toEqual(['h264', 'pcma']);
    expect(times(1)).toEqual(Array.from({ length: 50 }, (_, i) => i * 40));
    expect(times(2)).toEqual(Array.from({ length: 100 }, (_, i) => i * 20));
  });

  test('an encoder whose clock is set back by 100 minutes: every packet is kept, and it is told', async () => {
    const harness = await started();
    const client = await RtspClient.publishing(harness.port);
    const told = toldBy(harness);
    const source = new RtpSource();
    for (let i = 0; i < 50; i++) {
      const at = i < 25 ? 150_000 + i : i;
      client.send(frame(0, source.picture(at, { key: i % 10 === 0 })));
      client.send(Buffer.concat([frame(2, source.sound(2 * at)), frame(2, source.sound(2 * at + 1))]));
    }
    client.socket.end();
    const { samples } = await harness.ended('cam');
    for (const [id, count, stepMs] of [
      [1, 50, 40],
      [2, 100, 20],
    ] as const) {
      const times = presented(samples.filter((each) => each.trackId === id));
      expect(times).toHaveLength(count);
      // All came at once: the first after the leap is where arrival says, right behind the one before.
      const steps = times.slice(1).map((time, i) => time - times[i]!);
      expect(steps.filter((step) => step === stepMs).length).toBeGreaterThanOrEqual(count - 3);
      expect(times.at(-1)).toBeLessThan(count * stepMs + 500);
    }
    expect(told.map(({ cause, lostMs }) => [cause, lostMs])).toEqual([
      ['timestamps-leapt', 0],
      ['timestamps-leapt', 0],
    ]);
    for (const { detail } of told) expect(detail).toMatch(/^by (5999|6000)(\.\d+)? s back$/);
  });

  test('UDP: packets that overtake each other are put in order, strangers are passed over, reports go back', async () => {
    const harness = await started();
    const [client, stranger] = [await RtspClient.open(harness.port), createSocket('udp4')];
    sockets.push(stranger);
    stranger.bind(0, '127.0.0.2');
    await once(stranger, 'listening');
    const { rtp, rtcp, serverPort } = await overUdp(client);
    const source = new RtpSource();
    const packets = Array.from({ length: 6 }, (_, i) => source.picture(i, { key: i === 0 }));
    stranger.send(source.picture(9, { key: true }), serverPort, '127.0.0.1');
    for (const i of [0, 2, 1, 3, 5, 4]) rtp.send(packets[i]!, serverPort, '127.0.0.1');
    const report = once(rtcp, 'message');
    const { samples } = await harness.sampled('cam', 6);
    expect(presented(samples)).toEqual([0, 40, 80, 120, 160, 200]);
    const [data] = (await report) as [Buffer];
    expect(data[1]).toBe(201);
    expect((await client.ask('TEARDOWN')).status).toBe(200);
    await harness.ended('cam');
  });

  test('UDP: packets that never came are told before the picture that goes on, or at the end', async () => {
    const harness = await started();
    const client = await RtspClient.open(harness.port);
    const { rtp, serverPort } = await overUdp(client);
    const told = toldBy(harness);
    const source = new RtpSource();
    const packets = Array.from({ length: 15 }, (_, i) => source.picture(i, { key: i === 0 || i === 10 }));
    for (const [i, packet] of packets.entries())
      if (i !== 5 && i !== 6 && i !== 13) rtp.send(packet, serverPort, '127.0.0.1');
    await eventually(() => (told.length > 0 ? true : undefined), 'the loss is told');
    expect((await client.ask('TEARDOWN')).status).toBe(200);
    const { samples } = await harness.ended('cam');
    // What follows a lost picture cannot be decoded until the next key frame.
    expect(presented(samples)).toEqual([0, 40, 80, 120, 160, 400, 440, 480]);
    expect(told).toMatchObject([
      { cause: 'packets-lost', trackId: 1, packets: 2, lostMs: 200 },
      { cause: 'packets-lost', trackId: 1, packets: 1, lostMs: null },
    ]);
    for (const { from, to, lostMs } of told) expect(to - from).toBe(lostMs ?? 0);
  });

  test('what waits for sender reports is in the stream once the server has drained', async () => {
    const harness = await started({ syncWaitMs: 10_000 });
    const client = await RtspClient.publishing(harness.port);
    const source = new RtpSource();
    client.send(Buffer.concat([frame(0, source.picture(0, { key: true })), frame(2, source.sound(0))]));
    // Its answer comes behind what was sent before.
    await client.ask('GET_PARAMETER');
    expect(harness.of('cam').samples).toEqual([]);
    await harness.server.drain();
    expect(harness.of('cam').samples).toHaveLength(2);
    expect(harness.of('cam').ends).toBe(0);
    expect((await client.ask('OPTIONS')).status).toBe(200);
  });

  test('a stream that is held is not read, and goes on without loss', async () => {
    const harness = await started({ publisherTimeoutMs: 300 });
    const client = await RtspClient.publishing(harness.port);
    const { stream, samples } = harness.of('cam');
    const release = stream.hold();
    const source = new RtpSource();
    for (let i = 0; i < 200; i++) client.send(frame(0, source.picture(i, { key: i === 0, bytes: 60_000 })));
    await eventually(() => (client.socket.writableLength > 0 ? true : undefined), 'the client waits');
    // Waiting is no silence: the publisher's time limit does not run.
    await setTimeout(600);
    expect(stream.ended).toBe(false);
    release();
    await eventually(() => (samples.length === 200 ? true : undefined), 'all pictures');
  });
});

describe('time limits and numbers', () => {
  test('a request that drips in is cut off; one that takes its time within the limit is not', async () => {
    const harness = await started({ requestTimeoutMs: 300 });
    const slow = await RtspClient.open(harness.port);
    const before = performance.now();
    slow.send('OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nX: ');
    const drip = setInterval(() => slow.send('a'), 20);
    await slow.closed();
    clearInterval(drip);
    expect(performance.now() - before).toBeLessThan(5000);
    const idle = await RtspClient.open(harness.port);
    expect((await idle.ask('OPTIONS')).status).toBe(200);
    idle.send('OPTIONS * RTSP/1.0\r\nCSeq: 2\r\nX: ');
    const dripLater = setInterval(() => idle.send('a'), 20);
    await idle.closed();
    clearInterval(dripLater);
    expect(idle.answers.at(-1)).toMatchObject({ status: 408 });
  });

  test('nothing published, and a publisher that falls silent', async () => {
    const harness = await started({ publishTimeoutMs: 200, publisherTimeoutMs: 400 });
    const idle = await RtspClient.open(harness.port);
    await idle.ask('OPTIONS');
    const silent = await RtspClient.publishing(harness.port);
    silent.send(frame(0, new RtpSource().picture(0, { key: true })));
    await idle.closed();
    await silent.closed();
    expect((await harness.ended('cam')).samples).toHaveLength(1);
    expect(harness.logged('rtsp stream ended')[0]!.fields).toMatchObject({
      reason: 'publisher silent for 400 ms',
    });
  });

  test('too many connections, in all and from one address', async () => {
    const harness = await started({ maxConnections: 3, maxConnectionsPerAddress: 2 });
    const from = (localAddress: string) => connect({ port: harness.port, host: '127.0.0.1', localAddress });
    const clients = [from('127.0.0.1'), from('127.0.0.1')];
    await Promise.all(clients.map(async (client) => once(client, 'connect')));
    const third = from('127.0.0.1');
    await once(third, 'close');
    const other = from('127.0.0.2');
    await once(other, 'connect');
    const last = from('127.0.0.3');
    await once(last, 'close');
    const reasons = harness.logged('rtsp connection refused').map(({ fields }) => fields['reason']);
    expect(reasons[0]).toBe('too many connections of one address');
    for (const client of [...clients, other]) client.destroy();
  });

  test('a live name is refused; while draining new streams are, and running ones go on', async () => {
    const harness = await started();
    const first = await RtspClient.publishing(harness.port);
    const second = await RtspClient.open(harness.port);
    expect(await second.announce()).toMatchObject({ status: 409, reason: 'Stream name is already in use' });
    const third = await RtspClient.open(harness.port, 'other');
    await harness.server.drain();
    expect(await third.announce()).toMatchObject({ status: 503 });
    expect(harness.streams.all()).toHaveLength(1);
    expect((await first.ask('OPTIONS')).status).toBe(200);
  });

  test('a client that is ended gets every answer it has asked for before, and an end without a reset', async () => {
    const harness = await started();
    const client = await RtspClient.publishing(harness.port);
    const errors: Error[] = [];
    client.socket.on('error', (error) => errors.push(error));
    client.socket.pause();
    const [before, asked] = [client.answers.length, 100];
    const handled = harness.logged('rtsp request').length;
    client.send(Buffer.concat(Array.from({ length: asked }, () => client.request('OPTIONS'))));
    await eventually(
      () => (harness.logged('rtsp request').length === handled + asked ? true : undefined),
      'all are answered, and none is read',
    );
    harness.connections.all()[0]!.terminate('Stopped by rest /terminate');
    // On its way when the server has said its last word.
    client.send(client.request('TEARDOWN'));
    client.send(frame(0, new RtpSource().picture(0, { key: true, bytes: 50_000 })));
    client.socket.resume();
    await client.closed();
    expect(client.answers.slice(before).map(({ status }) => status)).toEqual(Array(asked).fill(200));
    expect(errors).toEqual([]);
  });

  test('closing the server ends everything, even clients that do not read', async () => {
    const harness = await started();
    const client = await RtspClient.publishing(harness.port);
    client.socket.pause();
    client.send(frame(0, new RtpSource().picture(0, { key: true })));
    await harness.sampled('cam', 1);
    await harness.server.close();
    expect(harness.of('cam').ends).toBe(1);
    expect(harness.connections.all()).toEqual([]);
  });
});
