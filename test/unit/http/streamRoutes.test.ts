import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { json, Rest } from './support.ts';

let rest: Rest;
beforeEach(async () => {
  rest = await new Rest().start();
});
afterEach(() => rest.close());

async function names(response: Response): Promise<unknown[]> {
  expect(response.status).toBe(200);
  return ((await response.json()) as { name: unknown }[]).map(({ name }) => name);
}

describe('/rest-api/stream/find_all', () => {
  test('answers GET, POST with JSON and POST without a body alike', async () => {
    rest.publish('one');
    rest.publish('zwei ü 三');
    const all = ['one', 'zwei ü 三'];
    expect(await names(await rest.get('/rest-api/stream/find_all'))).toEqual(all);
    expect(await names(await rest.post('/rest-api/stream/find_all', {}))).toEqual(all);
    expect(await names(await rest.post('/rest-api/stream/find_all'))).toEqual(all);
  });

  test('answers 404 with an error body when nobody publishes', async () => {
    const response = await rest.get('/rest-api/stream/find_all');
    expect(response.status).toBe(404);
    expect(await json(response)).toEqual({
      exception: 'NotFoundException',
      reason: 'Stream not found',
      path: '/rest-api/stream/find_all',
      error: 'Not Found',
      message: 'Stream not found',
      timestamp: expect.any(Number) as number,
      status: 404,
      code: 'STREAM_NOT_FOUND',
    });
  });

  test('tells whether a stream is recorded and how the file is called', async () => {
    rest.recordings.start(rest.publish('one'), {});
    const [stream] = (await (await rest.get('/rest-api/stream/find_all')).json()) as Record<
      string,
      unknown
    >[];
    expect(stream).toMatchObject({
      record: true,
      recordName: 'one.mp4',
      streamInfo: { recordStarted: true },
    });
  });
});

describe('/rest-api/stream/find', () => {
  beforeEach(() => {
    rest.publish('one');
    rest.publish('two');
  });

  test.each([
    [{ name: 'two' }, ['two']],
    [{ mediaSessionId: 'id-of-one' }, ['one']],
    [{ mediaSessionId: 'id-of-one', name: 'one', published: true, status: 'PUBLISHING' }, ['one']],
    [{ published: 'true' }, ['one', 'two']],
    [{ mediaSessionId: null, name: 'one', display: ['metrics'], quality: 9 }, ['one']],
    [{}, ['one', 'two']],
  ])('%j finds %j', async (filter, found) => {
    expect(await names(await rest.post('/rest-api/stream/find', filter))).toEqual(found);
  });

  test.each([
    { name: 'three' },
    { mediaSessionId: 'id-of-one', name: 'two' },
    { published: false },
    { status: 'PLAYING' },
    { name: '' },
  ])('%j finds nothing: 404', async (filter) => {
    const response = await rest.post('/rest-api/stream/find', filter);
    expect(response.status).toBe(404);
    expect(await json(response)).toMatchObject({ code: 'STREAM_NOT_FOUND' });
  });

  test('needs no body', async () => {
    expect(await names(await rest.post('/rest-api/stream/find'))).toEqual(['one', 'two']);
  });

  test('names every field of a wrong type', async () => {
    const response = await rest.post('/rest-api/stream/find', { name: 7, published: 'maybe' });
    expect(response.status).toBe(400);
    expect(await json(response)).toMatchObject({
      code: 'BAD_REQUEST',
      exception: 'BadRequestException',
      message: 'name: must be a string; published: must be true or false',
    });
  });
});

describe('/rest-api/stream/terminate', () => {
  test('asks the publisher to end and answers 200 with an empty body', async () => {
    rest.publish('one');
    const response = await rest.post('/rest-api/stream/terminate', { mediaSessionId: 'id-of-one' });
    expect(response.status).toBe(200);
    expect(response.headers.get('Content-Length')).toBe('0');
    expect(await response.text()).toBe('');
    expect(rest.terminated).toEqual(['one: Stopped by rest /terminate']);
  });

  test('answers 404 for an unknown session', async () => {
    const response = await rest.post('/rest-api/stream/terminate', { mediaSessionId: 'nobody' });
    expect(response.status).toBe(404);
    expect(await json(response)).toMatchObject({ message: 'Stream not found: mediaSessionId nobody' });
  });

  test.each([
    [undefined, 'mediaSessionId: is required'],
    [{}, 'mediaSessionId: is required'],
    [{ mediaSessionId: '' }, 'mediaSessionId: must not be empty'],
    [{ mediaSessionId: 1e300 }, 'mediaSessionId: must be a string'],
    [{ mediaSessionId: null }, 'mediaSessionId: must be a string'],
    [['id-of-one'], 'body: must be a JSON object'],
  ])('answers 400 to %j', async (body, message) => {
    rest.publish('one');
    const response = await rest.post('/rest-api/stream/terminate', body);
    expect(response.status).toBe(400);
    expect(await json(response)).toMatchObject({ code: 'BAD_REQUEST', message });
    expect(rest.terminated).toEqual([]);
  });
});

describe('/rest-api/stream/snapshot', () => {
  test('answers the picture in BASE64', async () => {
    rest.publish('one');
    const response = await rest.post('/rest-api/stream/snapshot', { streamName: 'one' });
    expect([response.status, await response.json()]).toEqual([200, { data: 'cGljdHVyZSBvZiBvbmU=' }]);
  });

  test.each([
    [{ streamName: 'two' }, 404, 'STREAM_NOT_FOUND', 'Stream not found: name two'],
    [{}, 400, 'BAD_REQUEST', 'streamName: is required'],
    [{ streamName: 7 }, 400, 'BAD_REQUEST', 'streamName: must be a string'],
  ])('%j answers %i', async (body, status, code, message) => {
    rest.publish('one');
    const response = await rest.post('/rest-api/stream/snapshot', body);
    expect(response.status).toBe(status);
    expect(await json(response)).toMatchObject({ code, message });
  });

  test('a stream without a picture answers 500 SNAPSHOT_FAILED', async () => {
    rest.publish('one');
    rest.snapshots.hasPicture = false;
    const response = await rest.post('/rest-api/stream/snapshot', { streamName: 'one' });
    expect([response.status, await json(response)]).toMatchObject([500, { code: 'SNAPSHOT_FAILED' }]);
  });
});
