import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { json, Rest } from './support.ts';

const FIRST = '/192.168.1.102:31049/192.168.1.101:1935';
const SECOND = '/192.168.1.103:31050/192.168.1.101:1935';

let rest: Rest;
beforeEach(async () => {
  rest = await new Rest().start();
  rest.connection(FIRST);
  rest.connection(SECOND, 'otherApp');
});
afterEach(() => rest.close());

async function sessionIds(response: Response): Promise<unknown[]> {
  expect(response.status).toBe(200);
  return ((await response.json()) as { sessionId: unknown }[]).map(({ sessionId }) => sessionId);
}

describe('/rest-api/connection/find_all', () => {
  test('lists every connection, by GET and POST', async () => {
    expect(await sessionIds(await rest.get('/rest-api/connection/find_all'))).toEqual([FIRST, SECOND]);
    expect(await sessionIds(await rest.post('/rest-api/connection/find_all'))).toEqual([FIRST, SECOND]);
  });

  test('shows the documented fields', async () => {
    const [first] = (await (await rest.get('/rest-api/connection/find_all')).json()) as unknown[];
    expect(first).toEqual({
      custom: { connectParam: '1' },
      nodeId: null,
      appKey: 'flashStreamingApp',
      sessionId: FIRST,
      sipRegisterRequired: false,
      sipLogin: 'rQq83sodiCPY0pJXCxGO',
      sipAuthenticationName: null,
      sipPassword: null,
      sipVisibleName: null,
      sipDomain: null,
      sipOutboundProxy: null,
      sipPort: 0,
      sipContactParams: null,
      width: 0,
      height: 0,
      supportedResolutions: '0x0',
      useProxy: true,
      useDTLS: true,
      useWsTunnel: false,
      mediaProviders: ['Flash'],
      clientVersion: null,
      createDate: 2_000,
    });
  });
});

describe('/rest-api/connection/find', () => {
  test.each([
    [{ sessionId: SECOND }, [SECOND]],
    [{ appKey: 'flashStreamingApp' }, [FIRST]],
    [{}, [FIRST, SECOND]],
  ])('%j finds %j', async (filter, found) => {
    expect(await sessionIds(await rest.post('/rest-api/connection/find', filter))).toEqual(found);
  });

  test.each([{ clientVersion: '2.0' }, { sessionId: FIRST, appKey: 'otherApp' }])(
    '%j finds nothing: 404',
    async (filter) => {
      const response = await rest.post('/rest-api/connection/find', filter);
      expect([response.status, (await json(response))['code']]).toEqual([404, 'CONNECTION_NOT_FOUND']);
    },
  );
});

test('a Web SDK session shows its client version and media providers, and is found by the version', async () => {
  const [first] = rest.connections.all();
  const sessionId = '/192.168.1.104:31051/192.168.1.101:8080';
  rest.connections.add({
    ...first!,
    sessionId,
    mediaProvider: 'WebRTC',
    clientVersion: '2.0',
    mediaProviders: ['WebRTC', 'MSE'],
  });
  const found = await rest.post('/rest-api/connection/find', { clientVersion: '2.0' });
  expect(await found.json()).toMatchObject([
    { sessionId, clientVersion: '2.0', mediaProviders: ['WebRTC', 'MSE'] },
  ]);
});

describe('/rest-api/connection/terminate', () => {
  test('ends that connection only', async () => {
    const response = await rest.post('/rest-api/connection/terminate', { sessionId: SECOND });
    expect([response.status, await response.text()]).toEqual([200, '']);
    expect(rest.terminated).toEqual([`${SECOND}: Stopped by rest /terminate`]);
  });

  test('answers 404 for an unknown and 400 for a missing session', async () => {
    const unknown = await rest.post('/rest-api/connection/terminate', { sessionId: 'x' });
    expect([unknown.status, (await json(unknown))['message']]).toEqual([
      404,
      'Connection not found: sessionId x',
    ]);
    const missing = await rest.post('/rest-api/connection/terminate', {});
    expect([missing.status, (await json(missing))['message']]).toEqual([400, 'sessionId: is required']);
  });
});
