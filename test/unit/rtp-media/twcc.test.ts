import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TwccRecorder } from '../../../src/ingest/rtp/twcc.ts';

interface Feedback {
  readonly base: number;
  readonly count: number;
  /** Arrival in ms of 250 us, or undefined for lost, by sequence number. */
  readonly packets: ReadonlyMap<number, number | undefined>;
}

/** A reader of the draft, written apart from the writer. */
function read(message: Buffer): Feedback {
  expect(message.readUInt8(0) & 0xdf).toBe(0x8f);
  expect(message.readUInt8(1)).toBe(205);
  expect(message.length).toBe((message.readUInt16BE(2) + 1) * 4);
  const padding = (message.readUInt8(0) & 0x20) !== 0 ? message.readUInt8(message.length - 1) : 0;
  expect(padding).toBeLessThan(4);
  const end = message.length - padding;
  const base = message.readUInt16BE(12);
  const count = message.readUInt16BE(14);
  const symbols: number[] = [];
  let at = 20;
  while (symbols.length < count) {
    const word = message.readUInt16BE(at);
    at += 2;
    if (word >> 15 === 0) for (let i = 0; i < (word & 0x1fff); i++) symbols.push(word >> 13);
    else if ((word & 0x4000) === 0) for (let bit = 13; bit >= 0; bit--) symbols.push((word >> bit) & 1);
    else for (let bit = 12; bit >= 0; bit -= 2) symbols.push((word >> bit) & 3);
  }
  // A run may not say more than there is; a vector's surplus is zero.
  expect(symbols.slice(count).every((symbol) => symbol === 0)).toBe(true);
  let time = message.readIntBE(16, 3) * 64;
  const packets = new Map<number, number | undefined>();
  symbols.slice(0, count).forEach((symbol, i) => {
    expect(symbol).toBeLessThan(3);
    if (symbol === 1) time += message.readUInt8(at++) / 4;
    if (symbol === 2) {
      time += message.readInt16BE(at) / 4;
      at += 2;
    }
    packets.set((base + i) & 0xffff, symbol === 0 ? undefined : time);
  });
  expect(at).toBe(end);
  return { base, count, packets };
}

const OPTIONS = { senderSsrc: 1, maxPackets: 4096, maxFeedbackBytes: 1100 };

describe('transport-wide feedback', () => {
  test('nothing arrived: nothing to say', () => {
    expect(new TwccRecorder(OPTIONS).feedback()).toEqual([]);
  });

  test('whatever is lost, late or reordered, the sender learns it to 125 microseconds', () => {
    const packet = fc.record({
      isLost: fc.boolean(),
      delayMs: fc.oneof(
        fc.double({ min: 0, max: 3, noNaN: true }),
        fc.double({ min: 0, max: 9000, noNaN: true }),
      ),
      place: fc.nat(6),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 65_535 }),
        fc.double({ min: 0, max: 1e10, noNaN: true }),
        fc.array(packet, { minLength: 2, maxLength: 400 }),
        fc.integer({ min: 64, max: 1200 }),
        (first, startMs, packets, maxFeedbackBytes) => {
          const recorder = new TwccRecorder({ ...OPTIONS, maxFeedbackBytes });
          const sent = packets.map((p, i) => ({ sequence: (first + i) & 0xffff, order: i + p.place, ...p }));
          const arriving = sent.filter((p, i) => !p.isLost || i === 0).sort((a, b) => a.order - b.order);
          let now = startMs;
          const truth = new Map<number, number>();
          for (const { sequence, delayMs } of arriving) {
            now += delayMs;
            truth.set(sequence, now);
            recorder.record(sequence, now, 2);
          }
          const messages = recorder.feedback();
          let next: number | undefined;
          const found = new Map<number, number | undefined>();
          for (const message of messages) {
            // One packet's worst case goes over the wish, never more.
            expect(message.length).toBeLessThanOrEqual(maxFeedbackBytes + 8);
            const { base, count, packets: reported } = read(message);
            if (next !== undefined) expect(base).toBe(next);
            next = (base + count) & 0xffff;
            for (const [sequence, time] of reported) found.set(sequence, time);
          }
          const wrap = 2 ** 24 * 64;
          for (const [sequence, time] of found) {
            const arrival = truth.get(sequence);
            expect(time === undefined).toBe(arrival === undefined);
            if (time === undefined || arrival === undefined) continue;
            const off = (((time - arrival) % wrap) + wrap) % wrap;
            expect(Math.min(off, wrap - off)).toBeLessThanOrEqual(0.126);
          }
          for (const sequence of truth.keys()) expect(found.has(sequence)).toBe(true);
          expect(recorder.feedback()).toEqual([]);
        },
      ),
    );
  });

  test('messages are numbered, and a packet late for one is in the next', () => {
    const recorder = new TwccRecorder(OPTIONS);
    recorder.record(10, 100, 2);
    recorder.record(12, 101, 2);
    const [first] = recorder.feedback();
    expect([...read(first!).packets]).toEqual([
      [10, 100],
      [11, undefined],
      [12, 101],
    ]);
    expect(first!.readUInt8(19)).toBe(0);
    recorder.record(11, 180, 2);
    recorder.record(11, 190, 2);
    recorder.record(13, 181, 2);
    const [second] = recorder.feedback();
    expect([...read(second!).packets]).toEqual([
      [11, 180],
      [12, 101],
      [13, 181],
    ]);
    expect(second!.readUInt8(19)).toBe(1);
  });

  test('long losses are a few bytes, and a jump of the sequence starts anew', () => {
    const recorder = new TwccRecorder(OPTIONS);
    recorder.record(65_000, 0, 2);
    recorder.record(65_000 + 3000, 50, 2);
    const [report] = recorder.feedback();
    expect(report!.length).toBeLessThanOrEqual(32);
    expect(read(report!).count).toBe(3001);
    recorder.record(30_000, 60, 2);
    expect(recorder.feedback().map((message) => read(message).count)).toEqual([1]);
  });
});
