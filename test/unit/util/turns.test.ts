import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Turns } from '../../../src/util/turns.ts';

test('one job in each turn of the event loop, in order, each once', async () => {
  const turns = new Turns();
  const done: string[] = [];
  const [a, b, c] = ['a', 'b', 'c'].map((name) => () => void done.push(name)) as [
    () => void,
    () => void,
    () => void,
  ];
  for (const job of [a, b, c, b]) turns.take(job);
  expect(done).toEqual(['a']);
  await setImmediate();
  expect(done).toEqual(['a', 'b']);
  turns.take(a);
  await setImmediate();
  expect(done).toEqual(['a', 'b', 'c']);
  await setImmediate();
  await setImmediate();
  expect(done).toEqual(['a', 'b', 'c', 'a']);
  turns.take(b);
  expect(done.at(-1)).toBe('b');
});
