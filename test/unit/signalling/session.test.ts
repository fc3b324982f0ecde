import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RecorderdError } from '../../../src/domain/errors.ts';
import { connectionView } from '../../../src/http/connectionView.ts';
import { eventually } from '../../support/eventually.ts';
import { Door, Gate } from './support.ts';

let door: Door;
beforeEach(async () => {
  door = await new Door().start();
});
afterEach(() => door.close());

describe('connection', () => {
  test.each(['', '/', '/1a2b3c4d', '/any/path?x=1'])('is served on the path %j', async (path) => {
    const client = await door.open(path);
    client.say('connection', {});
    expect(await client.heard('getUserData')).toMatchObject({ status: 'ESTABLISHED', appKey: 'defaultApp' });
  });

  test('is answered with the whole session, and listed', async () => {
    const client = await door.connect({
      appKey: 'myApp',
      mediaProviders: ['WebRTC', 'MSE'],
      keepAlive: true,
      clientVersion: '2.0',
      clientOSVersion: '5.0 (X11)',
      clientBrowserVersion: 'Mozilla/5.0',
      custom: { token: 'a', count: 3, nested: { deep: true } },
      clientInfo: { mobile: false },
    });
    const data = await client.heard('getUserData');
    const { _socket } = client.socket as unknown as { _socket: { localPort: number } };
    const sessionId = `/127.0.0.1:${_socket.localPort}/127.0.0.1:${door.port}`;
    const custom = { token: 'a', count: '3', nested: '{"deep":true}' };
    expect(data).toEqual({
      appKey: 'myApp',
      useWsTunnel: false,
      useWsTunnelPacketization2: false,
      useBase64BinaryEncoding: false,
      mediaProviders: ['WebRTC', 'MSE'],
      clientVersion: '2.0',
      clientOSVersion: '5.0 (X11)',
      clientBrowserVersion: 'Mozilla/5.0',
      keepAlive: false,
      custom,
      authToken: sessionId,
      status: 'ESTABLISHED',
    });
    const [connection] = door.connections.all();
    expect(connectionView(connection!)).toMatchObject({
      sessionId,
      appKey: 'myApp',
      custom,
      mediaProviders: ['WebRTC', 'MSE'],
      clientVersion: '2.0',
    });
    expect(connection!.mediaProvider).toBe('WebRTC');
    expect(connection!.login).toMatch(/^[0-9a-v]{26}$/);
  });

  test('with unusable wishes gets the defaults', async () => {
    const custom = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`k${n}`, 'x']));
    const client = await door.connect({ appKey: 7, mediaProviders: 'no', clientVersion: {}, custom });
    const data = await client.heard('getUserData');
    expect(data).toMatchObject({ appKey: 'defaultApp', mediaProviders: ['WebRTC'] });
    expect(Object.keys(data['custom'] as object)).toHaveLength(32);
  });

  test('gets a UUID behind its session id when that is taken', async () => {
    const client = await door.open();
    const { _socket } = client.socket as unknown as { _socket: { localPort: number } };
    const plain = `/127.0.0.1:${_socket.localPort}/127.0.0.1:${door.port}`;
    door.connections.add({
      sessionId: plain,
      appKey: 'a',
      login: 'l',
      mediaProvider: 'Flash',
      custom: {},
      createdAt: 0,
      terminate: () => undefined,
    });
    client.say('connection', {});
    const { authToken } = await client.heard('getUserData');
    expect(String(authToken).slice(0, plain.length)).toBe(plain);
    expect(String(authToken).slice(plain.length)).toMatch(/^-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(door.connections.all()).toHaveLength(2);
  });

  test('a second one is ignored', async () => {
    const client = await door.connect();
    client.say('connection', { appKey: 'other' });
    await client.settled();
    expect(client.all('getUserData')).toHaveLength(1);
    expect(door.connections.all().map(({ appKey }) => appKey)).toEqual(['defaultApp']);
  });

  test('its end removes it from the list', async () => {
    const client = await door.connect();
    client.socket.close();
    await eventually(() => door.connections.all().length === 0 || undefined, 'unlisted');
  });
});

describe('every message of the server', () => {
  test('has a data array with something in it', async () => {
    const client = await door.connect();
    client.publish('a');
    await client.status('a', 'PENDING');
    client.say('playStream', { mediaSessionId: 'p', name: 'x' });
    client.say('availableStream', { mediaSessionId: 'v', name: 'x' });
    client.say('snapshot', { mediaSessionId: 's', name: 'x' });
    client.say('sendData', { operationId: 'o', payload: {} });
    client.say('publishStream', {});
    await client.settled();
    expect(client.messages.length).toBeGreaterThan(8);
    for (const { data } of client.messages) expect(data.length).toBeGreaterThan(0);
  });
});

describe('availableStream', () => {
  test('answers in words whether the stream can be had', async () => {
    const client = await door.connect();
    client.say('availableStream', { mediaSessionId: 'q1', name: 'name-a' });
    const none = await client.heard('availableStream', ({ id }) => id === 'q1');
    expect(none).toEqual({ id: 'q1', status: 'false', info: 'Stream not found' });

    client.publish('a');
    await client.status('a', 'PENDING');
    client.say('availableStream', { mediaSessionId: 'q2', name: 'name-a' });
    const pending = await client.heard('availableStream', ({ id }) => id === 'q2');
    expect(pending).toEqual({ id: 'q2', status: 'false', info: 'Publish stream is not ready' });

    door.ingest.flow();
    client.say('availableStream', { mediaSessionId: 'q3', name: 'name-a' });
    const ready = await client.heard('availableStream', ({ id }) => id === 'q3');
    expect(ready).toEqual({ id: 'q3', status: 'true', info: null });
  });
});

describe('playStream and stopStream', () => {
  test('fail: nothing is played here', async () => {
    const client = await door.connect();
    client.say('playStream', { mediaSessionId: 'p1', name: 'nobody', published: false });
    expect(await client.status('p1', 'FAILED')).toMatchObject({
      name: 'nobody',
      published: false,
      info: 'Stream not found',
      recordName: null,
    });
    client.publish('a');
    await client.status('a', 'PENDING');
    client.say('playStream', { mediaSessionId: 'p2', name: 'name-a', published: false });
    expect(await client.status('p2', 'FAILED')).toMatchObject({ info: 'Restricted access' });
    client.say('stopStream', { mediaSessionId: 'p3', name: 'name-a' });
    expect(await client.status('p3', 'FAILED')).toMatchObject({ info: 'Stream not found' });
  });
});

describe('snapshot', () => {
  test('is addressed to the media session that asked and found by the name of the stream', async () => {
    const client = await door.connect();
    client.publish('a');
    await client.status('a', 'PENDING');
    door.snapshots.result = Buffer.from('a picture');
    client.say('snapshot', { mediaSessionId: 'unknown-to-the-server', name: 'name-a' });
    expect(await client.heard('notifyStreamEvent')).toEqual({
      mediaSessionId: 'unknown-to-the-server',
      type: 'snapshotCompleted',
      payload: { snapshot: Buffer.from('a picture').toString('base64') },
    });
    expect(door.snapshots.taken.map(({ name }) => name)).toEqual(['name-a']);
  });

  test.each([
    [new RecorderdError('SNAPSHOT_FAILED', 'there is no picture yet'), 'there is no picture yet'],
    [new Error('/secret/path'), 'Failed by error'],
  ])('fails with a reason: %s', async (error, info) => {
    const client = await door.connect();
    client.publish('a');
    await client.status('a', 'PENDING');
    door.snapshots.result = error;
    client.say('snapshot', { mediaSessionId: 's', name: 'name-a' });
    expect(await client.heard('notifyStreamEvent')).toEqual({
      mediaSessionId: 's',
      type: 'snapshotFailed',
      payload: { info },
    });
  });

  test('of an unknown stream fails, and only so many are taken at the same time', async () => {
    const client = await door.connect();
    client.say('snapshot', { mediaSessionId: 's0', name: 'nobody' });
    const none = await client.heard('notifyStreamEvent');
    expect(none).toMatchObject({ type: 'snapshotFailed', payload: { info: 'Stream not found' } });

    client.publish('a');
    await client.status('a', 'PENDING');
    door.snapshots.result = Buffer.from('p');
    door.snapshots.gate = new Gate();
    for (const id of ['s1', 's2', 's3']) client.say('snapshot', { mediaSessionId: id, name: 'name-a' });
    const third = await client.heard('notifyStreamEvent', ({ mediaSessionId }) => mediaSessionId === 's3');
    expect(third['type']).toBe('snapshotFailed');
    door.snapshots.gate.open();
    const events = await eventually(() => {
      const all = client.all('notifyStreamEvent');
      return all.length === 4 ? all : undefined;
    }, 'all answers');
    expect(events.map(({ type }) => type).filter((type) => type === 'snapshotCompleted')).toHaveLength(2);
    client.say('snapshot', { mediaSessionId: 's4', name: 'name-a' });
    const fourth = await client.heard('notifyStreamEvent', ({ mediaSessionId }) => mediaSessionId === 's4');
    expect(fourth['type']).toBe('snapshotCompleted');
  });
});

describe('sendData', () => {
  test('is accepted', async () => {
    const client = await door.connect();
    client.say('sendData', { operationId: 'o1', payload: { any: ['thing'] } });
    expect(await client.heard('DataStatusEvent')).toEqual({
      operationId: 'o1',
      status: 'ACCEPTED',
      info: null,
    });
  });

  test.each([
    ['roomApp', { x: 1 }],
    ['defaultApp', { command: 'join', options: { name: 'room' } }],
  ])('of the Room API fails: %s %j', async (appKey, payload) => {
    const client = await door.connect({ appKey });
    client.say('sendData', { operationId: 'o1', payload });
    expect(await client.heard('DataStatusEvent')).toMatchObject({ operationId: 'o1', status: 'FAILED' });
  });
});

describe('other messages', () => {
  test('ping is answered with pong', async () => {
    const client = await door.open();
    client.say('ping', null);
    await client.heard('pong', () => true).catch(() => undefined);
    expect(client.messages).toEqual([{ message: 'pong', data: [null] }]);
  });

  test('diagnostics and unknown messages are taken without an answer, and logged so many times only', async () => {
    const client = await door.connect();
    const names = [
      'pushLogs',
      'sessionDebug',
      'submitBugReport',
      'webRTCMetricsBatch',
      'call',
      'constructor',
    ];
    for (let n = 0; n < 100; n++) client.say(names[n % names.length]!, { logs: 'x'.repeat(100) });
    client.say('__proto__');
    await client.settled();
    expect(client.messages.map(({ message }) => message)).toEqual(['getUserData', 'pong']);
    expect(client.closed).toBeUndefined();
    expect(door.log.lines.filter(({ level }) => level === 'debug').length).toBeLessThan(50);
    expect(door.log.lines.filter(({ level }) => level !== 'debug')).toEqual([]);
  });

  test('before connection a publication and a play fail, the rest is ignored', async () => {
    const client = await door.open();
    client.publish('a');
    expect(await client.status('a', 'FAILED')).toMatchObject({ info: 'Session not ready', published: true });
    client.say('playStream', { mediaSessionId: 'p', name: 'x' });
    expect(await client.status('p', 'FAILED')).toMatchObject({ info: 'Session not ready', published: false });
    client.say('availableStream', { mediaSessionId: 'v', name: 'x' });
    client.say('sendData', { operationId: 'o', payload: 1 });
    await client.settled();
    expect(client.messages).toHaveLength(3);
    expect(door.ingest.asked).toBe(0);
  });
});
