import fc from 'fast-check';
import { expect, test } from 'vitest';
import { orderedSlice } from '../../../src/util/orderedSlice.ts';

interface Item {
  readonly key: number | string;
  readonly place: number;
}

const keyOf = ({ key }: Item): number | string => key;
const itemsOf = (keys: readonly (number | string)[]): Item[] => keys.map((key, place) => ({ key, place }));

/** What a stable sort of everything says. */
function slowSlice(items: readonly Item[], sign: 1 | -1, from: number, to: number): Item[] {
  const compare = (a: Item, b: Item): number => (a.key < b.key ? -sign : a.key > b.key ? sign : 0);
  return items.toSorted(compare).slice(from, to);
}

test('is what a stable sort of everything has there', () => {
  const bound = fc.nat({ max: 400 });
  const some = fc.oneof(
    fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 300 }),
    fc.array(fc.double({ noNaN: true }), { maxLength: 300 }),
    fc.array(fc.string({ maxLength: 2 }), { maxLength: 300 }),
  );
  fc.assert(
    fc.property(some, fc.constantFrom(1 as const, -1 as const), bound, bound, (keys, sign, from, length) => {
      const items = itemsOf(keys);
      const slice = { from, to: from + length };
      expect(orderedSlice(items, keyOf as (item: Item) => number, sign, slice)).toEqual(
        slowSlice(items, sign, from, slice.to),
      );
    }),
    { numRuns: 1000 },
  );
});

const COUNT = 20_000;
test.each([
  ['in order', (i: number) => i],
  ['the other way round', (i: number) => -i],
  ['all alike', () => 7],
  ['up and down', (i: number) => Math.min(i, COUNT - i)],
  ['mixed', (i: number) => (i * 7919) % COUNT],
])('no order of many items is a slow one: %s', (_, keyAt) => {
  let asked = 0;
  // Texts in the place of numbers, which tell when they are compared.
  const items = Array.from({ length: COUNT }, (__, i) => {
    const key = { valueOf: () => (asked++, keyAt(i)) } as unknown as string;
    return { key, place: i };
  });
  const slice = { from: COUNT / 2, to: COUNT / 2 + 100 };
  const found = orderedSlice(items, ({ key }) => key, 1, slice);
  const known = asked;
  expect(found.map(({ place }) => place)).toEqual(
    slowSlice(items, 1, slice.from, slice.to).map(({ place }) => place),
  );
  // Up to four looks at a key for each comparison, in a few passes; all in order would take 14 passes.
  expect(known / COUNT).toBeLessThan(40);
});
