import { afterEach, describe, expect, test } from 'vitest';
import type { SignallingOptions } from '../../../src/signalling/server.ts';
import { eventually } from '../../support/eventually.ts';
import { Door, Gate } from './support.ts';

let door: Door;
afterEach(() => door.close());

async function openDoor(options: Partial<SignallingOptions> = {}): Promise<void> {
  door = await new Door(options).start();
}

const allGone = () =>
  eventually(
    () => (door.connections.all().length === 0 && door.streams.all().length === 0) || undefined,
    'gone',
  );

describe('a stream that the server loses', () => {
  test.each(['Failed by ICE timeout', 'Failed by RTP activity', 'Failed by DTLS error'])(
    'is FAILED with its file: %s',
    async (info) => {
      await openDoor();
      const client = await door.connect();
      client.publish('a', { record: true });
      await client.status('a', 'PENDING');
      door.recordings.finals.set('a', Promise.resolve('a.webm'));
      door.ingest.flow();
      door.ingest.lose(info);
      expect(await client.status('a', 'FAILED')).toMatchObject({ info, recordName: 'a.webm', record: true });
      client.say('unPublishStream', { mediaSessionId: 'a' });
      await client.settled();
      expect(client.statuses('a')).toEqual(['PENDING', 'PUBLISHING', 'FAILED', 'FAILED']);
      expect(client.closed).toBeUndefined();
    },
  );

  test('has one terminal event when the client stops it while its file is finished', async () => {
    await openDoor();
    const client = await door.connect();
    client.publish('a');
    await client.status('a', 'PENDING');
    const final = new Gate<string | undefined>();
    door.recordings.finals.set('a', final.passed);
    door.ingest.lose('Failed by ICE timeout');
    client.say('unPublishStream', { mediaSessionId: 'a' });
    await client.settled();
    final.open('a.mp4');
    await client.status('a', 'FAILED');
    await client.settled();
    expect(client.statuses('a')).toEqual(['PENDING', 'FAILED']);
  });
});

describe('REST terminate', () => {
  test('of a stream is UNPUBLISHED with its file; the session goes on', async () => {
    await openDoor();
    const client = await door.connect();
    for (const id of ['a', 'b']) client.publish(id, { record: true });
    await client.status('b', 'PENDING');
    door.recordings.finals.set('a', Promise.resolve('a.mp4'));
    door.streams.byName('name-a')!.init.publisher.terminate('Stopped by rest /terminate');
    const info = 'Stopped by rest /terminate';
    expect(await client.status('a', 'UNPUBLISHED')).toMatchObject({ info, recordName: 'a.mp4' });
    await client.settled();
    expect(client.statuses('b')).toEqual(['PENDING']);
  });

  test('of a session ends its streams, waits for their files, then closes', async () => {
    await openDoor();
    const client = await door.connect();
    client.publish('a', { record: true });
    await client.status('a', 'PENDING');
    const final = new Gate<string | undefined>();
    door.recordings.finals.set('a', final.passed);
    door.connections.all()[0]!.terminate('Stopped by rest /terminate');
    expect(door.connections.all()).toEqual([]);
    expect(door.streams.all()).toEqual([]);
    client.publish('b');
    expect(client.closed).toBeUndefined();
    final.open('a.mp4');
    expect(await client.status('a', 'UNPUBLISHED')).toMatchObject({ recordName: 'a.mp4' });
    expect(await client.whenClosed()).toEqual({ code: 1000, reason: 'Stopped by rest /terminate' });
    expect(door.ingest.asked).toBe(1);
  });
});

describe('a client that goes', () => {
  test.each(['close', 'terminate'] as const)('by %s ends its streams', async (how) => {
    await openDoor();
    const client = await door.connect();
    for (const id of ['a', 'b']) client.publish(id, { record: true });
    await client.status('b', 'PENDING');
    client.socket[how]();
    await allGone();
    expect(door.ingest.taken.map(({ ends }) => ends)).toEqual([
      ['Stopped by session disconnect'],
      ['Stopped by session disconnect'],
    ]);
  });

  test('while it is being answered leaves no stream behind, and its id and name are free', async () => {
    await openDoor();
    const client = await door.connect();
    door.ingest.gate = new Gate();
    client.publish('a');
    await eventually(() => door.ingest.asked === 1 || undefined, 'asked');
    client.socket.terminate();
    await eventually(() => door.connections.all().length === 0 || undefined, 'session gone');
    door.ingest.gate.open();
    await eventually(() => door.ingest.taken[0]?.ends[0], 'ended');
    await allGone();
    door.ingest.gate = undefined;
    const next = await door.connect();
    next.publish('a');
    await next.status('a', 'PENDING');
  });
});

describe('keep-alive', () => {
  const intervalMs = 100;

  test.each(['HIGH_LEVEL', 'INTERNAL'] as const)('%s keeps a client that answers', async (algorithm) => {
    await openDoor({ keepAlive: { algorithm, intervalMs, probes: 2 } });
    const client = await door.connect();
    let frames = 0;
    client.socket.on('ping', () => frames++);
    const pings = () => (algorithm === 'HIGH_LEVEL' ? client.all('ping').length : frames);
    await eventually(() => pings() >= 6 || undefined, 'six pings');
    expect(client.closed).toBeUndefined();
    if (algorithm === 'HIGH_LEVEL') expect(client.messages.at(-1)).toEqual({ message: 'ping', data: [null] });
    else expect(client.all('ping')).toEqual([]);
  });

  test('HIGH_LEVEL drops a client that does not answer, after so many probes', async () => {
    await openDoor({ keepAlive: { algorithm: 'HIGH_LEVEL', intervalMs, probes: 3 } });
    const client = await door.connect();
    client.answersPings = false;
    client.publish('a');
    await client.status('a', 'PENDING');
    await client.whenClosed();
    await allGone();
    const unanswered = client.messages.slice(
      client.messages.findIndex(({ message }) => message === 'setRemoteSDP'),
    );
    expect(unanswered.filter(({ message }) => message === 'ping')).toHaveLength(3);
    expect(door.ingest.taken[0]?.ends).toEqual(['Terminated by keep-alive']);
  });

  test('INTERNAL drops a client that does not answer', async () => {
    await openDoor({ keepAlive: { algorithm: 'INTERNAL', intervalMs, probes: 3 } });
    const client = await door.open('', { autoPong: false });
    client.say('connection', {});
    await client.whenClosed();
    await allGone();
  });

  test('NONE sends nothing', async () => {
    await openDoor({ keepAlive: { algorithm: 'NONE', intervalMs, probes: 1 }, connectTimeoutMs: 500 });
    const client = await door.connect();
    let frames = 0;
    client.socket.on('ping', () => frames++);
    const silent = await door.open();
    await silent.whenClosed();
    expect(client.all('ping')).toEqual([]);
    expect(frames).toBe(0);
    expect(client.closed).toBeUndefined();
  });
});

describe('shutdown', () => {
  test('tells each stream its end and file, says goodbye, and opens to nobody', async () => {
    await openDoor();
    const client = await door.connect();
    const idle = await door.open();
    client.publish('a', { record: true });
    await client.status('a', 'PENDING');
    door.recordings.finals.set('a', Promise.resolve('a.mp4'));
    await door.server.close(1_000);
    expect(await client.status('a', 'FAILED')).toMatchObject({
      info: 'Requested stream shutdown',
      recordName: 'a.mp4',
    });
    expect(await client.whenClosed()).toEqual({ code: 1001, reason: 'Requested stream shutdown' });
    expect((await idle.whenClosed()).code).toBe(1001);
    await allGone();
    await expect(door.open()).rejects.toThrow('ECONNREFUSED');
  });

  test('waits for files and deaf clients only so long', async () => {
    await openDoor({ closeTimeoutMs: 200 });
    const client = await door.connect();
    client.publish('a');
    await client.status('a', 'PENDING');
    door.recordings.finals.set('a', new Promise(() => undefined));
    client.socket.pause();
    const begun = performance.now();
    await door.server.close(300);
    expect(performance.now() - begun).toBeLessThan(3_000);
    client.socket.resume();
    await client.whenClosed();
  });

  test('draining refuses new sockets and keeps the ones there are', async () => {
    await openDoor();
    const client = await door.connect();
    client.publish('a');
    await client.status('a', 'PENDING');
    door.server.drain();
    await expect(door.open()).rejects.toThrow('ECONNREFUSED');
    door.ingest.flow();
    await client.status('a', 'PUBLISHING');
  });
});
