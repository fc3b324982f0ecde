import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { AsyncQueue } from '../../../src/util/asyncQueue.ts';
import { ErrorBudget } from '../../../src/util/errorBudget.ts';
import { Lifetime } from '../../../src/util/lifetime.ts';
import { LineSplitter } from '../../../src/util/lines.ts';
import { placeOf } from '../../../src/util/placeOf.ts';
import { Ticker } from '../../../src/util/ticker.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test('lines are the same however the bytes were cut', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.array(fc.nat(50)), (texts, cuts) => {
      const lines = texts.map((text) => text.replace(/[\r\n]/g, '')).filter((text) => text !== '');
      const seen: string[] = [];
      const splitter = new LineSplitter((line) => seen.push(line));
      let bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
      for (const cut of cuts) {
        splitter.write(bytes.subarray(0, cut));
        bytes = bytes.subarray(cut);
      }
      splitter.write(bytes);
      splitter.end();
      expect(seen).toEqual(lines);
    }),
  );
});

test('a line without an end does not grow without bound', () => {
  const seen: string[] = [];
  const splitter = new LineSplitter((line) => seen.push(line));
  for (let i = 0; i < 100; i++) splitter.write(Buffer.alloc(1000, 'x'));
  expect(seen.length).toBeGreaterThan(15);
  expect(Math.max(...seen.map((line) => line.length))).toBeLessThanOrEqual(4096);
});

test('a ticker calls each member once per interval and stops with the last one', () => {
  const ticker = new Ticker(100, 4);
  const calls = [0, 0, 0, 0, 0, 0];
  const leaves = calls.map((_, i) => ticker.add(() => calls[i]!++));
  vi.advanceTimersByTime(1000);
  expect(calls).toEqual([10, 10, 10, 10, 10, 10]);
  for (const leave of leaves) leave();
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(1000);
  expect(calls).toEqual([10, 10, 10, 10, 10, 10]);
});

test('a ticker that is hastened calls its members more often for a second', () => {
  const ticker = new Ticker(300);
  const calls = [0, 0];
  const leaves = calls.map((_, i) => ticker.add(() => calls[i]!++));
  ticker.hasten();
  vi.advanceTimersByTime(900);
  expect(calls).toEqual([30, 30]);
  vi.advanceTimersByTime(600);
  const before = [...calls];
  vi.advanceTimersByTime(3000);
  expect(calls.map((count, i) => count - before[i]!)).toEqual([10, 10]);
  for (const leave of leaves) leave();
  expect(vi.getTimerCount()).toBe(0);
});

test('many members are called in more phases, and again in fewer once they have left', () => {
  const timers = vi.spyOn(globalThis, 'setInterval');
  const ticker = new Ticker(300);
  let together = 0;
  let most = 0;
  const calls = Array.from({ length: 100 }, () => 0);
  const leaves = calls.map((_, i) =>
    ticker.add(() => {
      calls[i]!++;
      most = Math.max(most, ++together);
    }),
  );
  for (let i = 0; i < 3000; i++) {
    together = 0;
    vi.advanceTimersByTime(1);
  }
  expect(most).toBe(16);
  for (const count of calls) expect([9, 10, 11]).toContain(count);
  for (const leave of leaves) leave();
  expect(vi.getTimerCount()).toBe(0);
  ticker.add(() => undefined)();
  expect(timers.mock.lastCall?.[1]).toBe(150);
});

test('many members are not hastened: it would be more than a thousand calls a second', () => {
  const ticker = new Ticker(300);
  let calls = 0;
  const leaves = Array.from({ length: 400 }, () => ticker.add(() => calls++));
  ticker.hasten();
  vi.advanceTimersByTime(3000);
  expect(calls).toBe(4000);
  for (const leave of leaves) leave();
});

test('a queue gives its items in order and ends when it is closed', async () => {
  const queue = new AsyncQueue<number>();
  queue.push(1);
  const reader = (async () => {
    const seen: number[] = [];
    for await (const item of queue) seen.push(item);
    return seen;
  })();
  await Promise.resolve();
  queue.push(2);
  queue.close();
  queue.push(3);
  expect(await reader).toEqual([1, 2]);
});

test('closing runs newest first and hides no failure', async () => {
  const lifetime = new Lifetime();
  const order: number[] = [];
  lifetime.defer(() => order.push(1));
  lifetime.defer(() => {
    order.push(2);
    throw new Error('second');
  });
  await expect(lifetime.close()).rejects.toThrow('close failed');
  expect(order).toEqual([2, 1]);
  await lifetime.close();
  expect(order).toEqual([2, 1]);
});

test('an error budget forgets errors that are older than its window', () => {
  const budget = new ErrorBudget(2, 1000);
  expect([0, 10, 20].map((now) => budget.spend(now))).toEqual([true, true, false]);
  expect(budget.spend(5000)).toBe(true);
});

test('a place in a list in order is behind all that is smaller', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20)), fc.nat(21), (numbers, wanted) => {
      const sorted = numbers.toSorted((a, b) => a - b);
      const smaller = sorted.filter((each) => each < wanted).length;
      expect(placeOf(sorted, (each) => each < wanted)).toBe(smaller);
    }),
  );
});
