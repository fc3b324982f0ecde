import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AudioTrack, VideoTrack } from '../../../src/domain/media.ts';
import { Reception, nalUnits, senderReport } from './support.ts';

const H264 = { codec: 'h264', clockRate: 90_000 } as const;
const VP8 = { codec: 'vp8', clockRate: 90_000 } as const;
const OPUS = { codec: 'opus', clockRate: 48_000, channels: 2, lossWaitMs: 300 } as const;

/** Unsigned Exp-Golomb as text of bits. */
function ue(value: number): string {
  const binary = (value + 1).toString(2);
  return '0'.repeat(binary.length - 1) + binary;
}

/** An SPS of this size in macroblocks. Baseline by default; Main gets picture order type 0 and no VUI. */
function sps(width: number, height: number, isMain = false): Buffer {
  const order = isMain ? ue(0) + ue(0) : ue(2);
  const size = ue(width - 1) + ue(height - 1);
  // Id, frame number bits; order; references, gaps; size; frames only, direct 8x8, no crop, no VUI; stop bit.
  const text = ue(0) + ue(0) + order + ue(1) + '0' + size + '1100' + '1';
  const bytes = text.padEnd(Math.ceil(text.length / 8) * 8, '0').match(/.{8}/g)!;
  const head = Buffer.from(isMain ? '674d400a' : '6742c00a', 'hex');
  return Buffer.concat([head, Buffer.from(bytes.map((byte) => parseInt(byte, 2)))]);
}

const PPS = Buffer.from('68ce3c80', 'hex');
const SMALL = { sps: sps(4, 3), pps: PPS };
const LARGE = { sps: sps(8, 6), pps: PPS };

const idr = (fill: number, size = 30) => Buffer.concat([Buffer.from([0x65, 0x88]), Buffer.alloc(size, fill)]);
const slice = (fill: number, size = 10) =>
  Buffer.concat([Buffer.from([0x41, 0x9a]), Buffer.alloc(size, fill)]);

function stapA(...units: readonly Buffer[]): Buffer {
  return Buffer.concat([
    Buffer.of(0x78),
    ...units.flatMap((unit) => [Buffer.from([unit.length >> 8, unit.length & 255]), unit]),
  ]);
}

function fuA(unit: Buffer, pieces: number): Buffer[] {
  const size = Math.ceil((unit.length - 1) / pieces);
  return Array.from({ length: pieces }, (_, i) => {
    const ends = (i === 0 ? 0x80 : 0) | (i === pieces - 1 ? 0x40 : 0);
    const head = Buffer.from([(unit[0]! & 0xe0) | 28, ends | (unit[0]! & 31)]);
    return Buffer.concat([head, unit.subarray(1 + i * size, 1 + (i + 1) * size)]);
  });
}

/** Sends payloads one after the other. */
class Sender {
  sequence: number;
  readonly reception: Reception;
  now = 0;

  constructor(reception: Reception, sequence = 65_530) {
    this.reception = reception;
    this.sequence = sequence;
  }

  send(
    timestamp: number,
    payloads: readonly Buffer[],
    options: { marker?: boolean; skip?: number } = {},
  ): void {
    payloads.forEach((payload, i) => {
      const marker = options.marker !== false && i === payloads.length - 1;
      const fields = { sequence: this.sequence++, timestamp, payload, marker };
      if (options.skip !== i) this.reception.push(fields, this.now);
      this.now += 1;
    });
    this.reception.check(this.now);
  }

  /** Lets the wait for lost packets pass. */
  giveUp(): void {
    this.now += 1100;
    this.reception.check(this.now);
  }
}

function video(init: Partial<Parameters<typeof setUp>[0]> = {}) {
  return setUp({ ...H264, ...init });
}

function setUp(init: ConstructorParameters<typeof Reception>[0]) {
  const reception = new Reception(init);
  return { reception, sender: new Sender(reception) };
}

const types = (data: Buffer) => nalUnits(data).map((nal) => nal[0]! & 31);

describe('H.264', () => {
  test('STAP-A with parameter sets, then fragments: one access unit, sets kept, size known', () => {
    const { reception, sender } = video();
    sender.send(1000, [stapA(SMALL.sps, SMALL.pps), ...fuA(idr(1, 1000), 3)]);
    sender.send(4600, [slice(2)]);
    reception.end();
    const [first, second] = reception.samples;
    expect(nalUnits(first!.data)).toEqual([SMALL.sps, SMALL.pps, idr(1, 1000)]);
    expect(first).toMatchObject({ dts: 0, pts: 0, key: true });
    expect(second).toMatchObject({ dts: 40_000, pts: 40_000, key: false });
    expect(reception.tracks).toMatchObject([{ id: 1, kind: 'video', codec: 'h264', width: 64, height: 48 }]);
    expect((reception.tracks[0] as VideoTrack).inBandConfig).toBe(true);
    const set = SMALL.sps;
    expect(reception.tracks[0]!.config.subarray(0, 8 + set.length)).toEqual(
      Buffer.concat([Buffer.from([1, set[1]!, set[2]!, set[3]!, 0xff, 0xe1, 0, set.length]), set]),
    );
  });

  test('sets in packets of their own, even marked and with another timestamp, go into the key frame', () => {
    const { reception, sender } = video();
    sender.send(500, [SMALL.sps]);
    sender.send(700, [SMALL.pps]);
    sender.send(1000, [idr(1)]);
    reception.end();
    expect(reception.samples.map(({ data }) => types(data))).toEqual([[7, 8, 5]]);
  });

  test('a missing marker is made up for by the next timestamp, and at the end', () => {
    const { reception, sender } = video();
    sender.send(1000, [SMALL.sps, SMALL.pps, idr(1)], { marker: false });
    sender.send(2000, [slice(1), slice(2)], { marker: false });
    reception.check((sender.now += 10));
    expect(reception.samples).toHaveLength(1);
    reception.end();
    expect(reception.samples.map(({ data }) => types(data))).toEqual([
      [7, 8, 5],
      [1, 1],
    ]);
  });

  test('where the ends are marked, an unmarked last unit is not whole', () => {
    const { reception, sender } = video();
    sender.send(1000, [SMALL.sps, SMALL.pps, idr(1)]);
    sender.send(2000, [slice(1)]);
    sender.send(3000, [slice(2)], { marker: false });
    reception.end();
    expect(reception.samples).toHaveLength(2);
  });

  test('a changed configuration is told before its key frame', () => {
    const { reception, sender } = video();
    sender.send(0, [stapA(SMALL.sps, SMALL.pps), idr(1)]);
    sender.send(3600, [slice(1)]);
    sender.send(7200, [stapA(LARGE.sps, LARGE.pps), idr(2)]);
    sender.send(10_800, [stapA(LARGE.sps, LARGE.pps), idr(3)]);
    reception.end();
    expect(reception.order).toEqual(['track', 0, 40_000, 'track', 80_000, 120_000]);
    expect(reception.tracks.map((track) => (track as VideoTrack).width)).toEqual([64, 128]);
    expect(reception.tracks[1]!.config.readUInt8(5)).toBe(0xe1);
  });

  test('a lost packet discards its unit and what refers to it; one key frame request in 500 ms', () => {
    const { reception, sender } = video();
    const key = [stapA(SMALL.sps, SMALL.pps), ...fuA(idr(1, 300), 3)];
    sender.send(0, key);
    sender.send(3600, [slice(1)]);
    sender.send(7200, fuA(slice(2, 300), 3), { skip: 1 });
    sender.send(10_800, [slice(3)]);
    sender.giveUp();
    expect(reception.samples).toHaveLength(2);
    expect(reception.keyFrameRequests).toBe(1);
    for (let i = 0; i < 49; i++) {
      sender.now += 10;
      reception.check(sender.now);
    }
    expect(reception.keyFrameRequests).toBe(1);
    sender.now += 10;
    reception.check(sender.now);
    expect(reception.keyFrameRequests).toBe(2);
    sender.send(200_000, [slice(4)]);
    sender.send(203_600, key);
    sender.send(207_200, [slice(5)]);
    sender.now += 5000;
    reception.check(sender.now);
    reception.end();
    expect(reception.samples.map(({ key: isKey }) => isKey)).toEqual([true, false, true, false]);
    expect(reception.keyFrameRequests).toBe(2);
    expect(reception.receiver.statistics()).toMatchObject({ lost: 1, givenUp: 1, discarded: 3, samples: 4 });
    // The last picture before was at 40 ms, the next key frame at 2262 ms; one picture in 40 ms.
    expect(reception.losses).toEqual([{ packets: 1, missingUs: 2_182_222 }]);
    expect(reception.order.indexOf('loss')).toBe(3);
  });

  test('a key frame whose beginning was lost, or whose sets were, is not trusted', () => {
    const middle = Buffer.concat([Buffer.from([0x65, 0x44]), Buffer.alloc(20, 9)]);
    for (const key of [
      [SMALL.sps, SMALL.pps, idr(1), middle],
      [stapA(SMALL.sps, SMALL.pps), idr(1)],
    ]) {
      for (const skip of [0, key.length - 2]) {
        const { reception, sender } = video();
        sender.send(0, [SMALL.sps, SMALL.pps, idr(7)]);
        sender.send(3600, key, { skip });
        sender.giveUp();
        // Only a set that came whole lets the second key frame through.
        const trusted = key.length === 4 && skip === 0;
        expect(reception.samples).toHaveLength(trusted ? 2 : 1);
      }
    }
  });

  test('a unit larger than the bound is discarded, and memory with it', () => {
    const { reception, sender } = video({ maxAccessUnitBytes: 2000 });
    sender.send(0, [SMALL.sps, SMALL.pps, ...fuA(idr(1, 4000), 4)]);
    sender.send(3600, [SMALL.sps, SMALL.pps, idr(2)]);
    reception.end();
    expect(reception.samples).toHaveLength(1);
    expect(reception.receiver.statistics().discarded).toBe(1);
  });

  test('nothing can be decoded before the first configuration', () => {
    const { reception, sender } = video();
    sender.send(0, [idr(1)]);
    sender.send(3600, [slice(1)]);
    sender.giveUp();
    expect(reception.samples).toHaveLength(0);
    expect(reception.keyFrameRequests).toBeGreaterThan(0);
  });

  test('a first packet that begins no key frame: the ones before it are asked for', () => {
    const { reception, sender } = video();
    const [lost, ...rest] = [stapA(SMALL.sps, SMALL.pps), ...fuA(idr(1, 300), 3)];
    const first = sender.sequence;
    sender.sequence++;
    sender.send(0, rest);
    sender.now += 10;
    reception.check(sender.now);
    expect(reception.nacked).toContain(first);
    reception.push({ sequence: first, timestamp: 0, payload: lost }, sender.now + 40);
    sender.now += 300;
    reception.check(sender.now);
    expect(reception.samples).toHaveLength(1);
    // Of those before it nobody knows whether they were sent.
    expect(reception.losses).toEqual([]);
  });

  test('padding fills its place and is no media', () => {
    const { reception, sender } = video();
    sender.send(0, [stapA(SMALL.sps, SMALL.pps), idr(1)]);
    const padding = { sequence: sender.sequence++, timestamp: 0, payload: Buffer.alloc(0), padding: 200 };
    reception.push(padding, sender.now);
    sender.send(3600, [slice(1)]);
    reception.end();
    expect(reception.samples).toHaveLength(2);
    expect(reception.receiver.statistics().lost).toBe(0);
  });
});

describe('reordering without a word about it', () => {
  test('five frames show the depth; times stay exact, and order grows', () => {
    const order = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8];
    const { reception, sender } = video();
    sender.send(0, [stapA(sps(4, 3, true), SMALL.pps), idr(0)]);
    for (const n of order.slice(1)) sender.send(n * 3600, [slice(n)]);
    reception.end();
    expect(reception.samples.map(({ pts }) => (pts - reception.samples[0]!.pts) / 40_000)).toEqual(order);
    reception.samples.forEach(({ dts, pts }, i) => {
      expect(dts).toBeLessThanOrEqual(pts);
      if (i > 0) expect(dts).toBeGreaterThan(reception.samples[i - 1]!.dts);
    });
  });
});

describe('VP8', () => {
  const key = (width: number, height: number, size = 40) => {
    const frame = Buffer.alloc(size, 7);
    Buffer.from([0x10, 2, 0, 0x9d, 0x01, 0x2a, width & 255, width >> 8, height & 255, height >> 8]).copy(
      frame,
    );
    return frame;
  };
  const delta = (size = 12) => Buffer.alloc(size, 1);
  /** With a 15-bit picture id, TL0PICIDX, TID and KEYIDX in the descriptor. */
  const packets = (frame: Buffer, pieces = 1) =>
    Array.from({ length: pieces }, (_, i) => {
      const size = Math.ceil(frame.length / pieces);
      const head = Buffer.from([0x80 | (i === 0 ? 0x10 : 0), 0xf0, 0x81, 0x23, 5, 0x40]);
      return Buffer.concat([head, frame.subarray(i * size, (i + 1) * size)]);
    });

  test('frames, key flag, size and a change of size', () => {
    const { reception, sender } = setUp(VP8);
    sender.send(0, packets(key(640, 480), 3));
    sender.send(3600, packets(delta()));
    sender.send(7200, packets(key(320, 240)));
    reception.end();
    expect(reception.samples.map(({ data }) => data)).toEqual([key(640, 480), delta(), key(320, 240)]);
    expect(reception.samples.map(({ key: isKey }) => isKey)).toEqual([true, false, true]);
    expect(
      reception.tracks.map((track) => [(track as VideoTrack).width, (track as VideoTrack).height]),
    ).toEqual([
      [640, 480],
      [320, 240],
    ]);
    expect(reception.tracks[0]!.config).toHaveLength(0);
  });

  test('the head of a frame lost: the rest is no frame', () => {
    const { reception, sender } = setUp(VP8);
    sender.send(0, packets(key(640, 480)));
    sender.send(3600, packets(delta(30), 3), { skip: 0 });
    sender.send(7200, packets(key(640, 480), 2), { skip: 0 });
    sender.giveUp();
    sender.send(90_000, packets(key(640, 480), 2));
    reception.end();
    expect(reception.samples.map(({ dts }) => dts)).toEqual([0, 1_000_000]);
  });
});

describe('audio', () => {
  test('Opus: channels by the TOC byte, growing only; DTX stays a gap', () => {
    const { reception, sender } = setUp(OPUS);
    sender.send(960, [Buffer.from([0x78, 1])]);
    sender.send(1920, [Buffer.from([0x7c, 1])]);
    sender.send(1920 + 19_200, [Buffer.from([0x78, 1])]);
    reception.end();
    expect(reception.tracks.map((track) => (track as AudioTrack).channels)).toEqual([1, 2]);
    expect(reception.tracks.map(({ config }) => config.readUInt8(9))).toEqual([1, 2]);
    expect(reception.order).toEqual(['track', 0, 'track', 20_000, 420_000]);
  });

  test('a lost packet is given up after its wait and is a gap in the times', () => {
    const { reception, sender } = setUp(OPUS);
    sender.send(0, [Buffer.of(0x78)]);
    sender.send(960, [Buffer.of(0x78)], { skip: 0 });
    sender.send(1920, [Buffer.of(0x78)]);
    sender.now += 290;
    reception.check(sender.now);
    expect(reception.samples).toHaveLength(1);
    sender.now += 20;
    reception.check(sender.now);
    expect(reception.samples.map(({ dts }) => dts)).toEqual([0, 40_000]);
    expect(reception.keyFrameRequests).toBe(0);
  });

  test('AAC: a frame in fragments, a lost fragment, and a packet that lies about its sizes', () => {
    const fmtp = 'streamtype=5; mode=AAC-hbr; config=1188; SizeLength=13; IndexLength=3; IndexDeltaLength=3';
    const { reception, sender } = setUp({ codec: 'aac', clockRate: 48_000, fmtp });
    const head = (size: number) => Buffer.from([0, 16, (size << 3) >> 8, (size << 3) & 255]);
    const part = (size: number, fill: number, bytes: number) =>
      Buffer.concat([head(size), Buffer.alloc(bytes, fill)]);
    sender.send(0, [part(30, 1, 20), part(30, 2, 10)]);
    sender.send(1024, [part(30, 3, 20), part(30, 4, 10)], { skip: 0 });
    sender.giveUp();
    sender.send(51_200, [part(5, 5, 5)]);
    sender.send(52_224, [Buffer.from([0, 32, 0, 80, 0, 80, 1, 2])]);
    sender.send(53_248, [Buffer.from([255, 255, 1])]);
    sender.send(54_272, [part(4, 6, 4)]);
    reception.end();
    const data = reception.samples.map((sample) => sample.data.toString('hex'));
    expect(data).toEqual(['01'.repeat(20) + '02'.repeat(10), '05'.repeat(5), '06'.repeat(4)]);
    expect(reception.samples.map(({ dts }) => dts)).toEqual([0, 1_066_667, 1_130_667]);
  });

  test('LATM: frames in fragments, several to an element, a lost fragment, a length that lies', () => {
    const fmtp = 'cpresent=0; config=41002320';
    const { reception, sender } = setUp({ codec: 'aac-latm', clockRate: 48_000, fmtp });
    const long = Buffer.alloc(300, 1);
    const element = Buffer.concat([Buffer.of(255, 45), long, Buffer.of(2, 7, 7)]);
    sender.send(0, [element.subarray(0, 200), element.subarray(200)]);
    sender.send(2048, [element.subarray(0, 200), element.subarray(200)], { skip: 0 });
    sender.giveUp();
    sender.send(51_200, [Buffer.of(1, 5, 9, 5)]);
    sender.send(53_248, [Buffer.of(1, 6, 1, 8)]);
    reception.end();
    const data = reception.samples.map((sample) => sample.data.toString('hex'));
    expect(data).toEqual(['01'.repeat(300), '0707', '05', '06', '08']);
    expect(reception.samples.map(({ dts }) => dts)).toEqual([0, 21_333, 1_066_667, 1_109_333, 1_130_667]);
    expect(reception.tracks).toMatchObject([{ codec: 'aac', sampleRate: 48_000, channels: 2 }]);
    expect(reception.receiver.statistics().discarded).toBe(2);
  });

  test('AAC without a usable configuration gives nothing', () => {
    for (const config of ['', 'config=', 'config=zz', 'config=ff']) {
      const { reception, sender } = setUp({ codec: 'aac', clockRate: 48_000, fmtp: config });
      sender.send(0, [Buffer.from([0, 16, 0, 8, 1])]);
      reception.end();
      expect(reception.samples).toHaveLength(0);
    }
  });
});

describe('reports and statistics', () => {
  test('loss, highest sequence and delay since the sender report', () => {
    const { reception, sender } = setUp(OPUS);
    expect(reception.receiver.reportBlock(0)).toBeUndefined();
    for (let i = 0; i < 10; i++)
      sender.send(i * 960, [Buffer.of(0x78)], i === 4 || i === 5 ? { skip: 0 } : {});
    reception.receiver.senderReport(senderReport(1_000_000, 0), 1000);
    expect(reception.receiver.reportBlock(1500)).toMatchObject({
      ...{ ssrc: 0x1234, fractionLost: 51, cumulativeLost: 2 },
      ...{ highestSequence: 65_536 + 3, lastSenderReport: 1, delaySinceLastSenderReport: 32_768 },
    });
    expect(reception.receiver.reportBlock(1600)).toMatchObject({ fractionLost: 0, cumulativeLost: 2 });
    expect(reception.receiver.statistics()).toMatchObject({ received: 8, lost: 2 });
  });

  test('a new source takes over after two packets, whatever its numbers', () => {
    const { reception } = setUp(OPUS);
    for (let i = 0; i < 5; i++) {
      reception.push({ sequence: i, timestamp: i * 960, payload: Buffer.of(0x78, i) }, i * 20);
    }
    for (let i = 0; i < 60; i++) {
      const timestamp = 3_000_000_000 + i * 960;
      reception.push(
        { sequence: 40_000 + i, timestamp, ssrc: 9, payload: Buffer.of(0x78, 5 + i) },
        100 + i * 20,
      );
    }
    reception.check(2000);
    reception.end();
    expect(reception.receiver.ssrc).toBe(9);
    expect(reception.samples.map(({ data }) => data[1])).toEqual(Array.from({ length: 65 }, (_, i) => i));
    const times = reception.samples.map(({ dts }) => dts);
    times.slice(1).forEach((time, i) => expect(time).toBeGreaterThan(times[i]!));
    // By arrival: one every 20 ms, the first of the new source with the second.
    expect(Math.abs(times.at(-1)! - 64 * 20_000)).toBeLessThanOrEqual(20_000);
  });

  test('timestamps and sequence numbers wrap together without a trace', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 65_535 }),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        (sequence, timestamp) => {
          const { reception } = setUp(OPUS);
          for (let i = 0; i < 40; i++) {
            // Every third packet comes after its successor.
            const n = i % 3 === 1 ? i + 1 : i % 3 === 2 ? i - 1 : i;
            reception.push(
              { sequence: sequence + n, timestamp: timestamp + n * 960, payload: Buffer.of(0x78) },
              i * 20,
            );
            reception.check(i * 20);
          }
          reception.end();
          expect(reception.samples.map(({ dts }) => dts)).toEqual(
            Array.from({ length: reception.samples.length }, (_, i) => i * 20_000),
          );
          expect(reception.samples.length).toBeGreaterThanOrEqual(39);
        },
      ),
    );
  });
});
