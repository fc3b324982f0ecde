import { afterEach, beforeEach, expect, test } from 'vitest';
import { restRoutes } from '../../../src/http/routes/restRoutes.ts';
import type { HttpServices } from '../../../src/http/services.ts';
import { AddressList } from '../../../src/tcp/addressList.ts';
import { EMPTY_CATALOGUE, json, NO_RETENTION, Rest } from './support.ts';

const DELETE = '/rest-api/catalogue/delete';
const RUN = '/rest-api/catalogue/retention/run';
const OTHER = 'https://other.example';

let rest: Rest;
let called: string[];
beforeEach(() => {
  rest = new Rest();
  called = [];
  rest.catalogue = { ...EMPTY_CATALOGUE, delete: (id) => Promise.resolve(called.push(id)) };
  rest.retention = { ...NO_RETENTION, run: () => Promise.resolve((called.push('run'), [])) };
});
afterEach(() => rest.close());

const own = (): string => `http://127.0.0.1:${rest.port}`;
const remove = (headers: Record<string, string>) => rest.post(DELETE, { recordingId: 'rec' }, headers);

test('what deletes files or runs hooks is guarded, what WCS has is not', () => {
  const guarded = restRoutes({} as HttpServices).filter((route) => route.isGuardedFromPages === true);
  expect(guarded.map(({ path }) => path).sort()).toEqual([
    '/catalogue/delete',
    '/catalogue/import',
    '/catalogue/retention/run',
    '/catalogue/run_hook',
    '/hooks/run',
  ]);
  for (const { methods } of guarded) expect(methods).toEqual(['POST']);
});

test.each([OTHER, 'null', 'http://127.0.0.1', 'http://127.0.0.1.other.example', 'nonsense'])(
  'a page of %s deletes nothing, is told why, and may read it',
  async (origin) => {
    await rest.start();
    expect((await fetch(rest.url(DELETE), { method: 'OPTIONS', headers: { Origin: origin } })).status).toBe(
      200,
    );
    const refused = await remove({ Origin: origin });
    expect(refused.status).toBe(403);
    expect(refused.headers.get('Access-Control-Allow-Origin')).toBe('*');
    const message = `cors_origin does not name the web page's origin ${origin}`;
    expect(await json(refused)).toMatchObject({ code: 'FORBIDDEN', message, path: DELETE });
    expect(called).toEqual([]);
    const lines = rest.log.lines.filter((line) => line.message === 'http request refused');
    expect(lines).toMatchObject([{ level: 'warn', fields: { path: DELETE, reason: message } }]);
  },
);

test.each(['*', ''])(
  'a page posts no empty body, for which it needs no preflight; cors_origin %j',
  async (corsOrigin) => {
    await rest.start({ corsOrigin });
    const options = { method: 'POST', headers: { Origin: OTHER } };
    expect((await fetch(rest.url(RUN), options)).status).toBe(403);
    expect(called).toEqual([]);
    expect((await fetch(rest.url(RUN), { method: 'POST' })).status).toBe(200);
    expect(called).toEqual(['run']);
  },
);

test("the server's own pages and programs that are no browser may", async () => {
  await rest.start();
  expect((await remove({ Origin: own() })).status).toBe(200);
  expect((await remove({ Origin: own().replace('http:', 'https:') })).status).toBe(200);
  expect((await remove({})).status).toBe(200);
  expect(called).toEqual(['rec', 'rec', 'rec']);
});

test('so may pages of the origin that is named, and no others', async () => {
  await rest.start({ corsOrigin: OTHER });
  expect((await remove({ Origin: OTHER })).status).toBe(200);
  expect((await remove({ Origin: `${OTHER}:8443` })).status).toBe(403);
  expect((await remove({ Origin: own() })).status).toBe(200);
});

test('credentials, which a browser may add by itself, change nothing', async () => {
  await rest.start({ rest: { allow: new AddressList('loopback'), users: ['ann:pass'], token: '' } });
  const Authorization = `Basic ${Buffer.from('ann:pass').toString('base64')}`;
  expect((await remove({ Origin: OTHER, Authorization })).status).toBe(403);
  expect((await remove({ Authorization })).status).toBe(200);
});

test('calls that WCS has stay open to all pages', async () => {
  await rest.start();
  rest.publish('cam1');
  const body = { mediaSessionId: 'id-of-cam1' };
  expect((await rest.post('/rest-api/stream/terminate', body, { Origin: OTHER })).status).toBe(200);
  expect((await rest.post('/rest-api/catalogue/find', {}, { Origin: OTHER })).status).toBe(404);
});
