import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RtpPacket } from '../../../src/ingest/rtp/packet.ts';
import { ReorderBuffer, type ReorderOptions } from '../../../src/ingest/rtp/reorderBuffer.ts';
import { rtp } from './support.ts';

const OPTIONS: ReorderOptions = { lossWaitMs: 1000, canNack: true, maxHeldPackets: 256 };

function setUp(options: Partial<ReorderOptions> = {}) {
  const out: (number | 'gap' | 'restart')[] = [];
  const buffer = new ReorderBuffer(
    { ...OPTIONS, ...options },
    {
      packet: (packet: RtpPacket) => void out.push(packet.timestamp),
      gap: () => void out.push('gap'),
      restart: () => void out.push('restart'),
    },
  );
  // The timestamp carries the true index, so that the order can be judged.
  const push = (index: number, now: number, ssrc = 1) =>
    buffer.push(rtp({ sequence: index, timestamp: index, ssrc, payload: Buffer.of(1) }), now);
  return { out, buffer, push };
}

describe('reorder buffer', () => {
  test('a packet before the first one is taken within the tolerance', () => {
    const { out, buffer, push } = setUp();
    push(65_537, 0);
    push(65_535, 4);
    expect(buffer.check(9, 0)).toEqual([]);
    expect(out).toEqual([]);
    push(65_536, 9);
    expect(buffer.check(10, 0)).toEqual([]);
    expect(out).toEqual([65_535, 65_536, 65_537]);
    push(65_534, 11);
    expect(buffer.duplicates).toBe(1);
  });

  test('a burst beyond the ring within the opening window comes out whole', () => {
    const { out, buffer, push } = setUp({ maxHeldPackets: 16 });
    for (let index = 0; index < 100; index++) push(index, 1);
    buffer.check(20, 0);
    expect(out).toEqual(Array.from({ length: 100 }, (_, index) => index));
    expect(buffer).toMatchObject({ lost: 0, givenUp: 0, duplicates: 0 });
  });

  test('asks after 10 ms, again after max(40 ms, 1.2 RTT), gives up after the wait', () => {
    const { out, buffer, push } = setUp();
    push(1, 0);
    buffer.check(10, 0);
    push(4, 20);
    expect(buffer.check(29, 0)).toEqual([]);
    expect(buffer.check(30, 0)).toEqual([2, 3]);
    expect(buffer.check(69, 0)).toEqual([]);
    expect(buffer.check(70, 100)).toEqual([2, 3]);
    push(3, 80);
    expect(buffer.check(189, 100)).toEqual([]);
    expect(buffer.check(190, 100)).toEqual([2]);
    expect(out).toEqual([1]);
    buffer.check(1019, 0);
    expect(out).toEqual([1]);
    buffer.check(1020, 0);
    expect(out).toEqual([1, 'gap', 3, 4]);
    expect(buffer).toMatchObject({ lost: 2, recovered: 1, givenUp: 1, duplicates: 0 });
    push(2, 1030);
    expect(buffer.duplicates).toBe(1);
    expect(out).toHaveLength(4);
  });

  test('asks for nothing where the sender does not answer', () => {
    const { buffer, push } = setUp({ canNack: false });
    push(1, 0);
    push(9, 1);
    expect(buffer.check(500, 0)).toEqual([]);
  });

  test('one stray packet changes nothing, two in a row are a new start', () => {
    const { out, buffer, push } = setUp();
    push(10, 0);
    buffer.check(10, 0);
    expect(push(30_000, 11)).toBe(false);
    expect(push(5, 12, 2)).toBe(false);
    push(11, 13);
    expect(push(6, 14, 2)).toBe(false);
    expect(push(7, 15, 2)).toBe(true);
    buffer.check(25, 0);
    expect(out).toEqual([10, 11, 'restart', 6, 7]);
    expect(buffer.ssrc).toBe(2);
  });

  test('what stands beyond the ring gives up what is missing, never more than the ring is held', () => {
    const { out, buffer, push } = setUp({ maxHeldPackets: 16 });
    push(0, 0);
    buffer.check(10, 0);
    for (let i = 2; i <= 17; i++) push(i, 11);
    expect(out.slice(0, 3)).toEqual([0, 'gap', 2]);
    push(1000, 12);
    push(1001, 12);
    buffer.flush();
    expect(out.filter((entry) => entry !== 'gap')).toEqual([
      0,
      ...Array.from({ length: 16 }, (_, i) => i + 2),
      1000,
      1001,
    ]);
    expect(buffer.expected).toBe(1002);
    expect(buffer.received).toBe(19);
  });

  test('probing waits for packets before the first, briefly', () => {
    const { out, buffer, push } = setUp();
    push(100, 0);
    buffer.probe(3, 0, 200);
    expect(buffer.check(10, 0)).toEqual([97, 98, 99]);
    push(98, 30);
    push(99, 31);
    buffer.check(199, 0);
    expect(out).toEqual([]);
    buffer.check(200, 0);
    expect(out).toEqual(['gap', 98, 99, 100]);
  });

  test('any loss, reordering and duplication across the wrap: in order, once, gaps told', () => {
    const fate = fc.record({
      isLost: fc.boolean(),
      delay: fc.integer({ min: 0, max: 60 }),
      copies: fc.integer({ min: 1, max: 2 }),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 65_535 }),
        fc.array(fate, { minLength: 1, maxLength: 300 }),
        (first, fates) => {
          const { out, buffer, push } = setUp({ maxHeldPackets: 1024 });
          const arrivals = fates.flatMap(({ isLost, delay, copies }, i) =>
            isLost
              ? []
              : Array.from({ length: copies }, (_, copy) => ({
                  index: first + i,
                  at: i * 5 + delay + copy * 30,
                })),
          );
          arrivals.sort((a, b) => a.at - b.at);
          const asked = new Set<number>();
          let last = 0;
          for (const { index, at } of arrivals) {
            for (; last < at; last += 10) for (const sequence of buffer.check(last, 50)) asked.add(sequence);
            push(index, at);
          }
          buffer.flush();
          const delivered = out.filter((entry) => typeof entry === 'number');
          const arrived = new Set(arrivals.map(({ index }) => index));
          // Only what came more than the tolerance after a later first packet may be missing.
          const start = delivered[0];
          expect(delivered).toEqual(
            [...arrived].filter((index) => index >= (start ?? 0)).sort((a, b) => a - b),
          );
          out.forEach((entry, i) => {
            const before = out[i - 1];
            if (typeof entry === 'number' && typeof before === 'number') expect(entry).toBe(before + 1);
            if (entry === 'gap') expect(out[i + 1]).not.toBe('gap');
          });
          const { givenUp, received, expected, lost, recovered } = buffer;
          expect(received).toBe(delivered.length);
          expect(givenUp).toBe(lost - recovered);
          if (arrivals.length > 0) expect(givenUp).toBe(expected - received);
          for (const sequence of asked) expect((sequence - first) & 0xffff).toBeLessThan(fates.length);
        },
      ),
    );
  });
});
