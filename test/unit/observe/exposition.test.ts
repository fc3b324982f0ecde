import { expect, test } from 'vitest';
import { exposition, histogram } from '../../../src/ops/exposition.ts';
import { Histogram } from '../../../src/util/histogram.ts';
import { parseExposition, valueOf } from '../../support/exposition.ts';

test('labels and help are escaped', () => {
  const labels = { stream: 'a "b"\\c\nd' };
  const help = 'One \\ two\nthree.';
  const text = exposition([{ name: 'recorderd_x', type: 'gauge', help, points: [{ labels, value: 1.5 }] }]);
  expect(text).toBe(
    '# HELP recorderd_x One \\\\ two\\nthree.\n# TYPE recorderd_x gauge\nrecorderd_x{stream="a \\"b\\"\\\\c\\nd"} 1.5\n',
  );
  expect(valueOf(parseExposition(text), 'recorderd_x', labels)).toBe(1.5);
});

test('a histogram counts each value in every bucket that holds it', () => {
  const values = new Histogram([0.1, 1, 10]);
  for (const value of [0.05, 0.1, 0.5, 5, 50]) values.add(value);
  const families = parseExposition(exposition([histogram('recorderd_y_seconds', 'Time.', values)]));
  const bucket = (le: string) => valueOf(families, 'recorderd_y_seconds_bucket', { le });
  expect(['0.1', '1', '10', '+Inf'].map(bucket)).toEqual([2, 3, 4, 5]);
  expect(valueOf(families, 'recorderd_y_seconds_sum')).toBeCloseTo(55.65);
  expect(valueOf(families, 'recorderd_y_seconds_count')).toBe(5);
});

test('numbers without bound are written as Prometheus reads them', () => {
  const points = [Infinity, -Infinity, NaN, 1e21].map((value, i) => ({ labels: { i: String(i) }, value }));
  const text = exposition([{ name: 'recorderd_z', type: 'gauge', help: 'Z.', points }]);
  expect(
    text
      .split('\n')
      .slice(2, -1)
      .map((line) => line.split(' ')[1]),
  ).toEqual(['+Inf', '-Inf', 'NaN', '1e+21']);
  expect(() => parseExposition(text)).not.toThrow();
});

test.each([
  ['a sample of another family', '# HELP recorderd_a A.\n# TYPE recorderd_a gauge\nrecorderd_b 1\n'],
  ['a sample twice', '# HELP recorderd_a A.\n# TYPE recorderd_a gauge\nrecorderd_a 1\nrecorderd_a 2\n'],
  ['a counter without _total', '# HELP recorderd_a A.\n# TYPE recorderd_a counter\nrecorderd_a 1\n'],
  ['an open quote', '# HELP recorderd_a A.\n# TYPE recorderd_a gauge\nrecorderd_a{b="c} 1\n'],
  ['no last line end', '# HELP recorderd_a A.\n# TYPE recorderd_a gauge\nrecorderd_a 1'],
])('the tests refuse %s', (_, text) => {
  expect(() => parseExposition(text)).toThrow();
});
