import { expect, test } from 'vitest';
import { nextTryInMs } from '../../../src/hooks/retry.ts';

const OPTIONS = { retries: 5, retryDelayMs: 1000, retryMaxMs: 6000, retryExitCodes: [75] };
const failed = (exitCode: number | undefined) => ({ reason: '', exitCode, signal: undefined, output: '' });

test('the wait doubles up to its bound, and the tries are counted', () => {
  const waits = [1, 2, 3, 4, 5, 6].map((tries) => nextTryInMs(OPTIONS, tries, failed(undefined)));
  expect(waits).toEqual([1000, 2000, 4000, 6000, 6000, undefined]);
  expect(nextTryInMs({ ...OPTIONS, retries: 1e9 }, 1e6, failed(undefined))).toBe(6000);
  expect(nextTryInMs({ ...OPTIONS, retries: 0 }, 1, failed(undefined))).toBeUndefined();
});

test.each([
  [75, [75, 111], true],
  [111, [75, 111], true],
  [1, [75, 111], false],
  [75, [], false],
  [1, 'all', true],
  [undefined, [], true],
] as const)('exit code %j with codes %j is tried again: %j', (exitCode, retryExitCodes, isRepeated) => {
  const wait = nextTryInMs({ ...OPTIONS, retryExitCodes }, 1, failed(exitCode));
  expect(wait).toBe(isRepeated ? 1000 : undefined);
});
