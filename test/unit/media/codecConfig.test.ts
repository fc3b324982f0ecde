import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AudioCodec, VideoCodec } from '../../../src/domain/codec.ts';
import { audioFormat, reorderDepth, videoSize } from '../../../src/media/codecConfig.ts';

const NONE = Buffer.alloc(0);
const hex = (text: string) => Buffer.from(text, 'hex');

/** Packs [value, bits] pairs, most significant bit first. */
function pack(...fields: readonly (readonly [number, number])[]): Buffer {
  const bits = fields.map(([value, count]) => value.toString(2).padStart(count, '0')).join('');
  const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, '0');
  return Buffer.from((padded.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
}

/** Configurations written by x264, x265, libvpx and SVT-AV1. */
const AVCC_1080P = hex('0142c028ffe100196742c028da01e0089f97011000000300100000030320f1832a01000468ce0fc8');
const AVCC_INTERLACED = hex(
  '014d4028ffe10019674d4028f403c0227ef011000003000100000300321f162ea001000468de0fc8',
);
const AVCC_444 = hex(
  '01f4000dffe1001b67f4000d91968150878f8fc044000003000400000300c83c50aa8001000568ce0f1920fff8f800',
);
const HVCC_1080P = hex(
  '01016000000090000000000078f000fcfdf8f800000f03200001001840010c01ffff01600000030090000003000003007895' +
    '9409210001002b420101016000000300900000030000030078a003c0801107cb965654a4c2f0168080000003008000000c84' +
    '22000100064401c073c189',
);
const AV1C = hex('81000c000a0a00000003b4ff700be001');
const AV1_KEY_FRAME = hex('0a0a00000003b4ff73efe4013296141400218820');
const VP8_KEY_FRAME = hex('304a009d012aa0007800000708858588');
const VP9_KEY_FRAME = hex('824983420009f007760638241c184200');
const OPUS_HEAD = hex('4f707573486561640102380180bb0000000000');

describe('videoSize', () => {
  it.each<[string, VideoCodec, readonly [Buffer, Buffer?], string]>([
    ['H.264 with cropping', 'h264', [AVCC_1080P], '1920x1080'],
    ['H.264 interlaced, cropped by fields', 'h264', [AVCC_INTERLACED], '1920x1080'],
    ['H.264 high 4:4:4 with cropping', 'h264', [AVCC_444], '322x242'],
    ['HEVC with a conformance window', 'hevc', [HVCC_1080P], '1920x1080'],
    ['AV1 from av1C', 'av1', [AV1C], '160x120'],
    ['AV1 from the key frame', 'av1', [NONE, AV1_KEY_FRAME], '160x120'],
    ['VP8', 'vp8', [NONE, VP8_KEY_FRAME], '160x120'],
    ['VP9', 'vp9', [NONE, VP9_KEY_FRAME], '160x120'],
  ])('reads %s', (_name, codec, input, size) => {
    const { width, height } = videoSize(codec, ...input);
    expect(`${width}x${height}`).toBe(size);
  });

  it('answers 0x0 for an interframe, an empty and a cut configuration', () => {
    const unknown = { width: 0, height: 0 };
    expect(videoSize('vp8', NONE, hex('314a009d012aa000780000'))).toEqual(unknown);
    expect(videoSize('h264', NONE)).toEqual(unknown);
    expect(videoSize('h264', AVCC_1080P.subarray(0, 12))).toEqual(unknown);
    expect(videoSize('hevc', HVCC_1080P.subarray(0, 30))).toEqual(unknown);
  });

  it('never throws and never invents an absurd size', () => {
    const codec = fc.constantFrom<VideoCodec>('h264', 'hevc', 'vp8', 'vp9', 'av1');
    const seed = fc.constantFrom(AVCC_1080P, AVCC_444, HVCC_1080P, AV1C, VP8_KEY_FRAME, VP9_KEY_FRAME);
    const damage = fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(codec, seed, damage, fc.nat(200), (name, bytes, flips, length) => {
        const config = Buffer.from(bytes.subarray(0, length));
        for (const [at, value] of flips) if (at < config.length) config[at] = value;
        const { width, height } = videoSize(name, config, config);
        expect(width).toBeGreaterThanOrEqual(0);
        expect(width).toBeLessThanOrEqual(16_384);
        expect(height > 0).toBe(width > 0);
      }),
      { seed: 1, numRuns: 2000 },
    );
  });
});

describe('audioFormat', () => {
  it.each<[string, AudioCodec, Buffer, readonly [number, number]]>([
    ['AAC-LC 44.1 kHz stereo', 'aac', hex('1210'), [44_100, 2]],
    ['AAC-LC 48 kHz 7.1', 'aac', pack([2, 5], [3, 4], [7, 4], [0, 3]), [48_000, 8]],
    [
      'AAC with an explicit frequency',
      'aac',
      pack([2, 5], [15, 4], [44_056, 24], [1, 4], [0, 3]),
      [44_056, 1],
    ],
    ['the core of HE-AAC', 'aac', pack([5, 5], [7, 4], [2, 4], [4, 4], [2, 5], [0, 3]), [22_050, 2]],
    ['the core of HE-AAC v2', 'aac', pack([29, 5], [7, 4], [1, 4], [4, 4], [2, 5], [0, 3]), [22_050, 1]],
    ['Opus', 'opus', OPUS_HEAD, [48_000, 2]],
    ['MP3', 'mp3', NONE, [44_100, 2]],
    ['Speex', 'speex', NONE, [16_000, 1]],
    ['A-law', 'pcma', NONE, [8_000, 1]],
    ['µ-law', 'pcmu', NONE, [8_000, 1]],
  ])('reads %s', (_name, codec, config, [sampleRate, channels]) => {
    expect(audioFormat(codec, config)).toEqual({ sampleRate, channels });
  });

  it('counts the channels of a program config element', () => {
    const elements = [
      [1, 1],
      [0, 4],
      [0, 1],
      [1, 4],
    ] as const;
    const config = pack(
      ...([
        [2, 5],
        [4, 4],
        [0, 4],
        [0, 3],
        [0, 4],
        [1, 2],
        [4, 4],
      ] as const),
      ...([
        [1, 4],
        [0, 4],
        [1, 4],
        [1, 2],
        [0, 3],
        [0, 4],
        [0, 3],
      ] as const),
      ...elements,
      [0, 4],
    );
    expect(audioFormat('aac', config)).toEqual({ sampleRate: 44_100, channels: 4 });
  });

  it('answers undefined for empty, cut and reserved configurations', () => {
    expect(audioFormat('aac', NONE)).toBeUndefined();
    expect(audioFormat('aac', hex('12'))).toBeUndefined();
    expect(audioFormat('aac', pack([2, 5], [14, 4], [2, 4], [0, 3]))).toBeUndefined();
    expect(audioFormat('opus', OPUS_HEAD.subarray(1))).toBeUndefined();
  });

  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<AudioCodec>('aac', 'opus'),
        fc.uint8Array({ maxLength: 40 }),
        (codec, bytes) => {
          const format = audioFormat(codec, Buffer.from(bytes));
          expect(format === undefined || (format.sampleRate > 0 && format.channels > 0)).toBe(true);
        },
      ),
      { seed: 1, numRuns: 2000 },
    );
  });
});

/** Written by x264 without and with B-frames, and with HRD parameters before the bound. */
const AVCC_NO_B = hex(
  '0164000cffe100186764000cacb202833f3e0220000003002000000641e2854901000668ebc3cb22c0fdf8f800',
);
const AVCC_B = hex(
  '0164000cffe1001a6764000cacd941419f9f011000000300100000030320f142996001000668ebe3cb22c0fdf8f800',
);
const AVCC_HRD = hex(
  '014d4014ffe10023674d4014d901419f9f01100000030010000003032626000f424001e84e4c30078a152401000468ebccb2',
);

describe('reorderDepth', () => {
  it.each<[string, VideoCodec, Buffer, number | undefined]>([
    ['H.264 without B-frames', 'h264', AVCC_NO_B, 0],
    ['H.264 without B-frames, with HRD parameters', 'h264', AVCC_HRD, 0],
    ['H.264 baseline', 'h264', AVCC_1080P, 0],
    ['H.264 with B-frames', 'h264', AVCC_B, 2],
    ['H.264 cut short', 'h264', AVCC_NO_B.subarray(0, 12), undefined],
    ['H.264 without configuration', 'h264', NONE, undefined],
    ['HEVC', 'hevc', HVCC_1080P, 2],
    ['HEVC cut short', 'hevc', HVCC_1080P.subarray(0, 10), undefined],
    ['VP8', 'vp8', NONE, 0],
  ])('%s: %#', (_name, codec, config, expected) => {
    expect(reorderDepth(codec, config)).toBe(expected);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.constantFrom<VideoCodec>('h264', 'hevc'), fc.uint8Array(), (codec, bytes) => {
        const depth = reorderDepth(codec, Buffer.from(bytes));
        expect(depth === undefined || (depth >= 0 && depth <= 16)).toBe(true);
      }),
    );
  });
});
