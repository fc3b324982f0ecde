import fc from 'fast-check';
import { expect, test } from 'vitest';
import { editDistance, nearest } from '../../../src/config/nearest.ts';

test.each([
  ['', '', 0],
  ['', 'abc', 3],
  ['abc', 'abc', 0],
  ['abc', 'abd', 1],
  ['abc', 'bac', 1],
  ['abc', 'ac', 1],
  ['kitten', 'sitting', 3],
  ['ca', 'abc', 3],
])('from %j to %j it is %d', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
});

test('the distance is symmetric, zero for equal words only and at most the longer length', () => {
  const word = fc.string({ maxLength: 12 });
  fc.assert(
    fc.property(word, word, (a, b) => {
      const distance = editDistance(a, b);
      expect(distance).toBe(editDistance(b, a));
      expect(distance === 0).toBe(a === b);
      expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
    }),
    { seed: 6 },
  );
});

test('near words are found in any case, far and overlong ones are not', () => {
  const candidates = ['record_dir', 'rtmp.port', 'rtmps.port'];
  expect(nearest('RECORD_DIRS', candidates)).toBe('record_dir');
  expect(nearest('rtmp.prot', candidates)).toBe('rtmp.port');
  expect(nearest('something', candidates)).toBeUndefined();
  expect(nearest('', candidates)).toBeUndefined();
  expect(nearest('r'.repeat(100_000), candidates)).toBeUndefined();
});
