import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { Home, part } from '../hooks/support.ts';
import { json, Rest } from './support.ts';

let home: Home;
let rest: Rest;
beforeEach(() => {
  home = new Home();
  rest = new Rest();
});
afterEach(async () => {
  await rest.close();
  await home.remove();
});

/** A server whose script fails until `go` exists, with one parked run and one that waits for its next try. */
async function startWithFailures(): Promise<void> {
  home.script(['echo out of order', '[ -e ../go ] || exit $(( RECORD_PART_INDEX == 1 ? 1 : 75 ))']);
  const hooks = await home.hooks({ retries: 1, retryDelayMs: 1_000_000, retryMaxMs: 1_000_000 });
  rest.hooks = hooks;
  await rest.start();
  const path = '/records/a b.mp4';
  for (const index of [1, 2]) await hooks.enqueue(part({ streamName: `s${index}`, path, index }));
  const hasState = (line: string): boolean => home.lines.some(({ message }) => message === line);
  await eventually(
    () =>
      hasState('record hook run is parked') && hasState('record hook is tried again') ? true : undefined,
    'both failures',
  );
}

async function found(method: 'get' | 'post' = 'post'): Promise<Record<string, unknown>[]> {
  const response = await rest[method]('/rest-api/hooks/find_all');
  return response.status === 404 ? [] : ((await response.json()) as Record<string, unknown>[]);
}

test('find_all tells what is owed and how its last try went, by GET and POST', async () => {
  await startWithFailures();
  const runs = await found();
  expect(await found('get')).toEqual(runs);
  const common = {
    mediaSessionId: part().mediaSessionId,
    fileName: 'a b.mp4',
    tries: 1,
    signal: null,
    output: 'out of order\n',
    lastTry: expect.any(Number) as number,
  };
  expect(runs).toEqual([
    {
      ...common,
      id: '000000000001',
      state: 'parked',
      streamName: 's1',
      recordingId: 'rec of s1',
      partIndex: 1,
      ...{ exitCode: 1, reason: 'exit code 1', nextTry: null },
    },
    {
      ...common,
      id: '000000000002',
      state: 'retrying',
      streamName: 's2',
      recordingId: 'rec of s2',
      partIndex: 2,
      ...{ exitCode: 75, reason: 'exit code 75', nextTry: (runs[1]?.['lastTry'] as number) + 1_000_000 },
    },
  ]);
});

test.each([
  ['{}', {}, []],
  ['no body', undefined, []],
  ['null', { id: null }, []],
  ['the id of the parked one', { id: '000000000001' }, ['000000000002']],
  ['the id of the one that waits', { id: '000000000002' }, ['000000000001']],
])('run with %s runs what it names', async (_, body, left) => {
  await startWithFailures();
  writeFileSync(join(home.dir, 'go'), '');
  const response = await rest.post('/rest-api/hooks/run', body);
  expect([response.status, await response.text()]).toEqual([200, '']);
  await eventually(async () => ((await found()).length === left.length ? true : undefined), 'the runs');
  expect((await found()).map(({ id }) => id)).toEqual(left);
});

test.each([
  ['find_all', undefined, { status: 404, code: 'HOOK_NOT_FOUND', message: 'Hook run not found' }],
  ['run', {}, { status: 404, code: 'HOOK_NOT_FOUND', message: 'Hook run not found' }],
  ['run', { id: '../e' }, { status: 404, code: 'HOOK_NOT_FOUND', message: 'Hook run not found: id ../e' }],
  ['run', { id: 7 }, { status: 400, code: 'BAD_REQUEST', message: 'id: must be a string' }],
  ['run', { id: '' }, { status: 400, code: 'BAD_REQUEST', message: 'id: must not be empty' }],
])('/rest-api/hooks/%s with %j answers %j', async (call, body, answer) => {
  home.script(['#!/bin/sh']);
  rest.hooks = await home.hooks();
  await rest.start();
  const response = await rest.post(`/rest-api/hooks/${call}`, body);
  expect(response.status).toBe(answer.status);
  expect(await json(response)).toMatchObject(answer);
});
