import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRotation } from '../../../src/domain/rotation.ts';

test.each(['', '  ', '0', 'false', 'FALSE'])('%j keeps one file', (text) => {
  expect(parseRotation(text)).toEqual({ kind: 'none' });
});

test.each([
  ['1', { kind: 'time', seconds: 1 }],
  [' 20 ', { kind: 'time', seconds: 20 }],
  ['604800', { kind: 'time', seconds: 604_800 }],
  ['1M', { kind: 'size', bytes: 1_048_576 }],
  ['10m', { kind: 'size', bytes: 10_485_760 }],
  ['1048576M', { kind: 'size', bytes: 1_099_511_627_776 }],
])('%j', (text, rotation) => {
  expect(parseRotation(text)).toEqual(rotation);
});

test.each(['604801', '0M', '1048577M', '-1', '1.5', '10MB', '10 M', '10s', 'true', 'M', '99999999999'])(
  '%j is refused',
  (text) => {
    expect(() => parseRotation(text)).toThrow(
      new RangeError(
        'a rotation is a number of seconds from 1 to 604800, or megabytes from 1M to 1048576M ' +
          '(1M = 1048576 bytes); empty, 0 or false keeps one file',
      ),
    );
  },
);

test('every text is a rotation within its bounds or a RangeError', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^\d{0,12}[mM]?$/)), (text) => {
      try {
        const rotation = parseRotation(text);
        if (rotation.kind === 'time') expect(rotation.seconds).toBeGreaterThanOrEqual(1);
        if (rotation.kind === 'size') expect(rotation.bytes % 1_048_576).toBe(0);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }),
    { seed: 4 },
  );
});
