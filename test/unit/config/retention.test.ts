import { expect, test } from 'vitest';
import { ageRules, patterns, sizeRules } from '../../../src/config/catalogueTypes.ts';

test('ages and sizes are rules in the order in which they are written', () => {
  expect(ageRules.parse(' tmp-*=12h, *=90D ')).toEqual([
    { pattern: 'tmp-*', max: 12 * 3_600_000 },
    { pattern: '*', max: 90 * 86_400_000 },
  ]);
  expect(ageRules.parse('a b=5m')).toEqual([{ pattern: 'a b', max: 300_000 }]);
  expect(sizeRules.parse('cam?=500G,*=2T,x=1m')).toEqual([
    { pattern: 'cam?', max: 500 * 2 ** 30 },
    { pattern: '*', max: 2 * 2 ** 40 },
    { pattern: 'x', max: 2 ** 20 },
  ]);
  expect(patterns.parse('court-*, board')).toEqual(['court-*', 'board']);
  for (const type of [ageRules, sizeRules, patterns]) expect(type.parse(' ')).toEqual([]);
});

test.each(['90d', '*=', '=90d', '*=0d', '*=90', '*=90w', '*=1d,', '*=-1d', '*=1G'])('no ages: %s', (text) => {
  expect(() => ageRules.parse(text)).toThrow(/it must be a list/);
});

test.each(['*=1d', '*=1K', '*=1.5G'])('no sizes: %s', (text) => {
  expect(() => sizeRules.parse(text)).toThrow(/it must be a list/);
});

test.each(['a,,b', ',', 'a\tb'])('no patterns: %j', (text) => {
  expect(() => patterns.parse(text)).toThrow(/it must be a list/);
});
