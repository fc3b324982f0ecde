import { afterEach, describe, expect, test } from 'vitest';
import { PublishSecrets } from '../../../src/domain/publishSecrets.ts';
import { Streams } from '../../../src/streams/streams.ts';
import { eventually } from '../../support/eventually.ts';
import { RtmpClient } from '../../support/rtmpClient.ts';
import { RtmpHarness } from '../../support/rtmpHarness.ts';
import { RtspClient, RtspHarness } from '../../support/rtspHarness.ts';
import { json, Rest } from '../http/support.ts';
import { Door } from '../signalling/support.ts';
import { captured, PUBLISHER, Setup } from '../webrtc/support.ts';

const SECRET = 'gold';
const secrets = new PublishSecrets([
  { pattern: 'vip*', secret: SECRET },
  { pattern: 'rtsp://*', secret: SECRET },
]);
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

describe('RTMP', () => {
  async function start(app: string): Promise<{ harness: RtmpHarness; client: RtmpClient }> {
    const harness = await RtmpHarness.start({}, { secrets });
    closers.push(() => harness.server.close());
    const client = await RtmpClient.ready(harness.port, { app });
    closers.push(() => client.end());
    return { harness, client };
  }

  test.each([
    ['live', `vip1?key=${SECRET}&user=u`],
    ['live', `vip1?token=${SECRET}&user=u`],
    [`live?token=${SECRET}`, 'vip1?user=u'],
    ['live', 'other?user=u'],
  ])('%s and %s publish, and the secret is not kept', async (app, name) => {
    const { harness, client } = await start(app);
    client.publish(name);
    await client.status('NetStream.Publish.Start');
    const [stream] = harness.streams.all();
    expect(stream?.init.custom).toEqual({ user: 'u' });
    expect(JSON.stringify([stream?.init, harness.connections.all(), harness.log.lines])).not.toContain(
      SECRET,
    );
  });

  test.each([
    ['live', 'vip1', 'Token missing: vip1'],
    ['live?token=wr0ng', 'vip1', 'Wrong token: vip1'],
    ['live', 'vip1?key=wr0ng', 'Wrong token: vip1'],
  ])('%s and %s are refused and sent away', async (app, name, description) => {
    const { harness, client } = await start(app);
    client.publish(name);
    await client.status('NetStream.Publish.Denied');
    await eventually(() => client.isClosed || undefined, 'closed');
    expect(harness.streams.all()).toEqual([]);
    const lines = harness.log.lines.filter(({ level }) => level === 'warn');
    expect(lines.map(({ fields }) => fields['reason'])).toEqual([`publish refused: ${description}`]);
    expect(JSON.stringify(harness.log.lines)).not.toContain('wr0ng');
  });
});

describe('RTSP', () => {
  async function start(): Promise<RtspHarness> {
    const harness = await RtspHarness.start({}, { secrets });
    closers.push(() => harness.server.close());
    return harness;
  }

  test.each([`vip1?token=${SECRET}&user=u`, `vip1?user=u&key=${SECRET}`, 'other?user=u'])(
    '%s publishes, and the secret is not kept',
    async (name) => {
      const harness = await start();
      const client = await RtspClient.publishing(harness.port, name);
      closers.push(() => client.end());
      const [stream] = harness.streams.all();
      expect(stream?.init.custom).toEqual({ user: 'u' });
      const kept = JSON.stringify([stream?.init, harness.connections.all(), harness.log.lines]);
      expect(kept).not.toContain(SECRET);
    },
  );

  test.each([
    ['vip1', 'Token missing: vip1'],
    ['vip1?token=wr0ng', 'Wrong token: vip1'],
    ['vip1%0d%0aX:%20y?token=wr0ng', 'Wrong token: vip1\r\nX: y'],
  ])('%s is refused before it is set up, and the connection closes', async (name, reason) => {
    const harness = await start();
    const client = await RtspClient.open(harness.port, name);
    const answer = await client.announce();
    expect(answer).toMatchObject({ status: 403, reason: 'Wrong token' });
    expect([...answer.headers.keys()]).toEqual(['cseq', 'connection', 'server']);
    await client.closed();
    expect(harness.streams.all()).toEqual([]);
    const [line, ...more] = await eventually(() => {
      const lines = harness.log.lines.filter(({ level }) => level === 'warn');
      return lines.length > 0 ? lines : undefined;
    }, 'logged');
    expect(more).toEqual([]);
    expect(line).toMatchObject({
      message: 'rtsp connection ended without a stream',
      fields: { reason: `publish refused: ${reason}` },
    });
    expect(JSON.stringify(harness.log.lines)).not.toContain('wr0ng');
  });
});

describe('Web SDK', () => {
  async function start(): Promise<Door> {
    const door = await new Door({}, { secrets }).start();
    closers.push(() => door.close());
    return door;
  }

  test.each([
    [{}, { name: 'vip1', custom: { token: SECRET, user: 'u' } }],
    [{ token: SECRET }, { name: 'vip1', custom: { user: 'u' } }],
    [{}, { name: 'other', custom: { user: 'u' } }],
  ])('a session with %j publishes %j, and the secret is not shown', async (custom, more) => {
    const door = await start();
    const client = await door.connect({ appKey: 'defaultApp', custom });
    client.publish('a', more);
    const event = await client.status('a', 'PENDING');
    expect(event['custom']).toEqual({ user: 'u' });
    const shown = [event, door.streams.all().map(({ init }) => init), door.connections.all(), door.log.lines];
    expect(JSON.stringify(shown)).not.toContain(SECRET);
  });

  test('without the secret the publication fails, is logged once and the session stays', async () => {
    const door = await start();
    const client = await door.connect();
    client.publish('a', { name: 'vip1', custom: { token: 'wr0ng' } });
    expect(await client.status('a', 'FAILED')).toMatchObject({ info: 'Wrong token', name: 'vip1' });
    expect(door.streams.all()).toEqual([]);
    expect(door.warnings('web sdk publication refused')).toHaveLength(1);
    expect(JSON.stringify(door.log.lines)).not.toContain('wr0ng');
    client.publish('b', { name: 'vip1', custom: { token: SECRET } });
    await client.status('b', 'PENDING');
  });

  test('a player cannot have a camera captured under a name that needs a secret', async () => {
    const door = await start();
    const client = await door.connect();
    const name = 'rtsp://user:pass@127.0.0.1:1/cam';
    client.say('playStream', { mediaSessionId: 'p', name, published: false });
    expect(await client.status('p', 'FAILED')).toMatchObject({ info: 'Wrong token' });
    // With the secret it is tried: nobody listens on that port.
    client.say('playStream', { mediaSessionId: 'q', name, published: false, custom: { token: SECRET } });
    expect((await client.status('q', 'FAILED'))['info']).not.toBe('Wrong token');
  });
});

describe('WHIP', () => {
  async function start(whipToken = ''): Promise<Rest> {
    const rest = await new Rest({ secrets }).start({ whipToken });
    closers.push(() => rest.close());
    return rest;
  }
  const offer = (rest: Rest, path: string, authorization?: string): Promise<Response> =>
    fetch(rest.url(path), {
      method: 'POST',
      headers: {
        'Content-Type': 'application/sdp',
        ...(authorization === undefined ? {} : { Authorization: authorization }),
      },
      body: 'v=0\r\n',
    });

  test.each([
    ['/whip/vip1?user=u', `Bearer ${SECRET}`, ''],
    [`/whip/vip1?user=u&token=${SECRET}`, undefined, ''],
    [`/whip/vip1?user=u&key=${SECRET}`, 'Bearer d00r', 'd00r'],
    ['/whip/other?user=u', undefined, ''],
  ])('%s with %s publishes, and the secret is not shown', async (path, authorization, whipToken) => {
    const rest = await start(whipToken);
    expect((await offer(rest, path, authorization)).status).toBe(201);
    const streams = await (await rest.get('/rest-api/stream/find_all')).text();
    const connections = await (await rest.get('/rest-api/connection/find_all')).text();
    expect(streams).toContain('"custom":{"user":"u"}');
    expect(streams + connections).not.toContain(SECRET);
  });

  test.each([
    ['/whip/vip1', undefined, 'Token missing: vip1'],
    ['/whip/vip1', 'Bearer wr0ng', 'Wrong token: vip1'],
    ['/whip/vip1?token=wr0ng', undefined, 'Wrong token: vip1'],
  ])('%s with %s is refused', async (path, authorization, message) => {
    const rest = await start();
    const response = await offer(rest, path, authorization);
    expect(response.status).toBe(401);
    expect(response.headers.get('WWW-Authenticate')).toBe('Bearer realm="whip"');
    expect(await json(response)).toMatchObject({ code: 'UNAUTHORIZED', message });
    expect(rest.streams.all()).toEqual([]);
    expect(rest.connections.all()).toEqual([]);
    const lines = rest.log.lines.filter(({ level }) => level === 'warn');
    expect(lines).toMatchObject([{ message: 'WHIP publication refused', fields: { reason: message } }]);
    expect(JSON.stringify(lines)).not.toContain('wr0ng');
  });
});

describe('WebRTC', () => {
  const sdp = captured('chromium-av');

  test.each([
    [{ credentials: { token: SECRET } }, true],
    [{ custom: { key: SECRET } }, true],
    [{ publisher: { ...PUBLISHER, custom: { token: SECRET } } }, true],
    [{ credentials: { token: 'wr0ng' } }, false],
    [{}, false],
  ])('an offer with %j is answered: %s', async (wish, isAnswered) => {
    const streams = new Streams(1 << 20, { secrets });
    const setup = await new Setup({}, { streams }).start();
    closers.push(() => setup.server.close());
    const answer = setup.publish(sdp, { name: 'vip1', ...wish });
    if (isAnswered) expect((await answer).answer).toContain('v=0');
    else await expect(answer).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    expect(streams.all().map(({ name }) => name)).toEqual(isAnswered ? ['vip1'] : []);
    expect(JSON.stringify(streams.all().map(({ init }) => init))).not.toContain(SECRET);
  });
});
