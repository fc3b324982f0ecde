import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { json, Rest } from './support.ts';

let rest: Rest;
beforeEach(async () => {
  rest = await new Rest().start({ maxBodyBytes: 1_000 });
  rest.publish('one', 'id');
});
afterEach(() => rest.close());

const errorLines = () => rest.log.lines.filter(({ level }) => level === 'error');

describe('routing', () => {
  test.each([
    '/?action=dance',
    '/rest-api',
    '/rest-api/stream',
    '/rest-api/stream/unknown?a=b',
    '/rest-api/%zz',
  ])('%s answers 404 in the error shape', async (path) => {
    const response = await rest.get(path);
    expect(response.status).toBe(404);
    expect(response.headers.get('Content-Type')).toMatch(/^application\/json/);
    expect(await json(response)).toMatchObject({ code: 'NOT_FOUND', path: path.replace(/\?.*/, '') });
  });

  test.each([
    ['GET', '/rest-api/stream/find', 'POST'],
    ['GET', '/rest-api/stream/terminate', 'POST'],
    ['GET', '/rest-api/recorder/startup', 'POST'],
    ['PUT', '/rest-api/stream/find_all', 'HEAD, GET, POST'],
    ['PROPFIND', '/rest-api/connection/find_all', 'HEAD, GET, POST'],
    ['POST', '/healthz', 'HEAD, GET'],
  ])('%s %s answers 405 and tells what is allowed', async (method, path, allow) => {
    const response = await fetch(rest.url(path), { method });
    expect([response.status, response.headers.get('Allow')]).toEqual([405, allow]);
    expect(await json(response)).toMatchObject({ code: 'METHOD_NOT_ALLOWED', error: 'Method Not Allowed' });
  });

  test('answers HEAD without a body', async () => {
    const response = await fetch(rest.url('/rest-api/stream/find_all'), { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([200, '']);
  });
});

describe('bodies', () => {
  test.each([
    ['application/json'],
    ['application/json; charset=utf-8'],
    ['APPLICATION/JSON;charset=ISO-8859-1'],
    ['application/x-www-form-urlencoded'],
    ['text/plain'],
    ['nonsense'],
  ])('JSON under %s is read', async (type) => {
    const response = await rest.post('/rest-api/stream/find', '{"name":"one"}', { 'Content-Type': type });
    expect(response.status).toBe(200);
  });

  test.each([
    ['application/json', '{"name":', 400],
    ['application/json', 'name=one', 400],
    ['application/json', '"one"', 400],
    ['application/json', 'null', 400],
    ['application/json', '5', 400],
    ['application/json', '{"name":"one"} {}', 400],
    ['application/json', '\u0000', 400],
    ['application/x-www-form-urlencoded', '{"name":', 400],
    ['application/x-www-form-urlencoded', 'name=one', 415],
    ['text/xml', '<name>one</name>', 415],
  ])('%s: %j answers %i', async (type, body, status) => {
    const response = await rest.post('/rest-api/stream/find', body, { 'Content-Type': type });
    expect(response.status).toBe(status);
    const { code, message } = await json(response);
    expect(code).toBe(status === 400 ? 'BAD_REQUEST' : 'UNSUPPORTED_MEDIA_TYPE');
    expect(message).toMatch(
      status === 400 ? /^body is not valid JSON: ./ : /must be application\/json, it is /,
    );
  });

  test('a browser must declare JSON, so that it asks for permission first', async () => {
    const post = (body: string | undefined, type: string) =>
      rest.post('/rest-api/stream/find', body, { 'Content-Type': type, Origin: 'http://elsewhere' });
    expect((await post('{"name":"one"}', 'text/plain')).status).toBe(415);
    expect((await post('{"name":"one"}', 'application/json')).status).toBe(200);
    expect((await post(undefined, 'text/plain')).status).toBe(200);
  });

  test.each([['{"__proto__":{"name":"x"}}'], ['{"name":"one","x":{"\\u005f_proto__":{"y":1}}}']])(
    '%s is refused and pollutes nothing',
    async (body) => {
      expect((await rest.post('/rest-api/stream/find', body)).status).toBe(400);
      expect(({} as Record<string, unknown>)['name']).toBeUndefined();
    },
  );

  test.each([['constructor'], ['toString'], ['hasOwnProperty']])(
    'a field called %s is ignored',
    async (field) => {
      expect((await rest.post('/rest-api/stream/find', { name: 'one', [field]: 'x' })).status).toBe(200);
    },
  );

  test('numbers past every range are a clear 400', async () => {
    const body = `{"mediaSessionId":${'9'.repeat(400)}}`;
    const response = await rest.post('/rest-api/stream/terminate', body);
    expect([response.status, (await json(response))['message']]).toEqual([
      400,
      'mediaSessionId: must be a string',
    ]);
  });

  test('unicode travels both ways', async () => {
    const name = 'прямой эфир 😀 "\\/';
    rest.publish(name);
    const response = await rest.post('/rest-api/stream/find', { name });
    expect(await response.json()).toMatchObject([{ name }]);
  });

  test.each([['[[[['], ['{"a":']])('nesting of %s is no danger', async (opening) => {
    await rest.close();
    rest = await new Rest().start({ maxBodyBytes: 1_000_000 });
    const response = await rest.post('/rest-api/stream/find', opening.repeat(100_000));
    expect(response.status).toBe(400);
    const deep = await rest.post(
      '/rest-api/stream/find',
      `{"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
    );
    expect(deep.status).toBe(404);
  });

  test('compressed bodies are refused', async () => {
    const response = await rest.post('/rest-api/stream/find', '{}', { 'Content-Encoding': 'gzip' });
    expect([response.status, (await json(response))['code']]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
  });

  test('a body over the bound answers 413 and the connection stays usable', async () => {
    const path = '/rest-api/stream/find';
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;
    const answer = await rest.raw(
      `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n${' '.repeat(1001)}`,
      `POST ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(20)}0\r\n\r\n`,
      `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n{}${' '.repeat(998)}`,
    );
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 413', 'HTTP/1.1 413', 'HTTP/1.1 200']);
    expect(answer).toContain('"code":"BODY_TOO_LARGE"');
    expect(answer).toContain('body is larger than 1000 bytes');
  });
});

describe('bytes on the wire', () => {
  test.each([
    [
      'POST without type and length 0',
      'POST /rest-api/stream/find_all HTTP/1.1\r\nContent-Length: 0\r\n',
      200,
    ],
    ['POST without any body header', 'POST /rest-api/stream/find_all HTTP/1.1\r\n', 200],
    ['GET with a body', 'GET /rest-api/stream/find_all HTTP/1.1\r\nContent-Length: 4\r\n', 200, 'body'],
    ['a full URL', 'GET http://a/rest-api/stream/find_all HTTP/1.1\r\n', 200],
    ['a broken full URL', 'GET http://[::bad/rest-api/stream/find_all HTTP/1.1\r\n', 400],
    ['a URL with a bad port', 'GET http://a:99999999/rest-api/stream/find_all HTTP/1.1\r\n', 400],
    ['no HTTP at all', 'hello\r\n', 400],
    ['a header that is too long', `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n`, 431],
    ['a URL that is too long', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n`, 431],
  ])('%s', async (_name, head, status, body = '') => {
    const answer = await rest.raw(`${head}Host: a\r\nConnection: close\r\n\r\n${body}`);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(errorLines()).toEqual([]);
  });
});

describe('errors', () => {
  test('an unexpected failure answers 500 without details and is logged with the request id', async () => {
    const stream = rest.streams.byName('one')!;
    Object.assign(stream.init.publisher, {
      terminate: () => {
        throw new TypeError('secret detail');
      },
    });
    const response = await rest.post(
      '/rest-api/stream/terminate',
      { mediaSessionId: 'id' },
      { 'X-Request-Id': 'r-1' },
    );
    expect([response.status, response.headers.get('X-Request-Id')]).toEqual([500, 'r-1']);
    expect(await response.text()).not.toContain('secret');
    expect(errorLines()).toMatchObject([
      { message: 'request failed', fields: { requestId: 'r-1', err: { message: 'secret detail' } } },
    ]);
  });
});

describe('headers', () => {
  test('X-Request-Id is taken over, or made when absent or odd', async () => {
    const idFor = async (given: Record<string, string>) =>
      (await fetch(rest.url('/healthz'), { headers: given })).headers.get('X-Request-Id');
    expect(await idFor({ 'X-Request-Id': 'client-7/a' })).toBe('client-7/a');
    expect(await idFor({ 'X-Request-Id': 'x y"' })).toMatch(/^[0-9a-f-]{36}$/);
    expect(await idFor({ 'X-Request-Id': 'x'.repeat(129) })).toMatch(/^[0-9a-f-]{36}$/);
    expect(await idFor({})).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('each request is one line at debug', async () => {
    await rest.get('/healthz');
    expect(rest.log.lines).toMatchObject([
      {
        level: 'debug',
        message: 'request answered',
        fields: { method: 'GET', url: '/healthz', status: 200 },
      },
    ]);
  });

  test('CORS headers are on answers and on errors, as WCS sends them', async () => {
    const ok = await rest.get('/rest-api/stream/find_all');
    const wrong = await rest.post('/rest-api/stream/find', '{', { Origin: 'http://page' });
    for (const { headers } of [ok, wrong, await rest.get('/nowhere')]) {
      expect(headers.get('Access-Control-Allow-Origin')).toBe('*');
      expect(headers.get('Access-Control-Allow-Credentials')).toBe('true');
      expect(headers.get('X-Powered-By')).toBeNull();
    }
  });

  test('a preflight is answered', async () => {
    const response = await fetch(rest.url('/rest-api/stream/find'), {
      method: 'OPTIONS',
      headers: {
        Origin: 'http://page',
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'content-type',
      },
    });
    expect([response.status, response.headers.get('Content-Length')]).toEqual([200, '0']);
    expect(response.headers.get('Access-Control-Allow-Methods')).toBe('GET, POST, OPTIONS');
    expect(response.headers.get('Access-Control-Allow-Headers')).toContain('Content-Type');
  });

  test.each([
    ['https://console.example', 'https://console.example', 'true'],
    ['', null, null],
  ])('origin setting %j', async (corsOrigin, allowOrigin, credentials) => {
    await rest.close();
    rest = await new Rest().start({ corsOrigin });
    const { headers } = await rest.get('/healthz');
    expect(headers.get('Access-Control-Allow-Origin')).toBe(allowOrigin);
    expect(headers.get('Access-Control-Allow-Credentials')).toBe(credentials);
  });
});

describe('health', () => {
  test('/healthz answers while the process does', async () => {
    const response = await rest.get('/healthz');
    expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }]);
  });

  test('/readyz names its checks and answers 503 when one fails', async () => {
    rest.checks = [{ name: 'ffmpeg', ok: true }];
    const ready = await rest.get('/readyz');
    expect([ready.status, await ready.json()]).toEqual([200, { status: 'ok', checks: rest.checks }]);
    rest.checks = [...rest.checks, { name: 'records', ok: false, reason: 'not writable' }];
    const unready = await rest.get('/readyz');
    expect([unready.status, await unready.json()]).toEqual([
      503,
      { status: 'unavailable', checks: rest.checks },
    ]);
  });
});
