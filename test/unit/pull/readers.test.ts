import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Track } from '../../../src/domain/media.ts';
import { ContainerError } from '../../../src/media/demuxed.ts';
import type { DemuxedFrame, DemuxedTrack, Demuxer, DemuxHandler } from '../../../src/media/demuxed.ts';
import { FlvReader } from '../../../src/media/flvReader.ts';
import { MatroskaReader } from '../../../src/media/matroskaReader.ts';
import { packetsOf } from '../../support/packets.ts';
import { testSource } from '../../support/rtsp/media.ts';
import { createHash } from 'node:crypto';
import { writeFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MAX_BYTES = 1 << 20;

class Collector implements DemuxHandler {
  kinds: { audio: boolean; video: boolean } | undefined;
  readonly tracks: DemuxedTrack[] = [];
  readonly frames: DemuxedFrame[] = [];
  onKinds(kinds: { audio: boolean; video: boolean }): void {
    this.kinds = kinds;
  }
  onTrack(track: DemuxedTrack): void {
    this.tracks.push(track);
  }
  onFrame(frame: DemuxedFrame): void {
    this.frames.push(frame);
  }
  known(): (Track | undefined)[] {
    return this.tracks.map(({ track }) => track);
  }
}

const READERS = {
  matroska: (to: DemuxHandler): Demuxer =>
    new MatroskaReader(to, { maxElementBytes: MAX_BYTES, timeScale: 1 }),
  flv: (to: DemuxHandler): Demuxer => new FlvReader(to, MAX_BYTES),
};
type Format = keyof typeof READERS;

function read(format: Format, bytes: Buffer, cuts: readonly number[] = []): Collector {
  const collector = new Collector();
  const reader = READERS[format](collector);
  let from = 0;
  for (const cut of [...cuts.map((each) => each % bytes.length).sort((a, b) => a - b), bytes.length]) {
    reader.write(bytes.subarray(from, cut));
    from = cut;
  }
  return collector;
}

/** As FFmpeg writes it to a pipe. */
function remuxed(file: string, format: Format, extra: readonly string[] = []): Buffer {
  const args = ['-nostdin', '-v', 'error', '-i', file, '-c', 'copy', ...extra, '-f', format, 'pipe:1'];
  return execFileSync('ffmpeg', args, { maxBuffer: 1 << 27 });
}

const md5 = (data: Buffer): string => createHash('md5').update(data).digest('hex');

const X264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '2', '-b_strategy', '0'];
const SOURCES = {
  'H.264 with B-frames, AAC': testSource(2, [...X264, '-c:a', 'aac', '-ac', '2']),
  'HEVC, Opus': testSource(
    2,
    ['-c:v', 'libx265', '-x265-params', 'log-level=none', '-c:a', 'libopus'],
    'mkv',
  ),
  'VP8, Opus': testSource(2, ['-c:v', 'libvpx', '-deadline', 'realtime', '-c:a', 'libopus'], 'webm'),
  'VP9, Opus': testSource(
    2,
    ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-c:a', 'libopus'],
    'webm',
  ),
  'G.711 A-law': testSource(2, ['-vn', '-c:a', 'pcm_alaw', '-ar', '8000'], 'mkv'),
  'G.711 µ-law': testSource(2, ['-vn', '-c:a', 'pcm_mulaw', '-ar', '8000', '-ac', '2'], 'mkv'),
  MP3: testSource(2, ['-vn', '-c:a', 'libmp3lame'], 'mkv'),
};

/** What FFmpeg reads out of the same bytes. */
async function expectAsFfmpeg(format: Format, bytes: Buffer, toleranceMs: number): Promise<Collector> {
  const file = join(mkdtempSync(join(tmpdir(), 'recorderd-readers-')), `media.${format}`);
  writeFileSync(file, bytes);
  const collector = read(format, bytes);
  for (const [kind, letter] of [
    ['video', 'v'],
    ['audio', 'a'],
  ] as const) {
    const numbers = collector.tracks.filter((each) => each.kind === kind).map(({ number }) => number);
    if (numbers.length === 0) continue;
    const expected = await packetsOf(file, letter);
    const frames = collector.frames.filter((frame) => numbers.includes(frame.track));
    expect(frames.map((frame) => md5(frame.data))).toEqual(expected.map((packet) => packet.md5));
    frames.forEach((frame, i) => {
      expect(Math.abs(frame.pts / 1000 - expected[i]!.pts)).toBeLessThanOrEqual(toleranceMs);
      if (frame.dts !== undefined)
        expect(Math.abs(frame.dts / 1000 - expected[i]!.dts)).toBeLessThanOrEqual(toleranceMs);
    });
  }
  return collector;
}

describe('Matroska', () => {
  test.each(Object.entries(SOURCES))('%s: what FFmpeg reads', async (_, file) => {
    const collector = await expectAsFfmpeg('matroska', remuxed(file, 'matroska'), 0.6);
    expect(collector.frames.length).toBeGreaterThan(10);
    expect(collector.known()).not.toContain(undefined);
  });

  test('tracks carry codec, configuration and format', () => {
    const known = (name: keyof typeof SOURCES) =>
      read('matroska', remuxed(SOURCES[name], 'matroska')).known();
    expect(known('H.264 with B-frames, AAC')).toMatchObject([
      { kind: 'video', codec: 'h264', width: 320, height: 180 },
      { kind: 'audio', codec: 'aac', sampleRate: 48_000, channels: 2 },
    ]);
    expect(known('VP8, Opus')).toMatchObject([
      { codec: 'vp8', width: 320, height: 180 },
      { codec: 'opus', channels: 1 },
    ]);
    expect(known('G.711 A-law')).toMatchObject([{ codec: 'pcma', sampleRate: 8000, channels: 1 }]);
    expect(known('G.711 µ-law')).toMatchObject([{ codec: 'pcmu', sampleRate: 8000, channels: 2 }]);
    expect(known('MP3')).toMatchObject([{ codec: 'mp3', sampleRate: 48_000 }]);
  });

  test('a codec that is not known is named', () => {
    const file = testSource(2, ['-vn', '-c:a', 'flac'], 'mkv');
    const { tracks, kinds } = read('matroska', remuxed(file, 'matroska'));
    expect(tracks).toMatchObject([{ kind: 'audio', track: undefined, codecName: 'A_FLAC' }]);
    expect(kinds).toEqual({ audio: true, video: false });
  });

  test('key frames are told', () => {
    const bytes = remuxed(SOURCES['H.264 with B-frames, AAC'], 'matroska');
    const video = read('matroska', bytes).frames.filter((frame) => frame.track === 1);
    expect(video.flatMap((frame, i) => (frame.key ? [i] : []))).toEqual([0, 25]);
  });

  test('scaled times are scaled back, the codec delay is not', () => {
    const bytes = remuxed(SOURCES['HEVC, Opus'], 'matroska');
    const plain = read('matroska', bytes).frames.find((frame) => frame.track === 2)!;
    const collector = new Collector();
    new MatroskaReader(collector, { maxElementBytes: MAX_BYTES, timeScale: 10 }).write(bytes);
    expect(collector.frames.find((frame) => frame.track === 2)!.pts).toBeCloseTo(plain.pts / 10);
  });
});

describe('FLV', () => {
  test('what FFmpeg reads, decode times included', async () => {
    const bytes = remuxed(SOURCES['H.264 with B-frames, AAC'], 'flv');
    const collector = await expectAsFfmpeg('flv', bytes, 0);
    expect(collector.kinds).toEqual({ audio: true, video: true });
    expect(collector.known()).toMatchObject([
      { kind: 'video', codec: 'h264', width: 320, height: 180 },
      { kind: 'audio', codec: 'aac', sampleRate: 48_000, channels: 2 },
    ]);
  });

  test.each([
    ['G.711 A-law', 'pcma'],
    ['G.711 µ-law', 'pcmu'],
  ] as const)('%s', (name, codec) => {
    const { tracks, frames } = read('flv', remuxed(SOURCES[name], 'flv'));
    expect(tracks).toMatchObject([{ track: { codec } }]);
    expect(frames.length).toBeGreaterThan(10);
  });

  test('times beyond 24 bits and below zero', () => {
    const tag = (time: number): Buffer => {
      const body = Buffer.from([0xaf, 1, 9]);
      const head = Buffer.alloc(11);
      head.writeUInt8(8, 0);
      head.writeUIntBE(body.length, 1, 3);
      head.writeUIntBE(time & 0xffffff, 4, 3);
      head.writeUInt8((time >> 24) & 0xff, 7);
      return Buffer.concat([head, body, Buffer.alloc(4)]);
    };
    const config = tag(0);
    config.set([0, 0x11], 12);
    const aac = Buffer.concat([config.subarray(0, 13), Buffer.from([0x11, 0x90]), Buffer.alloc(4)]);
    aac.writeUIntBE(4, 1, 3);
    const head = Buffer.from('464c560104000000090000 0000'.replace(' ', ''), 'hex');
    const { frames } = read('flv', Buffer.concat([head, aac, tag(0x1234567), tag(-40)]));
    expect(frames.map((frame) => frame.pts)).toEqual([0x1234567 * 1000, -40_000]);
  });
});

describe.each(['matroska', 'flv'] as const)('%s, whatever comes', (format) => {
  const file = SOURCES['H.264 with B-frames, AAC'];
  const bytes = remuxed(file, format, ['-t', '0.5']);
  const whole = read(format, bytes);
  const facts = ({ frames }: Collector): unknown[] =>
    frames.map(({ data, ...rest }) => ({ ...rest, md5: md5(data) }));

  test('it does not matter where the chunks end', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 200 }), (cuts) => {
        expect(facts(read(format, bytes, cuts))).toEqual(facts(whole));
      }),
      { numRuns: 30 },
    );
    expect(facts(read(format, bytes, [...bytes.keys()]))).toEqual(facts(whole));
  });

  test('frames within a chunk are views of it', () => {
    const frame = whole.frames[1]!;
    expect(frame.data.buffer).toBe(bytes.buffer);
  });

  test('damaged bytes end in a ContainerError or are read over', () => {
    const damage = fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(damage, fc.array(fc.nat(), { maxLength: 5 }), (changes, cuts) => {
        const damaged = Buffer.from(bytes);
        for (const [at, value] of changes) damaged[at] = value;
        tolerantly(() => read(format, damaged, cuts));
      }),
      { numRuns: 2000 },
    );
  });

  test('noise behind a real beginning', () => {
    fc.assert(
      fc.property(fc.nat(600), fc.uint8Array({ maxLength: 400 }), (length, noise) => {
        tolerantly(() => read(format, Buffer.concat([bytes.subarray(0, length), noise])));
      }),
      { numRuns: 1000 },
    );
  });

  test('another format and too large a frame are refused', () => {
    expect(() => read(format, Buffer.from('#EXTM3U\nhello, this is not media'))).toThrow(ContainerError);
    const small =
      format === 'flv'
        ? new FlvReader(new Collector(), 100)
        : new MatroskaReader(new Collector(), { maxElementBytes: 100, timeScale: 1 });
    expect(() => small.write(bytes)).toThrow(/too large/);
  });
});

function tolerantly(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof ContainerError)) throw error;
  }
}

test('Matroska: a pause is told when what came is whole, and not in the middle of a block', () => {
  const bytes = remuxed(testSource(2, ['-c:v', 'libx264', '-an']), 'matroska');
  const pauses: number[] = [];
  const collector = Object.assign(new Collector(), {
    onPause: () => void pauses.push(collector.frames.length),
  });
  const reader = READERS.matroska(collector);
  reader.write(bytes.subarray(0, bytes.length - 5));
  const frames = collector.frames.length;
  expect(frames).toBeGreaterThan(10);
  expect(pauses).toEqual([]);
  reader.write(bytes.subarray(bytes.length - 5));
  expect(pauses).toEqual([collector.frames.length]);
});
