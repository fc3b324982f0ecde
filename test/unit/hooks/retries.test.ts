import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RecordHooks } from '../../../src/hooks/recordHooks.ts';
import { eventually } from '../../support/eventually.ts';
import { Home, part } from './support.ts';

let home: Home;
beforeEach(() => (home = new Home()));
afterEach(() => home.remove());

const FAST = { retries: 3, retryDelayMs: 5, retryMaxMs: 20 };
/** A wait that no test sees the end of. */
const LONG = { retries: 3, retryDelayMs: 1_000_000, retryMaxMs: 1_000_000 };

/** Notes each run, then does `then`. */
function noting(...then: readonly string[]): void {
  home.script(['echo "$1 $RECORD_PART_INDEX" >> ../runs', ...then]);
}

function runs(): string[] {
  return home.exists('runs') ? home.read('runs').trim().split('\n') : [];
}

function messages(): string[] {
  return home.lines.map((line) => line.message);
}

/** Waits until `count` lines say that a run is parked. */
async function untilParked(count: number): Promise<void> {
  const parked = (): number => messages().filter((line) => line === 'record hook run is parked').length;
  await eventually(() => (parked() >= count ? true : undefined), `${count} parked runs`);
}

async function untilDone(hooks: RecordHooks): Promise<void> {
  await eventually(() => (hooks.owed() === 0 ? true : undefined), 'no run is owed');
}

/** Waits until the run of this id waits for its next try. */
async function untilRetrying(hooks: RecordHooks, id: string): Promise<void> {
  await eventually(async () => {
    const run = (await hooks.list()).find((each) => each.id === id);
    return run?.state === 'retrying' ? true : undefined;
  }, `${id} is tried again later`);
}

describe('a run is tried again', () => {
  test.each([
    ['asks for it by its exit code', ['exit 75'], {}, { exitCode: 75, reason: 'exit code 75' }],
    ['ends with any code, where all count', ['exit 1'], { retryExitCodes: 'all' }, { exitCode: 1 }],
    ['is killed', ['kill -KILL $$'], {}, { exitCode: undefined, signal: 'SIGKILL' }],
    ['hangs', ['sleep 1000'], { timeoutMs: 150 }, { reason: 'ended by its time limit of 0.15 s' }],
    ['hangs and then ends in order', ['trap "exit 0" TERM', 'sleep 1000 & wait'], { timeoutMs: 150 }, {}],
  ] as const)(
    'when its script %s: in all 1 + retries times, then it is parked',
    async (_, then, options, failed) => {
      noting('echo no luck', ...then);
      const hooks = await home.hooks({ ...FAST, ...options });
      await hooks.enqueue(part());
      await untilParked(1);
      expect(runs()).toEqual(Array(4).fill('stream 2'));
      expect(await hooks.list()).toMatchObject([
        { id: '000000000001', state: 'parked', failed: { ...failed, tries: 4, output: 'no luck\n' } },
      ]);
      expect([hooks.owed(), home.spooled(), home.parked()]).toEqual([0, [], ['000000000001']]);
    },
  );

  test('when its script is missing, until it is there', async () => {
    const hooks = await home.hooks({ ...FAST, retries: 1000 });
    await hooks.enqueue(part());
    await eventually(() => (messages().includes('record hook is tried again') ? true : undefined), 'a try');
    noting();
    await untilDone(hooks);
    expect([runs(), home.spooled(), home.parked()]).toEqual([['stream 2'], [], []]);
  });

  test('and is over with the first success', async () => {
    noting('[ "$(wc -l < ../runs)" -ge 3 ] || exit 75');
    const hooks = await home.hooks(FAST);
    await hooks.enqueue(part());
    await untilDone(hooks);
    expect(runs()).toHaveLength(3);
    expect([home.spooled(), home.parked(), await hooks.list()]).toEqual([[], [], []]);
  });

  test('but not when its script came to an end of its own with another code: scripts of WCS may', async () => {
    noting('[ -n "$NOTHING" ] && echo no');
    const hooks = await home.hooks(FAST);
    await hooks.enqueue(part());
    await untilParked(1);
    expect(runs()).toEqual(['stream 2']);
  });
});

test('each state that a run takes is counted as a change', async () => {
  noting('test $(wc -l < ../runs) -ge 2 || exit 75');
  const hooks = await home.hooks(FAST);
  await hooks.enqueue(part());
  await untilDone(hooks);
  // Owed, then two tries with a beginning and an end each.
  await eventually(() => (hooks.counts.changes === 5 ? true : undefined), 'five changes');
});

test('the later parts of a stream wait for the tries of an earlier one, other streams go on', async () => {
  noting('[ "$1 $RECORD_PART_INDEX" != "a 1" ] || [ -e ../go ] || exit 75');
  const hooks = await home.hooks({ ...FAST, retries: 100_000, parallel: 1 });
  for (const index of [1, 2, 3]) await hooks.enqueue(part({ streamName: 'a', index }));
  for (const index of [1, 2]) await hooks.enqueue(part({ streamName: 'b', index }));
  await eventually(() => (runs().includes('b 2') ? true : undefined), 'the runs of b');
  expect(runs().filter((run) => run === 'a 2')).toEqual([]);
  expect((await hooks.list()).filter(({ state }) => state === 'waiting')).toHaveLength(2);
  writeFileSync(join(home.dir, 'go'), '');
  await untilDone(hooks);
  expect(runs().slice(-3)).toEqual(['a 1', 'a 2', 'a 3']);
  expect(runs().filter((run) => run.startsWith('b'))).toEqual(['b 1', 'b 2']);
});

test('after the last try the next part of the stream has its turn', async () => {
  noting('[ $RECORD_PART_INDEX = 2 ] || exit 75');
  const hooks = await home.hooks({ ...FAST, retries: 1 });
  for (const index of [1, 2, 3]) await hooks.enqueue(part({ index }));
  await untilParked(2);
  expect(runs()).toEqual(['stream 1', 'stream 1', 'stream 2', 'stream 3', 'stream 3']);
  expect((await hooks.list()).map((run) => run.part.index)).toEqual([1, 3]);
});

describe('across restarts', () => {
  test('the tries so far count, and the wait goes on', async () => {
    noting('exit 75');
    const first = await home.hooks(LONG);
    for (const index of [1, 2]) await first.enqueue(part({ index }));
    await untilRetrying(first, '000000000001');
    // Nobody waits for a try that is far away.
    const began = performance.now();
    await first.drain(20_000);
    expect(performance.now() - began).toBeLessThan(10_000);
    const second = await home.hooks(LONG);
    await second.enqueue(part({ streamName: 'other' }));
    await untilRetrying(second, '000000000003');
    expect(runs()).toEqual(['stream 1', 'other 2']);
    expect(await second.list()).toMatchObject([
      { id: '000000000001', state: 'retrying', failed: { tries: 1, exitCode: 75 } },
      { id: '000000000002', state: 'waiting', failed: undefined },
      { id: '000000000003', state: 'retrying' },
    ]);
    await second.drain(0);
    // A clock that went wrong meanwhile cannot put it off any further than the settings do.
    const third = await home.hooks(FAST);
    await untilParked(3);
    expect(runs().filter((run) => run === 'stream 1')).toHaveLength(4);
    expect(third.owed()).toBe(0);
  });

  test('parked runs stay parked, are told at the start, and can be run again', async () => {
    noting('exit 1');
    const first = await home.hooks();
    await first.enqueue(part());
    await untilParked(1);
    await first.drain(0);
    home.lines.length = 0;
    noting();
    const second = await home.hooks();
    expect(home.lines).toMatchObject([
      { level: 'warn', message: 'record hook runs are parked', fields: { parked: 1 } },
    ]);
    await second.run('000000000001');
    await untilDone(second);
    expect(runs()).toHaveLength(2);
    expect(home.parked()).toEqual([]);
  });

  test('a run that was asked for anew and not begun is owed anew, with all its tries', async () => {
    noting('exit 75');
    const first = await home.hooks(FAST);
    await first.enqueue(part());
    await untilParked(1);
    await first.drain(0);
    await first.run('000000000001');
    expect(home.spooled()).toEqual(['000000000001.json']);
    const second = await home.hooks(FAST);
    await untilParked(2);
    expect(runs()).toHaveLength(8);
    expect(second.owed()).toBe(0);
  });
});

describe('run', () => {
  test('without an id takes up all that is parked, in order, and what waits for its next try', async () => {
    noting('[ -e ../go ] || exit $(( RECORD_PART_INDEX == 9 ? 75 : 1 ))');
    const hooks = await home.hooks(LONG);
    for (const index of [1, 2, 3]) await hooks.enqueue(part({ index }));
    await hooks.enqueue(part({ streamName: 'later', index: 9 }));
    await untilParked(3);
    await untilRetrying(hooks, '000000000004');
    writeFileSync(join(home.dir, 'go'), '');
    await hooks.run(undefined);
    await untilDone(hooks);
    expect(
      runs()
        .slice(4)
        .filter((run) => run !== 'later 9'),
    ).toEqual(['stream 1', 'stream 2', 'stream 3']);
    expect(runs().filter((run) => run === 'later 9')).toHaveLength(2);
    await expect(hooks.run(undefined)).rejects.toMatchObject({ code: 'HOOK_NOT_FOUND' });
  });

  test.each(['000000000099', '../secret', '', '1'])('does not know %j', async (id) => {
    const hooks = await home.hooks();
    await expect(hooks.run(id)).rejects.toMatchObject({ code: 'HOOK_NOT_FOUND' });
  });

  test('knows nothing while there is no script', async () => {
    const hooks = await home.hooks({ script: '' });
    expect(await hooks.list()).toEqual([]);
    await expect(hooks.run(undefined)).rejects.toMatchObject({ code: 'HOOK_NOT_FOUND' });
  });
});

test('too many parked runs: the oldest are dropped and named', async () => {
  noting('exit 1');
  const hooks = await home.hooks({ parkedMax: 2 });
  for (const index of [1, 2, 3]) await hooks.enqueue(part({ index }));
  await untilParked(3);
  await eventually(() => (home.lines.length >= 7 ? true : undefined), 'the last line');
  expect(home.parked()).toEqual(['000000000002', '000000000003']);
  const message = 'parked hook runs are too many, the oldest are dropped';
  expect(home.lines.at(-1)).toMatchObject({ level: 'error', message, fields: { ids: ['000000000001'] } });
});

test('a part that an earlier process handed over is not owed twice', async () => {
  noting();
  const first = await home.hooks();
  await first.drain(0);
  await first.enqueue(part({ index: 1 }));
  const second = await home.hooks();
  // As recovery does: it may not know that the run was handed over, and has ended well by now.
  await untilDone(second);
  for (const index of [1, 2]) await second.enqueue(part({ index }));
  await untilDone(second);
  expect(runs()).toEqual(['stream 1', 'stream 2']);
});

test('a spool that is gone: the tries go on all the same', async () => {
  noting('[ "$(wc -l < ../runs)" -ge 2 ] || { rm -r ../state; exit 75; }');
  const hooks = await home.hooks(FAST);
  await hooks.enqueue(part());
  await untilDone(hooks);
  expect(runs()).toHaveLength(2);
  expect(messages()).toContain('record hook run cannot be saved, a restart would lose its tries');
});
