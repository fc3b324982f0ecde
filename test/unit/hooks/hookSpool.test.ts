import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FinishedPart } from '../../../src/domain/recording.ts';
import { HookSpool } from '../../../src/hooks/hookSpool.ts';
import { Home, part, recordingLog } from './support.ts';

let home: Home;
beforeEach(() => (home = new Home()));
afterEach(() => home.remove());

function newSpool(): HookSpool {
  return new HookSpool(home.spoolDir, recordingLog(home.lines));
}

test('runs survive a restart in their order, with every field, until they are removed', async () => {
  const parts: FinishedPart[] = Array.from({ length: 12 }, (_, i) =>
    part({ index: i + 1, streamName: `"ü\n${i}`, videoCodec: i % 2 === 0 ? undefined : 'vp8' }),
  );
  const first = newSpool();
  await first.open();
  const runs = parts.map((each) => first.next(each));
  await Promise.all(runs.map((run) => first.save(run)));
  await first.remove(runs[0]!);
  const second = newSpool();
  expect((await second.open()).map((run) => run.part)).toEqual(parts.slice(1));
  expect(second.next(part()).id).toBe('000000000013');
  expect(home.lines).toEqual([]);
});

const FAILED = {
  ...{ reason: 'exit code 75', exitCode: 75, signal: undefined, output: 'ü\n"' },
  ...{ tries: 2, triedAt: 1000, nextTryAt: 2000 as number | undefined },
};

test('what was tried for a run survives a restart', async () => {
  const first = newSpool();
  await first.open();
  const run = first.next(part());
  await first.save(run);
  await first.save({ ...run, failed: FAILED });
  expect(await newSpool().open()).toEqual([{ ...run, failed: FAILED }]);
});

test('a parked run is not owed, is kept over restarts, and is owed anew when it is asked for', async () => {
  const first = newSpool();
  await first.open();
  const run = { ...first.next(part({ index: 7 })), failed: { ...FAILED, nextTryAt: undefined } };
  await first.save(run);
  expect(await first.park(run, 10)).toEqual([]);
  const second = newSpool();
  expect(await second.open()).toEqual([]);
  // Its number stays its own.
  expect(second.next(part()).id).toBe('000000000002');
  expect(await second.parked(10)).toEqual([run]);
  for (const id of ['000000000009', '1', '../000000000001', ''])
    expect(await second.unpark(id)).toBeUndefined();
  const anew = { ...run, failed: undefined };
  // Asked for twice at once, it is owed once.
  const both = await Promise.all([second.unpark(run.id), second.unpark(run.id)]);
  expect(both.filter((each) => each !== undefined)).toEqual([anew]);
  expect(await second.parked(10)).toEqual([]);
  expect(await newSpool().open()).toEqual([anew]);
});

test('the oldest parked runs above the bound are dropped, damaged ones are set aside', async () => {
  const spool = newSpool();
  await spool.open();
  const dropped: string[] = [];
  for (const index of [1, 2, 3, 4, 5]) {
    const run = spool.next(part({ index }));
    await spool.save(run);
    dropped.push(...(await spool.park(run, 3)));
  }
  expect(dropped).toEqual(['000000000001', '000000000002']);
  writeFileSync(join(home.spoolDir, 'parked', '000000000003.json'), '{');
  expect((await spool.parked(2)).map((run) => run.part.index)).toEqual([4]);
  expect((await spool.parked(2)).map((run) => run.part.index)).toEqual([4, 5]);
  expect(home.lines.map((line) => line.message)).toEqual(['owed hook run is unreadable and set aside']);
});

test('a half-written file was never promised; it is swept', async () => {
  await newSpool().open();
  writeFileSync(join(home.spoolDir, '000000000007.json.tmp'), '{"recordingId":');
  expect(await newSpool().open()).toEqual([]);
  expect(home.spooled()).toEqual([]);
});

test.each([
  ['torn', '{"recordingId":"a","str'],
  ['empty', ''],
  ['not a part', '{"recordingId":"a"}'],
  ['of a wrong type', JSON.stringify({ ...part(), index: '1' })],
])('a file that is %s is set aside with a line, and the others run', async (_, text) => {
  const first = newSpool();
  await first.open();
  await first.save(first.next(part({ index: 1 })));
  writeFileSync(join(home.spoolDir, '000000000002.json'), text);
  const second = newSpool();
  expect((await second.open()).map((run) => run.part.index)).toEqual([1]);
  expect(home.spooled()).toEqual(['000000000001.json', '000000000002.json.bad']);
  expect(home.lines).toMatchObject([
    { level: 'error', message: 'owed hook run is unreadable and set aside' },
  ]);
  // The number is not given away again, or a later file set aside would replace this one.
  expect(second.next(part()).id).toBe('000000000003');
});

test('a write that fails is told to its caller and does not hold up the next one', async () => {
  const spool = newSpool();
  await spool.open();
  const big = {
    ...part(),
    toJSON: () => {
      throw new Error('no space');
    },
  };
  const failing = spool.save(spool.next(big));
  const next = spool.save(spool.next(part({ index: 5 })));
  await expect(failing).rejects.toThrow('no space');
  await next;
  expect((await newSpool().open()).map((run) => run.part.index)).toEqual([5]);
});

test('a full disk is told to the caller, leaves nothing behind, and later runs are saved again', async () => {
  const spool = newSpool();
  await spool.open();
  symlinkSync('/dev/full', join(home.spoolDir, '000000000001.json.tmp'));
  await expect(spool.save(spool.next(part()))).rejects.toMatchObject({ code: 'ENOSPC' });
  expect(home.spooled()).toEqual([]);
  await spool.save(spool.next(part({ index: 2 })));
  expect((await newSpool().open()).map((run) => run.part.index)).toEqual([2]);
});
