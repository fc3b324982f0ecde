import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { json, Rest } from './support.ts';

let rest: Rest;
beforeEach(async () => {
  rest = await new Rest().start();
  rest.publish('one', 'id');
});
afterEach(() => rest.close());

async function expectEmpty200(response: Response): Promise<void> {
  expect([response.status, response.headers.get('Content-Length'), await response.text()]).toEqual([
    200,
    '0',
    '',
  ]);
}

const optionsOfStart = () => rest.recordings.starts.map(({ options }) => options);

describe.each(['/rest-api/stream/startRecording', '/rest-api/recorder/startup'])('%s', (path) => {
  test('starts with the settings of the server', async () => {
    await expectEmpty200(await rest.post(path, { mediaSessionId: 'id' }));
    expect(rest.recordings.starts).toEqual([{ stream: rest.streams.byName('one'), options: {} }]);
  });

  test.each([
    [
      { fileName: 'recordStream.mp4', force: 'true' },
      { fileName: 'recordStream.mp4', overwrite: true },
    ],
    [{ fileName: 'übung' }, { fileName: 'übung' }],
    [
      { fileName: 'a', force: false },
      { fileName: 'a', overwrite: false },
    ],
    [{ fileName: null, force: null, config: null, whatever: 1 }, {}],
    [{ config: {} }, {}],
    [
      { config: { fileTemplate: '{streamName}-{endTime}', rotation: '20M', more: [] } },
      { template: '{streamName}-{endTime}', rotation: { kind: 'size', bytes: 20_971_520 } },
    ],
    [{ config: { rotation: 20 } }, { rotation: { kind: 'time', seconds: 20 } }],
    [{ config: { rotation: '20' } }, { rotation: { kind: 'time', seconds: 20 } }],
    [{ config: { rotation: 0 } }, { rotation: { kind: 'none' } }],
    [{ config: { rotation: '0' } }, { rotation: { kind: 'none' } }],
    [{ config: { rotation: false } }, { rotation: { kind: 'none' } }],
    [{ config: { rotation: null } }, {}],
  ])('%j starts with %j', async (fields, options) => {
    await expectEmpty200(await rest.post(path, { mediaSessionId: 'id', ...fields }));
    expect(optionsOfStart()).toEqual([options]);
  });

  test.each([
    [{ fileName: 5 }, 'fileName: must be a string'],
    [{ fileName: '' }, 'fileName: must not be empty'],
    [{ force: 'yes' }, 'force: must be true or false'],
    [{ config: 'x' }, 'config: must be an object'],
    [{ config: { fileTemplate: 1 } }, 'config.fileTemplate: must be a string'],
    [{ config: { rotation: {} } }, 'config.rotation: must be a string, a number or false'],
    [{ config: { rotation: true } }, 'config.rotation: must be a string, a number or false'],
    [{ config: { rotation: '20G' } }, 'config.rotation: a rotation is a number of seconds'],
    [{ config: { rotation: -5 } }, 'config.rotation: a rotation is a number of seconds'],
    [{ config: { rotation: 1e300 } }, 'config.rotation: a rotation is a number of seconds'],
  ])('%j answers 400', async (fields, message) => {
    const response = await rest.post(path, { mediaSessionId: 'id', ...fields });
    expect(response.status).toBe(400);
    expect((await json(response))['message']).toContain(message);
    expect(rest.recordings.starts).toEqual([]);
  });

  test('answers 404 for an unknown session and 503 while the server drains', async () => {
    const unknown = await rest.post(path, { mediaSessionId: 'nobody' });
    expect([unknown.status, (await json(unknown))['code']]).toEqual([404, 'STREAM_NOT_FOUND']);
    rest.recordings.draining = true;
    const draining = await rest.post(path, { mediaSessionId: 'id' });
    expect([draining.status, (await json(draining))['code']]).toEqual([503, 'SHUTTING_DOWN']);
    expect(rest.log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe.each(['/rest-api/stream/stopRecording', '/rest-api/recorder/terminate'])('%s', (path) => {
  test('stops once, then there is nothing to stop', async () => {
    await rest.post('/rest-api/recorder/startup', { mediaSessionId: 'id' });
    await expectEmpty200(await rest.post(path, { mediaSessionId: 'id' }));
    expect(rest.recordings.list()).toEqual([]);
    const again = await rest.post(path, { mediaSessionId: 'id' });
    expect([again.status, (await json(again))['code']]).toEqual([404, 'RECORDING_NOT_FOUND']);
  });

  test('answers 400 without mediaSessionId', async () => {
    const response = await rest.post(path, { mediaSession: 'id' });
    expect([response.status, (await json(response))['message']]).toEqual([
      400,
      'mediaSessionId: is required',
    ]);
  });
});

describe('/rest-api/recorder/find_all', () => {
  test('lists exactly fileName and mediaSessionId, by GET and POST', async () => {
    await rest.post('/rest-api/recorder/startup', {
      mediaSessionId: 'id',
      config: { fileTemplate: 'a-{endTime}' },
    });
    const list = [{ fileName: 'a-{endTime}.mp4', mediaSessionId: 'id' }];
    expect(await (await rest.get('/rest-api/recorder/find_all')).json()).toEqual(list);
    expect(await (await rest.post('/rest-api/recorder/find_all')).json()).toEqual(list);
  });

  test('answers 404 when nothing is recorded', async () => {
    const response = await rest.get('/rest-api/recorder/find_all');
    expect([response.status, (await json(response))['code']]).toEqual([404, 'RECORDING_NOT_FOUND']);
  });
});
