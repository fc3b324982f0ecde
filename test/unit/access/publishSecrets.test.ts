import { describe, expect, test } from 'vitest';
import { loadSettings } from '../../../src/config/load.ts';
import type { Publisher } from '../../../src/domain/publisher.ts';
import { PublishSecrets } from '../../../src/domain/publishSecrets.ts';
import { Connections } from '../../../src/streams/connections.ts';
import { Streams } from '../../../src/streams/streams.ts';

const secrets = new PublishSecrets([
  { pattern: 'vip-*', secret: 'gold' },
  { pattern: 'vip-cam', secret: 'never reached' },
  { pattern: 'cam?', secret: 'silver' },
]);
const publisher: Publisher = {
  sessionId: 's',
  appKey: 'a',
  login: 'l',
  mediaProvider: 'Flash',
  custom: {},
  terminate: () => undefined,
};
const request = (name: string, custom: Record<string, string> = {}) => ({
  ...{ name, custom, publisher, mediaSessionId: `id of ${name}`, createdAt: 0 },
});

describe('a publisher', () => {
  test.each([
    ['vip-cam', { token: 'gold' }],
    ['vip-cam', { key: 'gold' }],
    ['vip-cam', { KEY: 'gold', token: 'for something else' }],
    ['cam1', { token: 'silver' }],
    ['cam10', {}],
    ['other', { token: 'whatever' }],
  ])('of %s with %j is let through', (name, custom) => {
    expect(new Streams(0, { secrets }).publish(request(name, custom)).name).toBe(name);
  });

  test.each([
    ['vip-cam', {}, 'Token missing: vip-cam'],
    ['vip-cam', { secret: 'gold' }, 'Token missing: vip-cam'],
    ['vip-cam', { token: '' }, 'Wrong token: vip-cam'],
    ['vip-cam', { token: 'never reached' }, 'Wrong token: vip-cam'],
    ['vip-cam', { token: 'golden' }, 'Wrong token: vip-cam'],
    ['vip-cam', { key: 'gol' }, 'Wrong token: vip-cam'],
    ['cam1', { token: 'gold' }, 'Wrong token: cam1'],
  ])('of %s with %j is refused', (name, custom, message) => {
    const streams = new Streams(0, { secrets });
    expect(() => streams.publish(request(name, custom))).toThrow(
      expect.objectContaining({ code: 'UNAUTHORIZED', message }) as Error,
    );
    expect(streams.all()).toEqual([]);
  });

  test('may have the secret among the parameters of its session, or as a bearer token', () => {
    const streams = new Streams(0, { secrets });
    streams.publish({ ...request('cam1'), publisher: { ...publisher, custom: { key: 'silver' } } });
    streams.publish({ ...request('cam2', { token: 'x' }), credentials: { token: 'silver' } });
    expect(streams.all().map(({ name }) => name)).toEqual(['cam1', 'cam2']);
  });

  test('learns nothing about a name in use without the secret', () => {
    const streams = new Streams(0, { secrets });
    streams.publish(request('cam1', { token: 'silver' }));
    expect(() => streams.publish(request('cam1'))).toThrow('Token missing');
    expect(() => streams.publish(request('cam1', { token: 'silver' }))).toThrow('already in use');
  });

  test('that the server fetches itself needs none', () => {
    expect(new Streams(0, { secrets }).publish({ ...request('cam1'), isPulled: true }).name).toBe('cam1');
  });
});

describe('what is shown', () => {
  test('has no secret, of whatever stream', () => {
    const streams = new Streams(0, { secrets });
    const session = { ...publisher, custom: { Key: 'silver', room: '1' } };
    const { init } = streams.publish({
      ...request('open', { token: 'silver', user: 'u' }),
      publisher: session,
    });
    expect([init.custom, init.publisher.custom]).toEqual([{ user: 'u' }, { room: '1' }]);
    const connections = new Connections(secrets);
    connections.add({ ...session, createdAt: 0 });
    expect(connections.bySessionId('s')?.custom).toEqual({ room: '1' });
    expect(JSON.stringify([init, connections.all()])).not.toContain('silver');
  });

  test('is all that was sent where there are no secrets', () => {
    const { init } = new Streams(0).publish(request('open', { token: 't', key: 'k' }));
    expect(init.custom).toEqual({ token: 't', key: 'k' });
  });
});

describe('publish_secrets', () => {
  const load = (text: string) => loadSettings({ env: {}, set: [`publish_secrets=${text}`] });

  test('is a list; a secret may hold an equals sign', () => {
    const result = load(' vip-* = a=b ,*=c');
    expect(result.ok && result.settings.publish_secrets).toEqual([
      { pattern: 'vip-*', secret: 'a=b' },
      { pattern: '*', secret: 'c' },
    ]);
  });

  test.each(['h1dden', '=h1dden', 'cam=h1dden,', 'cam=', 'cam=h1dden,,x=h1dden'])('%j is refused', (text) => {
    const result = load(text);
    expect(!result.ok && result.problems[0]).toMatch(
      /^--set publish_secrets: entry \d is not allowed; it must be /,
    );
    expect(JSON.stringify(result)).not.toContain('h1dden');
  });
});
