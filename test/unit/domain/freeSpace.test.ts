import { expect, test } from 'vitest';
import { FREE_SPACE_ALLOWED, limitOn, parseFreeSpaceLimit } from '../../../src/domain/freeSpace.ts';

const GB = 2 ** 30;

test.each([
  ['', {}],
  ['0', {}],
  ['1000', { bytes: 1000 }],
  ['3k', { bytes: 3072 }],
  [' 256M ', { bytes: 2 ** 28 }],
  ['10G', { bytes: 10 * GB }],
  ['2T', { bytes: 2048 * GB }],
  ['5%', { percent: 5 }],
  ['0.5%', { percent: 0.5 }],
  ['1%, 256M', { percent: 1, bytes: 2 ** 28 }],
  ['256M,1%', { percent: 1, bytes: 2 ** 28 }],
])('%j is read', (text, limit) => {
  expect(parseFreeSpaceLimit(text)).toEqual(limit);
});

test.each([
  '5 %',
  '100%',
  '0%',
  '-1',
  '1.5G',
  '10X',
  '1%,2%',
  '1M,2M',
  '1%,',
  'true',
  '1%,256M,1G',
  '999999999999T',
])('%j is refused with what is allowed', (text) => {
  expect(() => parseFreeSpaceLimit(text)).toThrow(
    new RangeError(`a limit of free space is ${FREE_SPACE_ALLOWED}`),
  );
});

test.each([
  ['1%,256M', 1000 * GB, 2 ** 28],
  ['1%,256M', 10 * GB, 0.1 * GB],
  ['1%,256M', 8 * 2 ** 20, 0.08 * 2 ** 20],
  ['5%', 1000 * GB, 50 * GB],
  ['256M', 2 ** 20, 2 ** 28],
  ['', 1000 * GB, 0],
])('%j on a disk of %d bytes is %d', (text, totalBytes, limit) => {
  expect(limitOn(totalBytes, parseFreeSpaceLimit(text))).toBeCloseTo(limit);
});
