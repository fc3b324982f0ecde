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
  expect(second.next(part()).sequence).toBe(13);
  expect(home.lines).toEqual([]);
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
  expect(second.next(part()).sequence).toBe(3);
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
