import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChunkReader } from '../../../src/ingest/rtmp/chunkReader.ts';
import { ProtocolError } from '../../../src/ingest/rtmp/protocol.ts';
import { message, setChunkSize } from '../../support/rtmpBytes.ts';
import type { ChunkOptions } from '../../support/rtmpBytes.ts';

interface Got {
  type: number;
  streamId: number;
  timestamp: number;
  payload: Buffer;
}

const LIMITS = { maxMessageBytes: 1 << 20, maxUnfinishedBytes: 2 << 20, maxChunkStreams: 8 };

function read(pieces: readonly Buffer[], limits = LIMITS): Got[] {
  const got: Got[] = [];
  const reader = new ChunkReader(limits, {
    onMessage: (type, streamId, timestamp, payload) => got.push({ type, streamId, timestamp, payload }),
  });
  for (const piece of pieces) reader.push(piece);
  return got;
}

const bytes = (length: number, seed = 1): Buffer =>
  Buffer.from(Array.from({ length }, (_, i) => (i * 31 + seed) & 0xff));

/** Cuts `whole` at the given positions. */
function cut(whole: Buffer, positions: readonly number[]): Buffer[] {
  const at = [0, ...positions.map((each) => each % (whole.length + 1)).sort((a, b) => a - b), whole.length];
  return at.slice(1).map((end, i) => whole.subarray(at[i], end));
}

const times = (got: readonly Got[]): number[] => got.map((each) => each.timestamp);

describe('any cut of the byte stream gives the same messages', () => {
  const outgoing = fc.record({
    type: fc.constantFrom(8, 9, 18, 20),
    length: fc.integer({ min: 0, max: 700 }),
    csid: fc.constantFrom(3, 4, 63, 64, 319, 320, 65_599),
    time: fc.constantFrom(0, 1, 40, 0xfffffe, 0xffffff, 0x1000000, 0xffffffff),
    streamId: fc.constantFrom(0, 1, 0x01020304),
  });
  const chunkSizes = fc.constantFrom(1, 2, 127, 128, 4096, 65_536);
  test('at any positions, with any chunk size', () => {
    fc.assert(
      fc.property(
        fc.array(outgoing, { maxLength: 8 }),
        chunkSizes,
        fc.array(fc.nat(20_000), { maxLength: 30 }),
        fc.boolean(),
        (list, chunkBytes, positions, bareType3) => {
          const wire = Buffer.concat([
            setChunkSize(chunkBytes),
            ...list.map((each, i) =>
              message(each.type, bytes(each.length, i), { ...each, chunkBytes, bareType3 }),
            ),
          ]);
          const expected = list.map(({ type, streamId, time, length }, i) => ({
            type,
            streamId,
            timestamp: time,
            payload: bytes(length, i),
          }));
          expect(read(cut(wire, positions))).toEqual(expected);
        },
      ),
      { seed: 1, numRuns: 300 },
    );
  });

  test('byte by byte', () => {
    const wire = Buffer.concat([
      message(9, bytes(500), { csid: 6, time: 0x1234567, streamId: 1 }),
      message(8, bytes(3), { csid: 65_599, time: 0xffffff }),
    ]);
    const got = read([...wire].map((byte) => Buffer.of(byte)));
    expect(got.map((each) => each.payload)).toEqual([bytes(500), bytes(3)]);
    expect(times(got)).toEqual([0x1234567, 0xffffff]);
  });

  test('chunks of different messages interleaved', () => {
    const video = message(9, bytes(300), { csid: 6, time: 40 });
    const audio = message(8, bytes(20), { csid: 4, time: 41 });
    const wire = Buffer.concat([video.subarray(0, 12 + 128), audio, video.subarray(12 + 128)]);
    expect(read([wire]).map(({ type, payload }) => [type, payload.length])).toEqual([
      [8, 20],
      [9, 300],
    ]);
  });
});

describe('copies', () => {
  test('none when a message lies in one chunk and one read', () => {
    const wire = message(9, bytes(100), { csid: 6 });
    const [got] = read([wire]);
    expect(got!.payload.buffer).toBe(wire.buffer);
  });

  test('none when its chunks follow one another in one read: they are joined in place', () => {
    const media = bytes(5000);
    const wire = message(9, media, { csid: 6 });
    const [got] = read([wire]);
    expect(got!.payload.buffer).toBe(wire.buffer);
    expect(got!.payload).toEqual(media);
  });

  test('one exact buffer when other chunks or the end of a read lie between', () => {
    const audio = message(8, bytes(20), { csid: 4 });
    const halves = [0, 12 + 128].map((at, i) =>
      message(9, bytes(5000), { csid: 6 }).subarray(at, [12 + 128][i]),
    );
    for (const pieces of [[Buffer.concat([halves[0]!, audio, halves[1]!])], halves]) {
      const got = read(pieces).find(({ type }) => type === 9)!;
      expect(got.payload).toEqual(bytes(5000));
      expect(got.payload.buffer.byteLength).toBe(5000);
    }
  });

  test('joining touches neither the message before nor the one behind, extended timestamps or not', () => {
    for (const time of [40, 0x1000000]) {
      const list = [300, 128, 1000, 129].map((length, i) => ({
        length,
        csid: i === 3 ? 3 : 6,
        body: bytes(length, i),
      }));
      const wire = Buffer.concat(list.map(({ csid, body }) => message(9, body, { csid, time })));
      expect(read([wire]).map(({ payload }) => payload)).toEqual(list.map(({ body }) => body));
    }
  });
});

describe('timestamps', () => {
  const one = (format: 0 | 1 | 2 | 3, time: number, rest: ChunkOptions = {}): Buffer =>
    message(8, bytes(4), { csid: 4, format, time, ...rest });

  test('deltas add to the time of their chunk stream; type 3 repeats the last delta', () => {
    const wire = [
      one(0, 1000),
      one(1, 20),
      one(2, 30),
      one(3, 0),
      message(9, bytes(1), { csid: 6, time: 7 }),
      one(3, 0),
    ];
    expect(times(read(wire))).toEqual([1000, 1020, 1050, 1080, 7, 1110]);
  });

  test('type 3 after type 0 adds the time of type 0 (5.3.1.2.4)', () => {
    expect(times(read([one(0, 40), one(3, 0)]))).toEqual([40, 80]);
  });

  test('32-bit wrap and a negative delta', () => {
    expect(times(read([one(0, 0xfffffff0), one(1, 0x20)]))).toEqual([0xfffffff0, 0x10]);
    expect(times(read([one(0, 1000), one(1, 0xfffffff6)]))).toEqual([1000, 990]);
  });

  test('an extended delta is repeated on type 3, or not', () => {
    for (const bareType3 of [false, true]) {
      const wire = [
        one(0, 0x1000000),
        message(8, bytes(4), { csid: 4, format: 3, time: 0x1000000, bareType3 }),
      ];
      expect(read(wire).map((each) => [each.timestamp, each.payload])).toEqual([
        [0x1000000, bytes(4)],
        [0x2000000, bytes(4)],
      ]);
    }
  });

  test('payload that begins like the timestamp but is not one, cut at every position', () => {
    const time = 0x01000000;
    const payload = Buffer.concat([bytes(128), Buffer.from('010000', 'hex')]);
    const wire = Buffer.concat([
      message(9, payload, { csid: 6, time, bareType3: true }),
      message(8, Buffer.of(1, 0), { csid: 4, time: 5 }),
      message(8, Buffer.of(1, 0), { csid: 4, time: 9 }),
    ]);
    for (let at = 0; at <= wire.length; at++) {
      expect(read(cut(wire, [at])).map((each) => each.payload)).toEqual([
        payload,
        Buffer.of(1, 0),
        Buffer.of(1, 0),
      ]);
    }
    expect(read([...wire].map((byte) => Buffer.of(byte))).map((each) => each.timestamp)).toEqual([
      time,
      5,
      9,
    ]);
  });
});

describe('control messages', () => {
  test('Set Chunk Size holds from the next chunk on and is not handed on', () => {
    const wire = Buffer.concat([setChunkSize(10), message(9, bytes(25), { csid: 6, chunkBytes: 10 })]);
    expect(read([wire]).map((each) => each.payload)).toEqual([bytes(25)]);
  });

  test('Abort drops what a chunk stream has collected', () => {
    const half = message(9, bytes(200), { csid: 6 }).subarray(0, 12 + 128);
    const abort = message(2, Buffer.of(0, 0, 0, 6), { csid: 2 });
    const next = message(9, bytes(5), { csid: 6, time: 3 });
    expect(read([half, abort, next]).map((each) => each.payload)).toEqual([bytes(5)]);
  });

  test('a new message header gives up the unfinished message', () => {
    const half = message(9, bytes(200), { csid: 6 }).subarray(0, 12 + 128);
    expect(read([half, message(9, bytes(150), { csid: 6 })]).map((each) => each.payload)).toEqual([
      bytes(150),
    ]);
  });

  test('librtmp begins chunk stream 2 with type 1', () => {
    const [pong] = read([message(4, bytes(6), { csid: 2, format: 1, time: 0 })]);
    expect(pong).toMatchObject({ type: 4, streamId: 0 });
  });
});

describe('protocol errors', () => {
  const bad: readonly [string, readonly Buffer[]][] = [
    ['type 1 on a new chunk stream', [message(9, bytes(1), { csid: 6, format: 1 })]],
    ['type 2 on a new chunk stream', [Buffer.of(0x86, 0, 0, 0)]],
    ['type 3 on a new chunk stream', [Buffer.of(0xc6)]],
    ['chunk size 0', [setChunkSize(0)]],
    ['chunk size with the top bit', [setChunkSize(0x80000000)]],
    ['chunk size cut short', [message(1, Buffer.of(1), { csid: 2 })]],
    ['message too long', [message(9, Buffer.alloc(0), { csid: 6 }).fill(0xff, 4, 7)]],
    ['too many chunk streams', Array.from({ length: 9 }, (_, i) => message(8, bytes(1), { csid: 3 + i }))],
    [
      'too much unfinished',
      Array.from({ length: 3 }, (_, i) => message(9, bytes(1 << 20), { csid: 3 + i }).subarray(0, 140)),
    ],
  ];
  test.each(bad)('%s', (_, wire) => {
    expect(() => read(wire)).toThrow(ProtocolError);
  });

  test('finished, aborted and replaced messages no longer count as unfinished', () => {
    const half = message(9, bytes(1 << 20), { csid: 6 }).subarray(0, 140);
    const abort = message(2, Buffer.of(0, 0, 0, 6), { csid: 2 });
    expect(read([half, abort, half, half, message(9, bytes(1 << 20), { csid: 6 }), half, half])).toHaveLength(
      1,
    );
  });
});
