import { describe, expect, test } from 'vitest';
import { Handshake } from '../../../src/ingest/rtmp/handshake.ts';
import { ProtocolError } from '../../../src/ingest/rtmp/protocol.ts';
import { handshake, isSigned } from '../../support/rtmpBytes.ts';

function start(): { sent: Buffer[]; server: Handshake } {
  const sent: Buffer[] = [];
  return { sent, server: new Handshake((bytes) => sent.push(bytes)) };
}

describe('the simple handshake', () => {
  test('S2 echoes C1 and nothing is left over', () => {
    const { sent, server } = start();
    const { c0c1, c2 } = handshake('simple');
    expect(server.push(c0c1)).toBeUndefined();
    expect(sent).toHaveLength(1);
    expect(sent[0]).toHaveLength(1 + 2 * 1536);
    expect(sent[0]![0]).toBe(3);
    expect(sent[0]!.subarray(1, 9)).toEqual(Buffer.alloc(8));
    expect(sent[0]!.subarray(1 + 1536)).toEqual(c0c1.subarray(1));
    expect(server.push(c2)).toEqual(Buffer.alloc(0));
    expect(sent).toHaveLength(1);
  });

  test('C0, C1, C2 and what follows in one write', () => {
    const { sent, server } = start();
    const { c0c1, c2 } = handshake();
    expect(server.push(Buffer.concat([c0c1, c2, Buffer.from('connect')]))).toEqual(Buffer.from('connect'));
    expect(sent).toHaveLength(1);
  });

  test('cut anywhere', () => {
    const { c0c1, c2 } = handshake();
    const all = Buffer.concat([c0c1, c2, Buffer.from('next')]);
    for (const at of [1, 2, 1536, 1537, 1538, 3072, 3073]) {
      const { sent, server } = start();
      const rests = [server.push(all.subarray(0, at)), server.push(all.subarray(at))];
      expect(Buffer.concat(rests.filter((rest) => rest !== undefined))).toEqual(Buffer.from('next'));
      expect(sent).toHaveLength(1);
    }
  });
});

describe('the signed handshake', () => {
  test.each([0, 1] as const)('scheme %i is answered with digests that a client accepts', (scheme) => {
    const { sent, server } = start();
    const { c0c1 } = handshake(scheme);
    server.push(c0c1);
    expect(isSigned(sent[0]!, c0c1.subarray(1), scheme)).toBe(true);
    expect(sent[0]!.readUInt8(5)).toBeGreaterThanOrEqual(3);
  });

  test('a spoilt digest falls back to the simple one', () => {
    const { sent, server } = start();
    const { c0c1 } = handshake(0);
    const version = Buffer.from(c0c1);
    version.writeUInt8(version.readUInt8(100) ^ 1, 100);
    server.push(version);
    expect(sent[0]!.subarray(1 + 1536)).toEqual(version.subarray(1));
  });
});

test.each([
  [6, 'RTMPE is not supported'],
  [0x47, 'unsupported RTMP version 71'],
])('version %i is refused at its first byte', (version, text) => {
  const { sent, server } = start();
  expect(() => server.push(Buffer.of(version))).toThrow(new ProtocolError(text));
  expect(sent).toEqual([]);
});
