import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { amfObject, decodeAmf0, encodeAmf0 } from '../../../src/ingest/rtmp/amf0.ts';
import type { AmfValue } from '../../../src/ingest/rtmp/amf0.ts';
import { ProtocolError } from '../../../src/ingest/rtmp/protocol.ts';
import { amf, unamf } from '../../support/rtmpBytes.ts';

const { value } = fc.letrec<{ value: AmfValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.double(),
    fc.boolean(),
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.constant(null),
    fc.constant(undefined),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .dictionary(fc.string({ minLength: 1 }), tie('value'), { maxKeys: 4 })
      .map((fields) => amfObject(fields)),
  ),
}));

test('what was encoded is decoded again', () => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 5 }), (values) => {
      expect(decodeAmf0(encodeAmf0(values))).toEqual(values);
    }),
    { seed: 2, numRuns: 300 },
  );
});

test('random bytes decode or fail as a protocol error, nothing else', () => {
  const likely = fc.constantFrom(0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16, 17);
  const soup = fc.array(fc.oneof(likely, fc.nat(255)), { maxLength: 60 });
  fc.assert(
    fc.property(soup, (numbers) => {
      try {
        decodeAmf0(Buffer.from(numbers));
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError);
      }
    }),
    { seed: 3, numRuns: 3000 },
  );
});

test('an independent encoder and decoder agree', () => {
  const sent = ['connect', 1, { app: 'live', list: ['a', 2, null], yes: true, nothing: undefined }] as const;
  const object = amfObject({ app: 'live', list: ['a', 2, null], yes: true, nothing: undefined });
  expect(decodeAmf0(amf(...sent))).toEqual(['connect', 1, object]);
  expect(unamf(encodeAmf0(['connect', 1, object]))).toEqual(sent);
});

describe('types that servers only read', () => {
  const cases: readonly [string, string, AmfValue][] = [
    [
      'associative array, whatever its count says',
      '08ffffffff' + '000161' + '0101' + '000009',
      amfObject({ a: true }),
    ],
    ['associative array without an end mark', '08000000010001610101', amfObject({ a: true })],
    ['typed object', '10000478797a7a' + '000161' + '05' + '000009', amfObject({ a: null })],
    ['date', '0b40590000000000000000', 100],
    ['reference', '070001', undefined],
    ['long string', '0c00000002c3a9', 'é'],
    ['XML', '0f000000023c3e', '<>'],
    ['unsupported', '0d', null],
  ];
  test.each(cases)('%s', (_, hex, expected) => {
    expect(decodeAmf0(Buffer.from(hex, 'hex'))).toEqual([expected]);
  });
});

describe('limits', () => {
  const nested = (depth: number): Buffer =>
    Buffer.concat([...Array.from({ length: depth }, () => Buffer.from('0a00000001', 'hex')), Buffer.of(5)]);

  test('depth 8 is read, 9 is refused', () => {
    expect(decodeAmf0(nested(8))).toHaveLength(1);
    expect(() => decodeAmf0(nested(9))).toThrow(new ProtocolError('AMF0 value nested deeper than 8'));
  });

  test.each(['0a7fffffff05', '0c7fffffff', '020005', '00', '03', '0300', '11', '04', '030001'])(
    '%s fails',
    (hex) => {
      const bytes = Buffer.from(hex, 'hex');
      if (hex === '03') expect(decodeAmf0(bytes)).toEqual([amfObject({})]);
      else expect(() => decodeAmf0(bytes)).toThrow(ProtocolError);
    },
  );

  test('names reach no prototype', () => {
    const [object] = decodeAmf0(
      amf(JSON.parse('{"__proto__":{"polluted":true},"constructor":1}') as Record<string, string>),
    );
    expect(object).toBeInstanceOf(Map);
    expect('polluted' in {}).toBe(false);
  });
});
