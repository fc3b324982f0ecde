import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { GuardOptions } from '../../../src/http/guard.ts';
import { AddressList } from '../../../src/tcp/addressList.ts';
import { json, Rest } from './support.ts';

const USERS = ['ann:pass:word', 'bö b:geheim ü'];
const FIND_ALL = '/rest-api/stream/find_all';

let rest: Rest;
let home: string;
beforeEach(async () => {
  rest = new Rest();
  home = await mkdtemp(join(tmpdir(), 'guard-'));
});
afterEach(async () => {
  await rest.close();
  await rm(home, { recursive: true });
});

async function start(guarded: Partial<GuardOptions> & { allowed?: string }): Promise<void> {
  const { allowed = 'loopback', users = [], token = '' } = guarded;
  await mkdir(join(home, 'records'));
  await writeFile(join(home, 'records/a.mp4'), 'media');
  const allow = new AddressList(allowed);
  await rest.start({ home, recordsDir: join(home, 'records'), rest: { allow, users, token } });
  rest.publish('cam1');
}

const basic = (user: string) => `Basic ${Buffer.from(user).toString('base64')}`;
const find = (authorization?: string, path = FIND_ALL) =>
  fetch(rest.url(path), authorization === undefined ? {} : { headers: { Authorization: authorization } });

describe('credentials', () => {
  test('none are asked for when none are set', async () => {
    await start({});
    expect((await find()).status).toBe(200);
    expect((await find('Basic bm9uZTpub25l')).status).toBe(200);
  });

  test.each([basic('ann:pass:word'), basic('bö b:geheim ü'), `basic  ${basic('ann:pass:word').slice(6)}`])(
    '%s is a user',
    async (authorization) => {
      await start({ users: USERS });
      expect((await find(authorization)).status).toBe(200);
    },
  );

  test.each([
    [undefined, 'credentials needed'],
    ['Digest username="ann"', 'credentials needed'],
    ['Basic', 'credentials needed'],
    [basic('ann:pass:wor'), 'wrong credentials'],
    [basic('ann:pass:word '), 'wrong credentials'],
    [basic('ann'), 'wrong credentials'],
    [basic(':'), 'wrong credentials'],
    ['Bearer ann:pass:word', 'wrong credentials'],
    ['Bearer t0ken', 'wrong credentials'],
    ['Basic t0ken', 'wrong credentials'],
  ])('%s is none of the users: %s', async (authorization, message) => {
    await start({ users: USERS });
    const response = await find(authorization);
    expect(response.status).toBe(401);
    expect(response.headers.get('WWW-Authenticate')).toBe('Basic realm="recorderd", charset="UTF-8"');
    expect(await json(response)).toMatchObject({
      code: 'UNAUTHORIZED',
      message,
      path: FIND_ALL,
      status: 401,
    });
  });

  test('a token does instead of a user, and both challenges are told', async () => {
    await start({ users: USERS, token: 't0ken' });
    expect((await find('Bearer t0ken')).status).toBe(200);
    expect((await find(basic('ann:pass:word'))).status).toBe(200);
    const refused = await find('Bearer t0ke');
    expect(refused.status).toBe(401);
    expect(refused.headers.get('WWW-Authenticate')).toBe(
      'Basic realm="recorderd", charset="UTF-8", Bearer realm="recorderd"',
    );
  });

  test('a token alone lets no user in', async () => {
    await start({ token: 't0ken' });
    expect((await find(basic('t0ken:'))).status).toBe(401);
    expect((await find('Basic t0ken')).status).toBe(401);
    expect((await find('bearer t0ken')).status).toBe(200);
  });

  test('a refused call does nothing, and the log has neither secret nor password', async () => {
    await start({ users: USERS });
    const body = { mediaSessionId: 'id-of-cam1' };
    const refused = await rest.post('/rest-api/stream/terminate?token=top1', body, {
      Authorization: basic('ann:top2'),
    });
    expect(refused.status).toBe(401);
    expect(rest.terminated).toEqual([]);
    const [line] = rest.log.lines.filter(({ message }) => message === 'http request refused');
    expect(line).toMatchObject({
      level: 'warn',
      fields: { address: '127.0.0.1', path: '/rest-api/stream/terminate', reason: 'wrong credentials' },
    });
    expect(JSON.stringify(line)).not.toContain('top');
  });

  test('a refused body does not hold the connection', async () => {
    await start({ token: 't0ken' });
    const body = 'x'.repeat(30_000);
    const answer = await rest.raw(
      `POST ${FIND_ALL} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
  });
});

describe('addresses', () => {
  test('one that is not allowed is answered 403 with the reason, whatever it knows', async () => {
    await start({ allowed: '10.0.0.0/8,203.0.113.7', users: USERS });
    const response = await find(basic('ann:pass:word'));
    expect(response.status).toBe(403);
    expect(await json(response)).toMatchObject({
      exception: 'ForbiddenException',
      reason: 'rest_allow does not hold the address 127.0.0.1',
      error: 'Forbidden',
      status: 403,
      code: 'FORBIDDEN',
    });
  });

  test.each(['X-Forwarded-For', 'Forwarded', 'X-Real-IP', 'X-Client-IP'])(
    '%s is not believed',
    async (name) => {
      await start({ allowed: '10.0.0.0/8' });
      const value = name === 'Forwarded' ? 'for=10.0.0.1' : '10.0.0.1';
      expect((await fetch(rest.url(FIND_ALL), { headers: { [name]: value } })).status).toBe(403);
    },
  );

  test.each([
    ['loopback', 200],
    ['private', 403],
  ])('an IPv4 client of a dual-stack port counts as IPv4: %s answers %i', async (allowed, status) => {
    await start({ allowed });
    const port = await rest.server!.listen(0, '::');
    const socket = connect(port, '127.0.0.1');
    socket.write(`GET ${FIND_ALL} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    socket.destroy();
  });
});

describe('what is guarded', () => {
  test.each([
    ['/healthz', 200],
    ['/readyz', 200],
    ['/favicon.ico', 204],
    ['/demo', 302],
    ['/client2/flashphoner.js', 200],
    ['/client/records/a.mp4', 200],
    ['/client/records/b.mp4', 404],
    ['/whip/cam1', 405],
  ])('%s is open to everybody', async (path, status) => {
    await start({ allowed: '10.0.0.0/8', token: 't0ken' });
    expect((await fetch(rest.url(path), { redirect: 'manual' })).status).toBe(status);
  });

  test.each([
    FIND_ALL,
    '/REST-API/stream/find_all',
    '/rest-api/pull/find_all',
    '/rest-api',
    '/',
    '/demo2',
    '/healthz/../rest-api/stream/find_all',
    '/client2x',
    '/client/recordsx/a.mp4',
    '/Client/Records/a.mp4',
    '//healthz',
  ])('%s is not', async (path) => {
    await start({ allowed: '10.0.0.0/8' });
    const answer = await rest.raw(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
  });

  test.each([
    '/client2/../rest-api/stream/find_all',
    '/whip/../rest-api/stream/find_all',
    '/whip/%2e%2e/rest-api/stream/find_all',
  ])('%s is no way round', async (path) => {
    await start({ allowed: '10.0.0.0/8' });
    const answer = await rest.raw(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 40[45] /);
  });

  test('a preflight needs no credentials', async () => {
    await start({ token: 't0ken' });
    expect((await fetch(rest.url(FIND_ALL), { method: 'OPTIONS' })).status).toBe(200);
  });
});
