import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { INCIDENT_CAUSES } from '../../../src/domain/incident.ts';
import { STOP_REASONS } from '../../../src/domain/recording.ts';
import { PACKAGE_DIR } from './support.ts';

interface Words {
  readonly bytes: (n: number) => string;
  readonly bitrate: (n: number) => string;
  readonly duration: (ms: number) => string;
  readonly age: (ms: number) => string;
  readonly missing: (ms: number | null) => string;
  readonly count: (n: number, one: string, many?: string) => string;
  readonly cause: (word: string) => string;
  readonly stopReason: (word: string) => string;
}
interface Rates {
  readonly Rate: new () => {
    add: (at: number, bytes: number) => void;
    readonly rates: readonly number[];
    readonly now: number | undefined;
  };
}

const load = async <T>(name: string): Promise<T> =>
  (await import(pathToFileURL(join(PACKAGE_DIR, 'web/operator', name)).href)) as T;
const words = await load<Words>('words.js');
const { Rate } = await load<Rates>('sparkline.js');

describe('the words of the operator page', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [99_949, '99.9 kB'],
    [99_950, '100 kB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [2e15, '2.0 PB'],
    [9e18, '9000 PB'],
  ])('%i bytes are %s', (n, text) => expect(words.bytes(n)).toBe(text));

  test.each([
    [-5, '0:00', '0 s'],
    [7_999, '0:07', '7 s'],
    [3_599_999, '59:59', '59 min'],
    [3_600_000, '1:00:00', '1 h 0 min'],
    [90_061_000, '25:01:01', '1 d 1 h'],
  ])('%i ms are %s, or about %s', (ms, clock, about) => {
    expect([words.duration(ms), words.age(ms)]).toEqual([clock, about]);
  });

  test('what is missing is told apart from what nobody knows', () => {
    expect([0, 40, 1250, null].map(words.missing)).toEqual([
      'nothing is missing',
      '40 ms missing',
      '1.3 s missing',
      'how much is missing is not known',
    ]);
    expect([words.count(1, 'part'), words.count(2, 'try', 'tries')]).toEqual(['1 part', '2 tries']);
    expect(words.bitrate(2_100_000)).toBe('2.1 Mbit/s');
  });

  test('there are words for every cause and every reason', () => {
    for (const cause of INCIDENT_CAUSES) expect(words.cause(cause)).toMatch(/^[A-Z].* /);
    for (const reason of STOP_REASONS) expect(words.stopReason(reason)).toMatch(/ /);
    expect(words.cause('a-later-one')).toBe('a-later-one');
  });
});

test('a rate is the difference of two events; a minute of them is kept', () => {
  const rate = new Rate();
  expect(rate.now).toBeUndefined();
  rate.add(1000, 500);
  expect(rate.now).toBeUndefined();
  rate.add(2000, 1500);
  rate.add(2000, 9999);
  rate.add(4000, 5500);
  expect(rate.rates).toEqual([8000, 16_000]);
  expect(rate.now).toBe(12_000);
  // Another stream has the name by now.
  rate.add(5000, 100);
  expect(rate.rates.length).toBe(2);
  for (let i = 6; i < 100; i++) rate.add(i * 1000, i * 1000);
  expect(rate.rates.length).toBe(60);
});
