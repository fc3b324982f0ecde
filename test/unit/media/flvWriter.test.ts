import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Sample, Track } from '../../../src/domain/media.ts';
import { fitsFlv, flvWriter } from '../../../src/media/flvWriter.ts';

const VIDEO: Track = {
  id: 1,
  kind: 'video',
  codec: 'h264',
  config: Buffer.from('avcC'),
  width: 640,
  height: 360,
};
const AAC: Track = {
  id: 2,
  kind: 'audio',
  codec: 'aac',
  config: Buffer.from([0x12, 0x10]),
  sampleRate: 44100,
  channels: 2,
};

interface Tag {
  readonly type: number;
  readonly timeMs: number;
  readonly body: Buffer;
}

/** Reads FLV by its specification (Adobe FLV 10.1, annex E). */
function readTags(flv: Buffer): Tag[] {
  const tags: Tag[] = [];
  let at = 9;
  expect(flv.readUInt32BE(at)).toBe(0);
  at += 4;
  while (at < flv.length) {
    const bytes = flv.readUIntBE(at + 1, 3);
    const timeMs = flv.readUIntBE(at + 4, 3) + flv.readUInt8(at + 7) * 2 ** 24;
    expect(flv.readUIntBE(at + 8, 3)).toBe(0);
    tags.push({ type: flv.readUInt8(at), timeMs, body: flv.subarray(at + 11, at + 11 + bytes) });
    expect(flv.readUInt32BE(at + 11 + bytes)).toBe(11 + bytes);
    at += 15 + bytes;
  }
  return tags;
}

type Given = [trackId: number, dtsMs: number, ptsMs: number, key: boolean, data: Buffer];

const sampleOf = (...[trackId, dtsMs, ptsMs, key, data]: Given): Sample => ({
  trackId,
  dts: dtsMs * 1000,
  pts: ptsMs * 1000,
  key,
  data,
});

test('the header declares exactly the tracks', () => {
  for (const [tracks, flags] of [
    [[VIDEO, AAC], 5],
    [[VIDEO], 1],
    [[AAC], 4],
  ] as const) {
    const header = flvWriter(tracks).header();
    expect(header.subarray(0, 9)).toEqual(Buffer.from([0x46, 0x4c, 0x56, 1, flags, 0, 0, 0, 9]));
    expect(readTags(header).map((tag) => tag.type)).toEqual(
      tracks.map((track) => (track.kind === 'video' ? 9 : 8)),
    );
  }
  const [video, audio] = readTags(flvWriter([VIDEO, AAC]).header());
  expect(video?.body).toEqual(Buffer.concat([Buffer.from([0x17, 0, 0, 0, 0]), VIDEO.config]));
  expect(audio?.body).toEqual(Buffer.from([0xaf, 0, 0x12, 0x10]));
});

test('any samples, in any batches, come back with their times and bytes', () => {
  const sample = fc.record({
    isVideo: fc.boolean(),
    dtsMs: fc.integer({ min: -5000, max: 2 ** 31 }),
    composition: fc.integer({ min: -(2 ** 23), max: 2 ** 23 - 1 }),
    key: fc.boolean(),
    bytes: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constantFrom(2047, 2048, 2049, 5000)),
  });
  fc.assert(
    fc.property(fc.array(fc.array(sample, { maxLength: 8 }), { maxLength: 5 }), (batches) => {
      const writer = flvWriter([VIDEO, AAC]);
      const samples = batches.map((batch) =>
        batch.map((each) =>
          each.isVideo
            ? sampleOf(1, each.dtsMs, each.dtsMs + each.composition, each.key, Buffer.alloc(each.bytes, 7))
            : sampleOf(2, each.dtsMs, each.dtsMs, true, Buffer.alloc(each.bytes, 9)),
        ),
      );
      const flv = Buffer.concat([writer.header(), ...samples.flatMap((batch) => writer.batch(batch))]);
      const tags = readTags(flv).slice(2);
      const flat = samples.flat();
      expect(tags.length).toBe(flat.length);
      const origin = (flat[0]?.dts ?? 0) / 1000 - 10_000;
      for (const [i, tag] of tags.entries()) {
        const wanted = flat[i]!;
        expect(tag.timeMs).toBe(Math.max(0, wanted.dts / 1000 - origin));
        const prefix = wanted.trackId === 1 ? 5 : 2;
        expect(tag.body.subarray(prefix)).toEqual(wanted.data);
        if (wanted.trackId === 1) {
          expect(tag.body.readUInt8(0)).toBe(wanted.key ? 0x17 : 0x27);
          expect(tag.body.readIntBE(2, 3)).toBe((wanted.pts - wanted.dts) / 1000);
        }
      }
    }),
  );
});

test('large media is passed by reference, small media is copied beside its header', () => {
  const large = Buffer.alloc(4096);
  const buffers = flvWriter([VIDEO, AAC]).batch([
    sampleOf(2, 0, 0, true, Buffer.alloc(300)),
    sampleOf(1, 0, 0, true, large),
    sampleOf(2, 23, 23, true, Buffer.alloc(300)),
  ]);
  expect(buffers.length).toBe(3);
  expect(buffers[1]).toBe(large);
});

test.each([
  ['mp3', 44100, 2, 0x2f],
  ['speex', 16000, 1, 0xb6],
  ['pcma', 8000, 1, 0x72],
  ['pcmu', 8000, 2, 0x83],
] as const)('%s gets its sound flags', (codec, sampleRate, channels, flags) => {
  const track: Track = { id: 2, kind: 'audio', codec, config: Buffer.alloc(0), sampleRate, channels };
  const writer = flvWriter([track]);
  const flv = Buffer.concat([writer.header(), ...writer.batch([sampleOf(2, 0, 0, true, Buffer.from('x'))])]);
  expect(readTags(flv).map((tag) => tag.body)).toEqual([Buffer.from([flags, 0x78])]);
});

test('FLV is chosen only for what FFmpeg reads from it', () => {
  expect(fitsFlv([VIDEO, AAC])).toBe(true);
  expect(fitsFlv([{ ...VIDEO, codec: 'hevc' }])).toBe(false);
  expect(fitsFlv([VIDEO, { ...AAC, codec: 'opus' }])).toBe(false);
});
