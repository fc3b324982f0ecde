import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchesGlob } from '../../../src/util/glob.ts';

test.each([
  ['cam1', 'cam1', true],
  ['cam1', 'cam10', false],
  ['cam1', 'Cam1', false],
  ['cam?', 'cam1', true],
  ['cam?', 'cam', false],
  ['cam?', 'cam😀', true],
  ['cam*', 'cam', true],
  ['*', '', true],
  ['', '', true],
  ['', 'a', false],
  ['*', 'a/b\nc', true],
  ['*.*', 'a.b', true],
  ['*b*d', 'abcd', true],
  ['*b*d', 'abcdbd', true],
  ['*b*d', 'abcde', false],
  ['a**c', 'abc', true],
  ['[ab]', 'a', false],
  ['a.c', 'abc', false],
])('%j and %j: %s', (pattern, text, expected) => {
  expect(matchesGlob(pattern, text)).toBe(expected);
});

test('says what a regular expression says', () => {
  const parts = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
  const texts = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 });
  fc.assert(
    fc.property(parts, texts, (pattern, text) => {
      const expression = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's');
      expect(matchesGlob(pattern, text)).toBe(expression.test(text));
    }),
    { numRuns: 2000 },
  );
});

test('a hostile name costs no more than its length times that of the pattern', () => {
  const startedMs = performance.now();
  expect(matchesGlob(`${'*a'.repeat(30)}*b`, 'a'.repeat(1024))).toBe(false);
  // A regular expression would take longer than the universe exists.
  expect(performance.now() - startedMs).toBeLessThan(1000);
});
