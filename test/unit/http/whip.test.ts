import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RecorderdError } from '../../../src/domain/errors.ts';
import { eventually } from '../../support/eventually.ts';
import { json, Rest } from './support.ts';

const OFFER = 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n';

let rest: Rest;
beforeEach(async () => {
  rest = await new Rest().start({ maxSdpBytes: 1_000 });
});
afterEach(() => rest.close());

function offer(
  path: string,
  init: { body?: string; headers?: Record<string, string> } = {},
): Promise<Response> {
  return fetch(rest.url(path), {
    method: 'POST',
    headers: { 'Content-Type': 'application/sdp', ...init.headers },
    body: init.body ?? OFFER,
  });
}

function call(method: string, path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(rest.url(path), { method, headers });
}

async function locationOf(response: Promise<Response>): Promise<string> {
  const answer = await response;
  expect(answer.status).toBe(201);
  return answer.headers.get('Location')!;
}

describe('an offer', () => {
  test('is answered with 201, the SDP answer, its session and an entity tag', async () => {
    const response = await offer('/whip/cam');
    expect([response.status, response.headers.get('Content-Type')]).toEqual([201, 'application/sdp']);
    expect(await response.text()).toBe('v=0\r\ns=answer to cam\r\n');
    const id = rest.streams.byName('cam')!.mediaSessionId;
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(response.headers.get('Location')).toBe(`/whip/cam/${id}`);
    expect(response.headers.get('ETag')).toBe(`"${id}"`);
  });

  test('reaches the ingest as it was sent, with parameters of its own', async () => {
    await offer('/whip/cam?token=a%20b&record=false');
    expect(rest.webrtc.offers).toMatchObject([
      { name: 'cam', sdp: OFFER, custom: { token: 'a b' }, record: false, transport: 'UDP' },
    ]);
    expect(rest.webrtc.offers[0]!.publisher).toMatchObject({
      appKey: 'defaultApp',
      mediaProvider: 'WebRTC',
      login: expect.stringMatching(/^[0-9a-v]{26}$/) as string,
    });
  });

  test.each([
    ['/whip/live%2Fcam', 'live/cam'],
    ['/whip/%D1%8D%D1%84%D0%B8%D1%80%20%25', 'эфир %'],
    ['/whip/..%2f..%2fetc', '../../etc'],
  ])('%s publishes %s, and its location leads back', async (path, name) => {
    const location = await locationOf(offer(path));
    expect(rest.streams.byName(name)).toBeDefined();
    expect((await call('DELETE', location)).status).toBe(200);
    expect(rest.streams.byName(name)).toBeUndefined();
  });

  test.each([
    ['/whip/cam', {}, false],
    ['/whip/cam?record=true', {}, true],
    ['/whip/cam', { Record: 'true' }, true],
    ['/whip/cam', { Record: 'false' }, false],
    ['/whip/cam?record=false', { Record: 'true' }, false],
  ])('%s with %j asks for a recording: %s', async (path, headers, record) => {
    expect((await offer(path, { headers })).status).toBe(201);
    expect(rest.webrtc.offers.map((given) => given.record)).toEqual([record]);
  });
});

interface Refusal {
  readonly what: string;
  readonly path?: string;
  readonly body?: string;
  readonly headers?: Record<string, string>;
  readonly status: number;
  readonly code: string;
}

describe('refusals', () => {
  test.each<Refusal>([
    { what: 'an odd wish', path: '/whip/cam?record=maybe', status: 400, code: 'BAD_REQUEST' },
    { what: 'an empty body', body: ' \r\n', status: 400, code: 'BAD_REQUEST' },
    { what: 'a broken name', path: '/whip/%zz', status: 400, code: 'BAD_REQUEST' },
    {
      what: 'another type',
      headers: { 'Content-Type': 'application/json' },
      ...{ status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' },
    },
    {
      what: 'a packed body',
      headers: { 'Content-Encoding': 'gzip' },
      ...{ status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' },
    },
    { what: 'a large body', body: 'x'.repeat(1_001), status: 413, code: 'BODY_TOO_LARGE' },
    { what: 'too many segments', path: '/whip/a/b/c', status: 404, code: 'NOT_FOUND' },
    { what: 'no name', path: '/whip/', status: 404, code: 'NOT_FOUND' },
  ])('$what', async ({ path = '/whip/cam', body = OFFER, headers = {}, status, code }) => {
    const response = await offer(path, { body, headers });
    expect([response.status, (await json(response))['code']]).toEqual([status, code]);
    expect(rest.webrtc.offers).toEqual([]);
  });

  test('a body of unknown length is bounded too, and the connection stays usable', async () => {
    const head = 'POST /whip/cam HTTP/1.1\r\nHost: a\r\nContent-Type: Application/SDP; x=y\r\n';
    const chunk = `400\r\n${'x'.repeat(0x400)}\r\n`;
    const answer = await rest.raw(
      `${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(9)}0\r\n\r\n`,
      `${head}Content-Length: 4\r\nConnection: close\r\n\r\nv=0\n`,
    );
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 413', 'HTTP/1.1 201']);
  });

  test.each([
    ['BAD_REQUEST', 400, null],
    ['NO_COMMON_CODECS', 406, null],
    ['STREAM_NAME_IN_USE', 409, null],
    ['LIMIT_REACHED', 503, '5'],
    ['SHUTTING_DOWN', 503, '5'],
  ] as const)(
    '%s of the ingest answers %i and leaves no session behind',
    async (code, status, retryAfter) => {
      rest.webrtc.refusal = new RecorderdError(code, 'because');
      const response = await offer('/whip/cam');
      expect([response.status, response.headers.get('Retry-After')]).toEqual([status, retryAfter]);
      expect(await json(response)).toMatchObject({ code, reason: 'because', path: '/whip/cam' });
      expect(rest.connections.all()).toEqual([]);
    },
  );

  test('a name that is in use answers 409 and leaves the first publisher alone', async () => {
    const location = await locationOf(offer('/whip/cam'));
    expect((await offer('/whip/cam')).status).toBe(409);
    expect(rest.connections.all()).toHaveLength(1);
    expect((await call('DELETE', location)).status).toBe(200);
  });
});

describe('a session', () => {
  test('is listed as a connection with an id of its own, until it is deleted', async () => {
    const location = await locationOf(offer('/whip/cam'));
    const [connection] = (await (await rest.get('/rest-api/connection/find_all')).json()) as unknown[];
    const { sessionId } = rest.streams.byName('cam')!.init.publisher;
    expect(sessionId).toMatch(/^\/127\.0\.0\.1:\d+\/127\.0\.0\.1:\d+-[0-9a-f-]{36}$/);
    expect(connection).toMatchObject({ sessionId, appKey: 'defaultApp', mediaProviders: ['WebRTC'] });
    const gone = await call('DELETE', location);
    expect([gone.status, await gone.text()]).toEqual([200, '']);
    expect(rest.connections.all()).toEqual([]);
    expect(rest.log.lines.find(({ message }) => message === 'WHIP session ended')?.fields).toMatchObject({
      sessionId,
      info: 'Stopped by publisher stop',
    });
    expect((await call('DELETE', location)).status).toBe(404);
  });

  test.each([
    ['/rest-api/stream/terminate', 'mediaSessionId'],
    ['/rest-api/connection/terminate', 'sessionId'],
  ])('%s ends it', async (path, key) => {
    const location = await locationOf(offer('/whip/cam'));
    const { mediaSessionId, init } = rest.streams.byName('cam')!;
    const ids: Record<string, string> = { mediaSessionId, sessionId: init.publisher.sessionId };
    expect((await rest.post(path, { [key]: ids[key] })).status).toBe(200);
    expect([rest.streams.all(), rest.connections.all()]).toEqual([[], []]);
    expect((await call('DELETE', location)).status).toBe(404);
  });

  test('that the ingest ends is forgotten', async () => {
    const location = await locationOf(offer('/whip/cam'));
    rest.webrtc.events[0]!.onEnded('Failed by ICE timeout');
    expect(rest.connections.all()).toEqual([]);
    expect((await call('DELETE', location)).status).toBe(404);
  });

  test('is not ended under another name or id', async () => {
    const location = await locationOf(offer('/whip/cam'));
    for (const path of [location.replace('cam', 'other'), '/whip/cam/x', '/whip/cam/__proto__']) {
      expect((await call('DELETE', path)).status).toBe(404);
    }
    expect(rest.streams.byName('cam')).toBeDefined();
  });

  test('that is terminated while its answer is being made ends with it', async () => {
    let open = () => {};
    rest.webrtc.gate = new Promise((resolve) => (open = resolve));
    const answer = offer('/whip/cam');
    const connection = await eventually(() => rest.connections.all()[0], 'the connection');
    connection.terminate('Stopped by rest /terminate');
    open();
    await answer;
    expect([rest.streams.all(), rest.connections.all()]).toEqual([[], []]);
  });

  test('whose client left before the answer ends at once', async () => {
    let open = () => {};
    rest.webrtc.gate = new Promise((resolve) => (open = resolve));
    // A listener of the test's own, to know when the server has seen the cut.
    const server = createServer((request, response) => void rest.app!.callback()(request, response)).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [accepted] = (await once(server, 'connection')) as [Socket];
    socket.write(
      'POST /whip/cam HTTP/1.1\r\nHost: a\r\nContent-Type: application/sdp\r\nContent-Length: 4\r\n\r\nv=0\n',
    );
    await eventually(() => rest.webrtc.offers[0], 'the offer');
    socket.destroy();
    await once(accepted, 'close');
    open();
    await eventually(
      () => rest.log.lines.find(({ fields }) => fields['info'] === 'Stopped by session disconnect'),
      'the end',
    );
    expect(rest.streams.all()).toEqual([]);
    server.close();
  });

  test('PATCH is not implemented: there is neither trickle ICE nor an ICE restart', async () => {
    const location = await locationOf(offer('/whip/cam'));
    const response = await fetch(rest.url(location), {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' },
      body: 'a=ice-ufrag:x\r\n',
    });
    expect([response.status, (await json(response))['code']]).toEqual([501, 'NOT_IMPLEMENTED']);
    expect(rest.streams.byName('cam')).toBeDefined();
  });
});

describe('methods', () => {
  test.each(['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH'])('%s on the endpoint answers 405', async (method) => {
    const response = await call(method, '/whip/cam');
    expect([response.status, response.headers.get('Allow')]).toEqual([405, 'POST']);
  });

  test.each(['GET', 'HEAD', 'PUT', 'POST'])('%s on a session answers 405', async (method) => {
    const response = await call(method, '/whip/cam/x');
    expect([response.status, response.headers.get('Allow')]).toEqual([405, 'DELETE, PATCH']);
  });

  test.each(['*', ''])('OPTIONS names the type to post; CORS origin %j', async (corsOrigin) => {
    await rest.close();
    rest = await new Rest().start({ corsOrigin, whipToken: 'secret' });
    const { status, headers } = await call('OPTIONS', '/whip/cam', {
      Origin: 'http://page',
      'Access-Control-Request-Method': 'POST',
    });
    expect([status, headers.get('Accept-Post')]).toEqual([200, 'application/sdp']);
    if (corsOrigin === '') return;
    expect(headers.get('Access-Control-Allow-Methods')).toBe('POST, PATCH, DELETE, OPTIONS');
    for (const header of ['Authorization', 'Content-Type', 'If-Match', 'Record']) {
      expect(headers.get('Access-Control-Allow-Headers')).toContain(header);
    }
    expect(headers.get('Access-Control-Expose-Headers')).toContain('Location');
  });

  test('without WebRTC there is no WHIP', async () => {
    await rest.close();
    rest = await new Rest().start({ noWebRtc: true });
    expect((await offer('/whip/cam')).status).toBe(404);
  });
});

describe('the bearer token', () => {
  beforeEach(async () => {
    await rest.close();
    rest = await new Rest().start({ whipToken: 'sécret' });
  });
  const utf8 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

  test.each([
    [undefined, 'Bearer realm="whip"'],
    ['Basic c2VjcmV0', 'Bearer realm="whip"'],
    ['Bearer', 'Bearer realm="whip"'],
    ['Bearer secret', 'Bearer realm="whip", error="invalid_token"'],
    [utf8('Bearer sécretx'), 'Bearer realm="whip", error="invalid_token"'],
  ])('%j is refused', async (authorization, challenge) => {
    const headers: Record<string, string> =
      authorization === undefined ? {} : { Authorization: authorization };
    for (const response of [
      await offer('/whip/cam', { headers }),
      await call('DELETE', '/whip/cam/x', headers),
      await call('PATCH', '/whip/cam/x', headers),
    ]) {
      expect([response.status, response.headers.get('WWW-Authenticate')]).toEqual([401, challenge]);
      expect(await json(response)).toMatchObject({ code: 'UNAUTHORIZED' });
    }
    expect(rest.webrtc.offers).toEqual([]);
  });

  test('lets its bearer publish and end', async () => {
    const headers = { Authorization: utf8('bearer  sécret') };
    const location = await locationOf(offer('/whip/cam', { headers }));
    expect((await call('DELETE', location, headers)).status).toBe(200);
  });
});
