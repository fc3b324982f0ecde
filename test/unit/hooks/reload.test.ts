import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { Home, part } from './support.ts';

let home: Home;
beforeEach(() => (home = new Home()));
afterEach(() => home.remove());

const NOTES = ['#!/bin/sh', 'echo "$1" >> ../runs'];
const runs = (): string[] => (home.exists('runs') ? home.read('runs').trim().split('\n') : []);
const untilRuns = (count: number): Promise<string[]> =>
  eventually(() => (runs().length >= count ? runs() : undefined), `${count} runs`);

test('what is owed while the script is taken away waits for the next one', async () => {
  home.script(['#!/bin/sh', 'touch ../began', 'until [ -e ../go ]; do sleep 0.02; done', ...NOTES.slice(1)]);
  home.script(NOTES, 'scripts/other.sh');
  const options = home.options();
  const hooks = await home.hooks();
  await hooks.enqueue(part({ streamName: 'a', index: 1 }));
  await hooks.enqueue(part({ streamName: 'a', index: 2 }));
  await eventually(() => (home.exists('began') ? true : undefined), 'the first run');
  await hooks.use({ ...options, script: '' });
  await hooks.enqueue(part({ streamName: 'unwanted' }));
  home.script([], 'go');
  await untilRuns(1);
  await eventually(() => (hooks.owed() === 1 ? true : undefined), 'the end of the first run');
  expect(await hooks.list()).toEqual([]);
  await hooks.use({ ...options, script: 'other.sh' });
  await untilRuns(2);
  await hooks.drain(20_000);
  expect(runs()).toEqual(['a', 'a']);
  expect(home.spooled()).toEqual([]);
});

test('a script that comes with a reload gets what an earlier process owed', async () => {
  home.script(['#!/bin/sh', 'sleep 60']);
  const earlier = await home.hooks();
  await earlier.enqueue(part({ streamName: 'left' }));
  await earlier.drain(0);
  home.script(NOTES);
  const hooks = await home.hooks({ script: '' });
  await hooks.enqueue(part({ streamName: 'unwanted' }));
  await hooks.use(home.options());
  await untilRuns(1);
  await hooks.enqueue(part({ streamName: 'new' }));
  await hooks.drain(20_000);
  expect(runs()).toEqual(['left', 'new']);
});
