import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ReportFilter } from '../../../src/domain/integrityReport.ts';
import { report } from '../reports/support.ts';
import { json, Rest } from './support.ts';

let rest: Rest;
let asked: [ReportFilter, number][];
beforeEach(async () => {
  rest = new Rest();
  asked = [];
  rest.reports = {
    find: (filter, limit) => {
      asked.push([filter, limit]);
      return Promise.resolve(filter.fileName === 'none.mp4' ? [] : [report(2), report(1)]);
    },
  };
  await rest.start();
});
afterEach(() => rest.close());

test('find_all answers reports as they are kept, by GET and POST, 100 unless another number is asked for', async () => {
  const expected = [report(2), report(1)];
  const all = await rest.get('/rest-api/reports/find_all');
  expect([all.status, await all.json()]).toEqual([200, expected]);
  expect(await json(await rest.post('/rest-api/reports/find_all', { limit: 7 }))).toEqual(expected);
  expect(asked).toEqual([
    [{}, 100],
    [{}, 7],
  ]);
});

test('find narrows by every field; null is as good as absent', async () => {
  const filter = { recordingId: 'r', partIndex: 2, mediaSessionId: 'm', fileName: 'f.mp4' };
  await rest.post('/rest-api/reports/find', filter);
  await rest.post('/rest-api/reports/find', { recordingId: null, fileName: 'g.mp4' });
  expect(asked).toEqual([
    [filter, 100],
    [{ fileName: 'g.mp4' }, 100],
  ]);
});

test('nothing found is 404, a wrong field 400 with its name', async () => {
  const none = await rest.post('/rest-api/reports/find', { fileName: 'none.mp4' });
  expect(none.status).toBe(404);
  expect(await json(none)).toMatchObject({ message: 'Integrity report not found' });
  const wrong = await rest.post('/rest-api/reports/find', { partIndex: 0, limit: 1001, fileName: 5 });
  expect(wrong.status).toBe(400);
  expect(await json(wrong)).toMatchObject({
    message:
      'partIndex: must be a whole number from 1 to 9007199254740991; fileName: must be a string; ' +
      'limit: must be a whole number from 1 to 1000',
  });
  expect(asked).toHaveLength(1);
});
