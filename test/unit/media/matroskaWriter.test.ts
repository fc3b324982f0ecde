import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sample, Track } from '../../../src/domain/media.ts';
import { matroskaWriter } from '../../../src/media/matroskaWriter.ts';
import { ffmpeg, hasEncoder, noFfmpeg, parsePackets, pipeThrough } from './support/ffmpeg.ts';
import { readIvf, readMp4Track } from './support/sources.ts';

const NONE = Buffer.alloc(0);
const OPUS_HEAD = Buffer.from('4f707573486561640101380180bb0000000000', 'hex');
const VP8: Track = { id: 4, kind: 'video', codec: 'vp8', config: NONE, width: 0, height: 0 };
const OPUS: Track = {
  id: 9,
  kind: 'audio',
  codec: 'opus',
  config: OPUS_HEAD,
  sampleRate: 48_000,
  channels: 1,
};
const TICK_US = 10;

interface Block {
  readonly track: number;
  /** Ticks of 10 µs. */
  readonly time: number;
  readonly key: boolean;
  readonly data: Buffer;
}

/** Reads clusters of known size, as strictly as the writer claims to write them. */
function readClusters(bytes: Buffer): Block[] {
  const blocks: Block[] = [];
  let at = 0;
  const size = () => bytes.readUInt32BE((at += 4) - 4) & 0x0fffffff;
  while (at < bytes.length) {
    expect(bytes.readUInt32BE(at)).toBe(0x1f43b675);
    at += 4;
    const end = size() + at;
    expect(bytes.readUInt16BE(at)).toBe(0xe788);
    const base = Number(bytes.readBigUInt64BE(at + 2));
    at += 10;
    while (at < end) {
      expect(bytes.readUInt8(at++)).toBe(0xa3);
      const length = size();
      const data = bytes.subarray(at + 4, at + length);
      const time = base + bytes.readInt16BE(at + 1);
      blocks.push({ track: bytes.readUInt8(at) & 0x7f, time, key: bytes.readUInt8(at + 3) === 0x80, data });
      at += length;
    }
    expect(at).toBe(end);
  }
  return blocks;
}

const sample = (trackId: number, pts: number, data = Buffer.from([1, 2, 3])): Sample => ({
  trackId,
  dts: pts,
  pts,
  key: true,
  data,
});

describe('batches', () => {
  it('hold every sample with its time, key flag and bytes, in order, whatever the times', () => {
    const anySample = fc.record({
      trackId: fc.constantFrom(4, 9),
      pts: fc.integer({ min: -1_000_000, max: 40_000_000 }),
      key: fc.boolean(),
      data: fc.integer({ min: 1, max: 5000 }).map((length) => Buffer.alloc(length, length % 251)),
    });
    const batches = fc.array(fc.array(anySample, { maxLength: 12 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(batches, (all) => {
        const writer = matroskaWriter([VP8, OPUS]);
        const samples = [sample(4, 0), ...all.flat().map((each) => ({ ...each, dts: each.pts }))];
        const written = [
          samples.slice(0, 1),
          ...all.map((batch) => batch.map((s) => ({ ...s, dts: s.pts }))),
        ].flatMap((batch) => writer.batch(batch));
        const blocks = readClusters(Buffer.concat(written));
        const origin = blocks[0]?.time ?? NaN;
        expect(blocks.map(({ key, data }) => [key, data.length, data[0]])).toEqual(
          samples.map(({ key, data }) => [key, data.length, data[0]]),
        );
        blocks.forEach(({ track, time }, i) => {
          const { trackId, pts } = samples[i]!;
          expect(track).toBe(trackId === 4 ? 1 : 2);
          // 312 samples of pre-skip are 650 ticks, which readers take off again.
          expect(time - origin).toBe(Math.round(pts / TICK_US) + (trackId === 9 ? 650 : 0));
        });
      }),
      { seed: 5, numRuns: 100 },
    );
  });

  it('pass large media by reference and copy small media beside their headers', () => {
    const large = Buffer.alloc(2048);
    const small = Buffer.alloc(2047);
    const out = matroskaWriter([VP8]).batch([sample(4, 0, small), sample(4, 1, large), sample(4, 2, small)]);
    expect(out).toHaveLength(3);
    expect(out[1]).toBe(large);
  });

  it('of nothing are nothing', () => expect(matroskaWriter([VP8]).batch([])).toEqual([]));

  it('put times long before the first batch at 0', () => {
    const writer = matroskaWriter([VP8]);
    const written = [[sample(4, 0)], [sample(4, -20_000_000)]].flatMap((batch) => writer.batch(batch));
    expect(readClusters(Buffer.concat(written)).map(({ time }) => time)).toEqual([1_000_000, 0]);
  });

  it('begin with the earliest sample at 10 s, or at 0 for a reader that does not probe', () => {
    for (const [isProbed, times] of [
      [true, [1_000_002, 1_000_000]],
      [false, [2, 0]],
    ] as const) {
      const written = matroskaWriter([VP8], isProbed).batch([sample(4, 70), sample(4, 50)]);
      expect(readClusters(Buffer.concat(written)).map(({ time }) => time)).toEqual(times);
    }
  });

  it('refuse a sample of a track that was not declared', () => {
    expect(() => matroskaWriter([VP8]).batch([sample(5, 0)])).toThrow('undeclared track 5');
  });
});

describe('the header', () => {
  const has = (track: Track, text: string) =>
    matroskaWriter([track]).header().includes(Buffer.from(text, 'hex'));

  it('gives a video of unknown size 16x16 pixels', () => {
    expect(has(VP8, 'b01000000110' + 'ba1000000110')).toBe(true);
    expect(has({ ...VP8, width: 640, height: 360 }, 'b0100000020280' + 'ba100000020168')).toBe(true);
  });

  it('declares the codec delay of Opus', () => expect(has(OPUS, '56aa10000003' + '632ea0')).toBe(true));

  it('carries no configuration for VP9, whose vpcC Matroska does not know', () => {
    const config = Buffer.from('0100000000', 'hex');
    expect(has({ ...VP8, codec: 'vp9', config }, '63a2')).toBe(false);
    expect(has({ ...VP8, codec: 'h264', config }, '63a2' + '10000005' + '0100000000')).toBe(true);
  });
});

describe.skipIf(noFfmpeg)('FFmpeg reads back every packet at its time', () => {
  let folder: string;
  const file = (name: string) => join(folder, name);
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'matroska-'));
    const tone = ['-f', 'lavfi', '-i', 'sine=440:d=2:r=48000', '-ac', '1'];
    await ffmpeg(...tone, '-c:a', 'libopus', '-b:a', '32k', file('opus.mp4'));
    await ffmpeg(...tone, '-c:a', 'aac', '-b:a', '32k', file('aac.mp4'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const AAC: Track = { ...OPUS, codec: 'aac', config: Buffer.from('1188', 'hex') };
  const opus = async () => readMp4Track(await readFile(file('opus.mp4')), 9).samples;
  const aac = async () => readMp4Track(await readFile(file('aac.mp4')), 9).samples;

  async function video(encoder: string, name: string, ...args: string[]): Promise<Buffer> {
    const picture = ['-f', 'lavfi', '-i', 'testsrc2=s=96x64:r=30000/1001:d=2'];
    await ffmpeg(...picture, '-c:v', encoder, ...args, '-g', '30', file(name));
    return readFile(file(name));
  }

  async function check(tracks: readonly Track[], samples: readonly Sample[]): Promise<void> {
    const writer = matroskaWriter(tracks);
    const ordered = [...samples].sort((a, b) => a.dts - b.dts);
    const parts = [writer.header()];
    for (let i = 0; i < ordered.length; i += 17) parts.push(...writer.batch(ordered.slice(i, i + 17)));
    const copy = ['-fpsprobesize', '0', '-f', 'matroska', '-i', 'pipe:0', '-map', '0', '-c', 'copy'];
    const { output, errors, code } = await pipeThrough(Buffer.concat(parts), [
      ...copy,
      '-f',
      'framemd5',
      '-',
    ]);
    expect([code, errors]).toEqual([0, '']);
    const packets = parsePackets(output);
    const shift = Math.min(...samples.map(({ pts }) => pts));
    const start = Math.min(...packets.map(({ pts }) => pts));
    tracks.forEach((track, stream) => {
      const expected = ordered.filter(({ trackId }) => trackId === track.id);
      const found = packets.filter((packet) => packet.stream === stream);
      expect(found.map(({ md5 }) => md5)).toEqual(
        expected.map(({ data }) => createHash('md5').update(data).digest('hex')),
      );
      found.forEach(({ pts, dts }, i) => {
        expect(Math.abs(pts - start - (expected[i]!.pts - shift))).toBeLessThanOrEqual(2 * TICK_US);
        expect(Math.abs(dts - start - (expected[i]!.dts - shift))).toBeLessThanOrEqual(2 * TICK_US);
      });
    });
  }

  it.skipIf(!hasEncoder('libvpx'))('VP8 and Opus', async () => {
    const ivf = await video('libvpx', 'vp8.ivf', '-deadline', 'realtime');
    await check([VP8, OPUS], [...readIvf(ivf, 4), ...(await opus())]);
  });

  it.skipIf(!hasEncoder('libvpx-vp9'))('VP9 and Opus', async () => {
    const source = readMp4Track(
      await video('libvpx-vp9', 'vp9.mp4', '-deadline', 'realtime', '-cpu-used', '8'),
      4,
    );
    await check(
      [{ ...VP8, codec: 'vp9', config: source.config }, OPUS],
      [...source.samples, ...(await opus())],
    );
  });

  it.skipIf(!hasEncoder('libaom-av1'))('AV1 and Opus', async () => {
    const fast = ['-usage', 'realtime', '-cpu-used', '8'];
    const source = readMp4Track(await video('libaom-av1', 'av1.mp4', ...fast), 4);
    await check(
      [{ ...VP8, codec: 'av1', config: source.config }, OPUS],
      [...source.samples, ...(await opus())],
    );
  });

  it.skipIf(!hasEncoder('libx265'))('HEVC with B-frames and AAC', async () => {
    const quick = ['-preset', 'ultrafast', '-x265-params', 'log-level=none:bframes=2'];
    const source = readMp4Track(await video('libx265', 'hevc.mp4', ...quick), 4);
    await check(
      [{ ...VP8, codec: 'hevc', config: source.config }, AAC],
      [...source.samples, ...(await aac())],
    );
  });

  it.skipIf(!hasEncoder('libx264'))('H.264 with B-frames and Opus that starts 0.9 s earlier', async () => {
    const source = readMp4Track(await video('libx264', 'h264.mp4', '-preset', 'ultrafast', '-bf', '2'), 4);
    const early = (await opus()).map((each) => ({
      ...each,
      dts: each.dts - 900_000,
      pts: each.pts - 900_000,
    }));
    await check([{ ...VP8, codec: 'h264', config: source.config }, OPUS], [...source.samples, ...early]);
  });
});
