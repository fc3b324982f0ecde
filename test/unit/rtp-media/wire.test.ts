import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { extension, extensionUint16, isRtcp, parseRtp, unwrapRtx } from '../../../src/ingest/rtp/packet.ts';
import {
  parseRtcp,
  writeFir,
  writeNack,
  writePli,
  writeReceiverReport,
  writeSourceDescription,
} from '../../../src/ingest/rtp/rtcp.ts';
import { Unwrapper } from '../../../src/ingest/rtp/unwrapper.ts';
import { rtp, rtpBytes } from './support.ts';

const payload = Buffer.from('media');

describe('RTP header', () => {
  test('every field, with CSRCs, extension and padding', () => {
    const bytes = rtpBytes({
      ...{ sequence: 65_535, timestamp: 0xfffffffe, ssrc: 0xdeadbeef, marker: true, payloadType: 127 },
      ...{ csrcs: [1, 2, 3], padding: 7, payload },
      extension: { profile: 0xbede, data: Buffer.from([0x51, 0xab, 0xcd, 0]) },
    });
    const packet = parseRtp(bytes)!;
    expect(packet).toMatchObject({ sequence: 65_535, timestamp: 0xfffffffe, ssrc: 0xdeadbeef });
    expect(packet).toMatchObject({ marker: true, payloadType: 127 });
    expect(packet.payload).toEqual(payload);
    expect(packet.payload.buffer).toBe(bytes.buffer);
    expect(extensionUint16(packet, 5)).toBe(0xabcd);
    expect(extension(packet, 4)).toBeUndefined();
  });

  test('one-byte elements: padding between, stop at 15, data that goes past the end', () => {
    const at = (data: number[]) =>
      rtp({ sequence: 1, timestamp: 1, payload, extension: { profile: 0xbede, data: Buffer.from(data) } });
    expect(extension(at([0, 0, 0x10, 7, 0, 0x21, 1, 2]), 2)).toEqual(Buffer.from([1, 2]));
    expect(extension(at([0xf0, 0, 0x20, 1]), 2)).toBeUndefined();
    expect(extension(at([0x2f, 1, 2, 3]), 2)).toBeUndefined();
  });

  test('two-byte elements, also of no length', () => {
    const data = Buffer.from([1, 0, 0, 200, 3, 9, 8, 7]);
    const packet = rtp({ sequence: 1, timestamp: 1, payload, extension: { profile: 0x1003, data } });
    expect(extension(packet, 1)).toEqual(Buffer.alloc(0));
    expect(extension(packet, 200)).toEqual(Buffer.from([9, 8, 7]));
    expect(extensionUint16(packet, 200)).toBe(0x0908);
  });

  test('padding only is a packet without payload', () => {
    expect(rtp({ sequence: 1, timestamp: 1, payload: Buffer.alloc(0), padding: 255 }).payload).toHaveLength(
      0,
    );
  });

  test('malformed packets are none', () => {
    const good = rtpBytes({ sequence: 1, timestamp: 1, payload });
    const with0 = (value: number) => Buffer.concat([Buffer.of(value), good.subarray(1)]);
    expect(parseRtp(good.subarray(0, 11))).toBeUndefined();
    expect(parseRtp(with0(0x40))).toBeUndefined();
    expect(parseRtp(with0(0x8f))).toBeUndefined();
    expect(parseRtp(with0(0x90))).toBeUndefined();
    expect(parseRtp(Buffer.concat([with0(0xa0), Buffer.of(0)]))).toBeUndefined();
    expect(parseRtp(Buffer.concat([with0(0xa0), Buffer.of(200)]))).toBeUndefined();
  });

  test('retransmissions give the original packet, padding gives none', () => {
    const rtx = rtp({
      ...{ sequence: 9, timestamp: 77, ssrc: 2, payloadType: 97, marker: true },
      payload: Buffer.from([0x12, 0x34, 1, 2]),
    });
    const original = unwrapRtx(rtx, { ssrc: 1, payloadType: 96 })!;
    expect(original).toMatchObject({
      ssrc: 1,
      payloadType: 96,
      sequence: 0x1234,
      timestamp: 77,
      marker: true,
    });
    expect(original.payload).toEqual(Buffer.from([1, 2]));
    const padding = rtp({ sequence: 9, timestamp: 1, payload: Buffer.alloc(0), padding: 100 });
    expect(unwrapRtx(padding, { ssrc: 1, payloadType: 96 })).toBeUndefined();
  });
});

describe('unwrapping', () => {
  test.each([16, 32] as const)(
    '%i bits: any walk of steps below half the range is followed exactly',
    (bits) => {
      const half = 2 ** (bits - 1);
      fc.assert(
        fc.property(
          fc.integer({ min: 0, max: 2 ** bits - 1 }),
          fc.array(fc.integer({ min: -half + 1, max: half - 1 }), { maxLength: 60 }),
          (start, steps) => {
            const unwrapper = new Unwrapper(bits);
            let truth = unwrapper.follow(start);
            expect(truth % 2 ** bits).toBe(start);
            for (const step of steps) {
              truth += step;
              const wire = ((truth % 2 ** bits) + 2 ** bits) % 2 ** bits;
              expect(unwrapper.peek(wire)).toBe(truth);
              expect(unwrapper.follow(wire)).toBe(truth);
            }
          },
        ),
      );
    },
  );
});

describe('RTCP', () => {
  test('sender report, description and bye of a compound packet', () => {
    const report = Buffer.from(
      '80c8000611223344' + 'e0000001800000000' + '0000a00' + '0000001000000020',
      'hex',
    );
    const bye = Buffer.from('82cb000211223344aabbccdd', 'hex');
    const parts = parseRtcp(Buffer.concat([report, writeSourceDescription(1, 'someone'), bye]));
    expect(parts).toEqual([
      {
        ...{ type: 'senderReport', ssrc: 0x11223344, ntpMs: 0xe0000001 * 1000 + 500 },
        ...{ ntpMiddle: 0x00018000, rtpTimestamp: 0x00000a00 },
      },
      { type: 'bye', ssrcs: [0x11223344, 0xaabbccdd] },
    ]);
  });

  test('what follows a malformed part is not read', () => {
    const bye = Buffer.from('81cb000111223344', 'hex');
    expect(parseRtcp(Buffer.concat([bye, Buffer.from('81cb00ff', 'hex'), bye]))).toHaveLength(1);
    expect(parseRtcp(Buffer.from('41cb000111223344', 'hex'))).toEqual([]);
  });

  test('receiver report to the byte', () => {
    const block = {
      ...{ ssrc: 0xa1b2c3d4, fractionLost: 64, cumulativeLost: -2, highestSequence: 0x0001fffe },
      ...{ jitter: 17.9, lastSenderReport: 0x55667788, delaySinceLastSenderReport: 65_536 },
    };
    expect(writeReceiverReport(7, [block]).toString('hex')).toBe(
      '81c90007' + '00000007' + 'a1b2c3d4' + '40fffffe' + '0001fffe' + '00000011' + '55667788' + '00010000',
    );
    expect(writeReceiverReport(7, []).toString('hex')).toBe('80c9000100000007');
  });

  test('source description ends with null bytes on a word', () => {
    for (const name of ['', 'a', 'ab', 'abc', 'abcd', 'x'.repeat(300)]) {
      const out = writeSourceDescription(1, name);
      expect(out.length).toBe((out.readUInt16BE(2) + 1) * 4);
      expect(out.at(-1)).toBe(0);
    }
  });

  test('PLI and FIR to the byte', () => {
    const ssrcs = { senderSsrc: 1, mediaSsrc: 2 };
    expect(writePli(ssrcs).toString('hex')).toBe('81ce0002' + '00000001' + '00000002');
    expect(writeFir(ssrcs, 257).toString('hex')).toBe(
      '84ce0004' + '00000001' + '00000000' + '00000002' + '01000000',
    );
  });

  test('NACK: a reader that knows only the RFC finds exactly the sequence numbers asked for', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 65_535 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 100 }),
        (start, steps) => {
          let at = start;
          const asked = steps.map((step) => (at = (at + step) & 0xffff));
          const out = writeNack({ senderSsrc: 1, mediaSsrc: 2 }, asked);
          expect(isRtcp(out)).toBe(true);
          expect(out.length).toBe((out.readUInt16BE(2) + 1) * 4);
          const found: number[] = [];
          for (let i = 12; i < out.length; i += 4) {
            const pid = out.readUInt16BE(i);
            found.push(pid);
            for (let bit = 0; bit < 16; bit++) {
              if ((out.readUInt16BE(i + 2) >> bit) & 1) found.push((pid + bit + 1) & 0xffff);
            }
          }
          expect(found).toEqual(asked);
        },
      ),
    );
  });
});
