import { expect, test } from 'vitest';
import { Slots } from '../../../src/util/slots.ts';

/** A job that ends when it is told to. */
function job() {
  let end: (error?: Error) => void = () => undefined;
  const done = new Promise<void>((resolve, reject) => {
    end = (error) => (error === undefined ? resolve() : reject(error));
  });
  return { run: () => done, end };
}

test('jobs run in the order of the calls, as many at once as allowed, after a failed one too', async () => {
  const slots = new Slots(2, 1);
  const started: string[] = [];
  const jobs = { a: job(), b: job(), c: job() };
  const start = (name: keyof typeof jobs) =>
    slots.run(() => {
      started.push(name);
      return jobs[name].run();
    });
  const a = start('a');
  expect(slots.isFull).toBe(false);
  const b = start('b');
  expect(slots.isFull).toBe(false);
  const c = start('c');
  expect(slots.isFull).toBe(true);
  expect(started).toEqual(['a', 'b']);
  jobs.a.end(new Error('broken'));
  await expect(a).rejects.toThrow('broken');
  expect(started).toEqual(['a', 'b', 'c']);
  expect(slots.isFull).toBe(false);
  jobs.b.end();
  jobs.c.end();
  await Promise.all([b, c]);
  expect(await slots.run(() => Promise.resolve(7))).toBe(7);
});
