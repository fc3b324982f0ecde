import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Lanes } from '../../../src/hooks/lanes.ts';
import { eventually } from '../../support/eventually.ts';

/** Jobs that end when told. */
class Stage {
  readonly started: string[] = [];
  readonly #finish = new Map<string, (againMs: number | undefined) => void>();

  job(name: string): () => Promise<number | undefined> {
    return () =>
      new Promise((resolve) => {
        this.started.push(name);
        this.#finish.set(name, resolve);
      });
  }

  running(): string[] {
    return [...this.#finish.keys()];
  }

  /** @param againMs wants to be run again after that. */
  async finish(name: string, againMs?: number): Promise<void> {
    this.#finish.get(name)?.(againMs);
    this.#finish.delete(name);
    await settled();
  }
}

/** Every promise that can go on has gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test('one job of a lane at a time, in order, and no more lanes than allowed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 30 }),
      fc.infiniteStream(fc.nat()),
      async (parallel, order, picks) => {
        const lanes = new Lanes(parallel);
        const stage = new Stage();
        order.forEach((lane, at) => lanes.add(lane, stage.job(`${lane}${at}`)));
        for (const pick of picks) {
          const running = stage.running();
          expect(running.length).toBeLessThanOrEqual(parallel);
          expect(new Set(running.map((name) => name[0])).size).toBe(running.length);
          if (running.length === 0) break;
          await stage.finish(running[pick % running.length]!);
        }
        await lanes.idle();
        for (const lane of 'abcd') {
          const wanted = order.map((each, at) => `${each}${at}`).filter((name) => name.startsWith(lane));
          expect(stage.started.filter((name) => name.startsWith(lane))).toEqual(wanted);
        }
      },
    ),
    { seed: 7, numRuns: 60 },
  );
});

test('a busy lane does not keep the others waiting', async () => {
  const lanes = new Lanes(1);
  const stage = new Stage();
  for (const name of ['a1', 'a2', 'a3', 'b1']) lanes.add(name.charAt(0), stage.job(name));
  for (const name of ['a1', 'b1', 'a2', 'a3']) await stage.finish(name);
  expect(stage.started).toEqual(['a1', 'b1', 'a2', 'a3']);
});

test('more lanes run as soon as they may', async () => {
  const lanes = new Lanes(1);
  const stage = new Stage();
  for (const name of ['a1', 'b1', 'c1']) lanes.add(name.charAt(0), stage.job(name));
  expect(stage.running()).toEqual(['a1']);
  lanes.use(3);
  expect(stage.running()).toEqual(['a1', 'b1', 'c1']);
  for (const name of ['a1', 'b1', 'c1']) await stage.finish(name);
});

test('a job that is to run again keeps its place, and its lane gives its turn to others meanwhile', async () => {
  const lanes = new Lanes(1);
  const stage = new Stage();
  for (const name of ['a1', 'a2', 'b1', 'b2']) lanes.add(name.charAt(0), stage.job(name));
  await stage.finish('a1', 5);
  await stage.finish('b1');
  await stage.finish('b2');
  await eventually(() => (stage.started.length === 4 ? true : undefined), 'the second try of a1');
  await stage.finish('a1');
  await stage.finish('a2');
  expect(stage.started).toEqual(['a1', 'b1', 'b2', 'a1', 'a2']);
});

test('a lane that rests is woken, and neither idle nor the process waits for it', async () => {
  const lanes = new Lanes(1);
  const stage = new Stage();
  lanes.add('a', stage.job('a1'));
  await stage.finish('a1', 1_000_000);
  await lanes.idle();
  lanes.wake('a');
  lanes.wake('a');
  lanes.wake('unknown');
  expect(stage.started).toEqual(['a1', 'a1']);
  await stage.finish('a1', 1_000_000);
  lanes.stop();
  lanes.wake('a');
  await lanes.idle();
  expect(stage.started).toEqual(['a1', 'a1']);
});

test('stop starts nothing more; idle then waits for what runs', async () => {
  const lanes = new Lanes(1);
  const stage = new Stage();
  lanes.add('a', stage.job('a1'));
  lanes.add('a', stage.job('a2'));
  lanes.stop();
  lanes.add('b', stage.job('b1'));
  let isIdle = false;
  const idle = lanes.idle().then(() => (isIdle = true));
  await settled();
  expect(isIdle).toBe(false);
  await stage.finish('a1');
  await idle;
  expect(stage.started).toEqual(['a1']);
});
