import { afterEach, beforeEach, expect, test } from 'vitest';
import { RecordHooks } from '../../../src/hooks/recordHooks.ts';
import { eventually } from '../../support/eventually.ts';
import { Home, part, recordingLog } from './support.ts';

let home: Home;
let hooks: RecordHooks;
/** What was told, and what the spool held at that moment. */
let told: [string, string, number][];

beforeEach(async () => {
  home = new Home();
  told = [];
  const options = {
    ...{
      script: 'hook.sh',
      homeDir: home.dir,
      spoolDir: home.spoolDir,
      timeoutMs: 20_000,
      killGraceMs: 5000,
    },
    ...{ parallel: 2, retries: 0, retryDelayMs: 10, retryMaxMs: 1000, retryExitCodes: [75], parkedMax: 100 },
    env: { PATH: process.env['PATH'] },
  };
  hooks = new RecordHooks(options, recordingLog(home.lines), ({ streamName }, end) =>
    Promise.resolve(void told.push([streamName, end, home.spooled().length])),
  );
  await hooks.start();
});
afterEach(async () => {
  await hooks.drain(0);
  await home.remove();
});

const nothingOwed = (): Promise<true> =>
  eventually(() => (hooks.owed() === 0 ? true : undefined), 'the end of every run');

test('an end is told before the spool forgets the run, and the states before that', async () => {
  home.script([`while [ ! -e '${home.dir}/go' ]; do sleep 0.02; done`, '[ "$1" != bad ]']);
  const [good, bad] = ['good', 'bad'].map((streamName) => part({ streamName }));
  await hooks.enqueue(good!);
  await hooks.enqueue(part({ streamName: 'good', index: 3 }));
  await hooks.enqueue(bad!);
  const wanted = {
    '2 of rec of good': 'running',
    '3 of rec of good': 'pending',
    '2 of rec of bad': 'running',
  };
  await eventually(
    () => ([...hooks.states().values()].filter((each) => each === 'running').length === 2 ? true : undefined),
    'two runs',
  );
  expect(Object.fromEntries(hooks.states())).toEqual(wanted);
  home.script(['exit 0'], 'go');
  await nothingOwed();
  expect(told.map(([name, end]) => `${name} ${end}`).sort()).toEqual([
    'bad parked',
    'good done',
    'good done',
  ]);
  for (const [, , spooled] of told) expect(spooled).toBeGreaterThan(0);
  expect(hooks.states().size).toBe(0);
});

test('once more: a run that ended is owed anew, a parked one is taken up, one that is owed stays one', async () => {
  home.script([`echo "$1" >> '${home.dir}/runs'`, `[ -e '${home.dir}/go' ]`]);
  const one = part({ streamName: 'one' });
  await hooks.enqueue(one);
  await nothingOwed();
  home.script(['exit 0'], 'go');
  // Asked for as soon as it is owed no more, though it may not be parked yet.
  await hooks.again(one);
  await nothingOwed();
  expect(home.parked()).toEqual([]);
  await Promise.all([hooks.again(one), hooks.again(part({ streamName: 'two' }))]);
  await nothingOwed();
  expect(home.read('runs').trim().split('\n').sort()).toEqual(['one', 'one', 'one', 'two']);
  expect(told.map(([, end]) => end)).toEqual(['parked', 'done', 'done', 'done']);
});
