import { expect, test } from 'vitest';
import { Pressure } from '../../../src/workers/pressure.ts';

const after = (looks: readonly number[]): Pressure => {
  const pressure = new Pressure();
  for (const utilisation of looks) pressure.look(utilisation);
  return pressure;
};

test('a moment of much work makes no process busy, a time of it does', () => {
  expect(after([0.1, 0.1, 1, 0.1]).busy).toBeLessThan(0.45);
  expect(after([1, 1, 1]).busy).toBeGreaterThan(0.6);
  expect(after([1, 1, 1, 0, 0, 0, 0]).busy).toBeLessThan(0.2);
});

test('streams that come all at once count before they are measured, and are forgotten when they are', () => {
  const pressure = new Pressure();
  for (let i = 0; i < 150; i++) pressure.start();
  expect(pressure.busy).toBe(0);
  expect(pressure.expected).toBeGreaterThan(0.6);
  for (let i = 0; i < 10; i++) pressure.look(0.25);
  expect(pressure.expected).toBeLessThan(0.26);
});
