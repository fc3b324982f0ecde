import { afterEach, beforeEach, expect, test } from 'vitest';
import { RecorderdError } from '../../../src/domain/errors.ts';
import type { CatalogueQuery } from '../../../src/domain/catalogue.ts';
import { file } from '../catalogue/support.ts';
import { EMPTY_CATALOGUE, json, NO_EXPORTS, NO_IMPORTS, Rest } from './support.ts';

let rest: Rest;
let asked: CatalogueQuery[];
let called: unknown[];
beforeEach(async () => {
  rest = new Rest();
  asked = [];
  called = [];
  rest.catalogue = {
    ...EMPTY_CATALOGUE,
    find: (query) => {
      asked.push(query);
      return { total: query.streamName === 'none' ? 0 : 7, offset: query.offset, recordings: [] };
    },
    delete: (...args) => Promise.resolve(called.push(args)),
    runHook: (...args) => Promise.resolve(void called.push(args)),
  };
  const planned = [{ file: file({ bytes: 5 }), reason: 'age' as const, pattern: '*' }];
  rest.exports = { ...NO_EXPORTS };
  rest.imports = { ...NO_IMPORTS };
  rest.retention = { dryRun: false, plan: () => Promise.resolve(planned), run: () => Promise.resolve([]) };
  await rest.start();
});
afterEach(() => rest.close());

const DEFAULTS = { sort: 'startedAt', order: 'desc', offset: 0, limit: 100 };

test('find_all lists the newest 100, find what every field narrows; null is as good as absent', async () => {
  const all = await rest.get('/rest-api/catalogue/find_all');
  expect([all.status, await all.json()]).toEqual([200, { total: 7, offset: 0, recordings: [] }]);
  const filter = {
    ...{ recordingId: 'r', mediaSessionId: 'm', streamName: 's', fileName: 'f', state: 'done' },
    ...{ fileState: 'gone', hookState: 'parked', sort: 'bytes', order: 'asc', offset: 3, limit: 4 },
  };
  await rest.post('/rest-api/catalogue/find', {
    ...filter,
    from: '2026-11-28T12:00:00Z',
    to: 1_795_867_200_000,
  });
  await rest.post('/rest-api/catalogue/find', { streamName: null, from: null, offset: 2 });
  expect(asked).toEqual([
    DEFAULTS,
    { ...filter, from: Date.UTC(2026, 10, 28, 12), to: 1_795_867_200_000 },
    { ...DEFAULTS, offset: 2 },
  ]);
});

test('nothing found is 404, an empty page of something is not', async () => {
  const none = await rest.post('/rest-api/catalogue/find', { streamName: 'none' });
  expect([none.status, await json(none)]).toMatchObject([404, { code: 'RECORDING_NOT_FOUND' }]);
  expect((await rest.post('/rest-api/catalogue/find', { offset: 1000 })).status).toBe(200);
  expect((await rest.post('/rest-api/catalogue/recording', { recordingId: 'r' })).status).toBe(404);
});

test('wrong fields are named', async () => {
  const wrong = { from: 'yesterday', state: 'running', sort: 'size', offset: -1, limit: 0 };
  const answer = await rest.post('/rest-api/catalogue/find', wrong);
  expect(answer.status).toBe(400);
  expect(await json(answer)).toMatchObject({
    message:
      'from: must be milliseconds since 1970 or an ISO 8601 time; state: must be one of recording, done; ' +
      'sort: must be one of startedAt, endedAt, durationMs, bytes, streamName; offset: must be a whole number from 0; ' +
      'limit: must be a whole number from 1 to 1000',
  });
  for (const path of ['recording', 'delete', 'run_hook'])
    expect((await rest.post(`/rest-api/catalogue/${path}`, {})).status).toBe(400);
});

test('delete and run_hook pass on what they were told', async () => {
  const deleted = await rest.post('/rest-api/catalogue/delete', { recordingId: 'r' });
  expect(await json(deleted)).toEqual({ deleted: 1 });
  await rest.post('/rest-api/catalogue/delete', { recordingId: 'r', partIndex: 2, force: 'true' });
  const run = await rest.post('/rest-api/catalogue/run_hook', { recordingId: 'r', partIndex: 3 });
  expect([run.status, await run.text()]).toEqual([200, '']);
  expect(called).toEqual([
    ['r', undefined, false],
    ['r', 2, true],
    ['r', 3],
  ]);
});

test('an import takes all files, or those of a pattern, and may be tried', async () => {
  const asked: unknown[] = [];
  rest.imports.run = (...args) => {
    asked.push(args);
    return NO_IMPORTS.run(...args);
  };
  const all = await rest.post('/rest-api/catalogue/import');
  expect([all.status, await json(all)]).toEqual([
    200,
    { dryRun: false, imported: 0, bytes: 0, files: [], passedOverTotal: 0, passedOver: [] },
  ]);
  await rest.post('/rest-api/catalogue/import', { fileName: 'cam*', dryRun: true });
  expect(asked).toEqual([
    ['*', false],
    ['cam*', true],
  ]);
});

test('retention: the plan is always a dry run, and that nothing is deleted is an answer', async () => {
  const plan = await rest.get('/rest-api/catalogue/retention/plan');
  expect(await plan.json()).toMatchObject({
    dryRun: true,
    bytes: 5,
    files: [{ fileName: 'cam.mp4', reason: 'age' }],
  });
  const run = await rest.post('/rest-api/catalogue/retention/run', {});
  expect([run.status, await json(run)]).toEqual([200, { dryRun: false, bytes: 0, files: [] }]);
  expect((await rest.get('/rest-api/catalogue/retention/run')).status).toBe(405);
});

test('an export names a recording, or a stream and a time; a player names its segment', async () => {
  const asked: unknown[] = [];
  rest.exports.join = (selection) => {
    asked.push(selection);
    return Promise.reject(new RecorderdError('FILE_NOT_FOUND', 'cam.mp4 is moved'));
  };
  const statusOf = async (path: string): Promise<number> =>
    (await rest.get(`/rest-api/catalogue/${path}`)).status;
  expect(await statusOf('export?recordingId=r&from=5')).toBe(404);
  expect(await statusOf('export?streamName=s%2F1&from=0&to=1970-01-01T00:00:01Z')).toBe(404);
  expect(asked).toEqual([
    { recordingId: 'r', from: 5 },
    { streamName: 's/1', from: 0, to: 1000 },
  ]);
  const wrong = [
    'export',
    'export?streamName=s&from=0',
    'export?recordingId=a&recordingId=b',
    'export?recordingId=',
  ];
  for (const path of [
    ...wrong,
    'playlist.m3u8',
    'segment.ts?recordingId=r',
    'segment.ts?recordingId=r&partIndex=0',
  ])
    expect([path, await statusOf(path)]).toEqual([path, 400]);
  expect(await statusOf('playlist.m3u8?recordingId=r')).toBe(404);
  expect(await statusOf('segment.ts?recordingId=r&partIndex=1')).toBe(404);
});
