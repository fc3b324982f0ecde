import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Lanes } from '../../../src/hooks/lanes.ts';

/** Jobs that end when told. */
class Stage {
  readonly started: string[] = [];
  readonly #finish = new Map<string, () => void>();

  job(name: string): () => Promise<void> {
    return () =>
      new Promise((resolve) => {
        this.started.push(name);
        this.#finish.set(name, resolve);
      });
  }

  running(): string[] {
    return [...this.#finish.keys()];
  }

  async finish(name: string): Promise<void> {
    this.#finish.get(name)?.();
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
