import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { VideoTimes } from '../../../src/ingest/pull/videoTimes.ts';
import { reorderDepth } from '../../../src/media/codecConfig.ts';
import { DecodeTimes } from '../../../src/media/decodeTimes.ts';
import { MatroskaReader } from '../../../src/media/matroskaReader.ts';
import type { DemuxedFrame } from '../../../src/media/demuxed.ts';
import { packetsOf } from '../../support/packets.ts';
import { testSource } from '../../support/rtsp/media.ts';

const FRAME_US = 40_000;

function x264(options: string): string {
  const args = ['-c:v', 'libx264', '-preset', 'veryfast', '-an', '-sc_threshold', '0', '-b_strategy', '0'];
  return testSource(2, [...args, '-x264-params', options]);
}

const PYRAMID = x264('bframes=3:b-pyramid=normal');

/** The configuration in a file. */
function configOf(file: string): { codec: 'h264' | 'hevc'; config: Buffer } {
  const args = [
    '-nostdin',
    '-v',
    'error',
    '-i',
    file,
    '-map',
    '0:v',
    '-c',
    'copy',
    '-f',
    'matroska',
    'pipe:1',
  ];
  const bytes = execFileSync('ffmpeg', args, { maxBuffer: 1 << 27 });
  const found: { codec: 'h264' | 'hevc'; config: Buffer }[] = [];
  const handler = {
    onKinds: () => undefined,
    onFrame: () => undefined,
    onTrack: ({ track }: { track: { codec: string; config: Buffer } | undefined }) =>
      void found.push(track as { codec: 'h264' | 'hevc'; config: Buffer }),
  };
  new MatroskaReader(handler, { maxElementBytes: 1 << 20, timeScale: 1 }).write(bytes);
  return found[0]!;
}

describe('depth of reordering', () => {
  test.each([
    ['no B-frames', x264('bframes=0'), 0],
    ['B-frames', x264('bframes=3:b-pyramid=none'), 1],
    ['B-frames that refer to B-frames', PYRAMID, 2],
    [
      'HEVC',
      testSource(2, ['-c:v', 'libx265', '-x265-params', 'log-level=none:bframes=4:b-pyramid=1', '-an']),
      2,
    ],
    [
      'HEVC without B-frames',
      testSource(2, ['-c:v', 'libx265', '-x265-params', 'log-level=none:bframes=0', '-an']),
      0,
    ],
  ])('%s', (_, file, depth) => {
    const { codec, config } = configOf(file);
    expect(reorderDepth(codec, config)).toBe(depth);
  });
});

/** Decode times of pictures that come with these presentation times, microseconds. */
function decodeTimes(depth: number, pts: readonly number[]): number[] {
  const dts: number[] = [];
  const times = new DecodeTimes(1_000_000, (timed) => dts.push(timed.dts), FRAME_US);
  times.setDepth(depth);
  for (const timestamp of pts) times.push({ timestamp });
  return dts;
}

describe('decode times', () => {
  test.each([
    ['B-frames', x264('bframes=3:b-pyramid=none')],
    ['B-frames that refer to B-frames', PYRAMID],
    ['no B-frames', x264('bframes=0')],
    [
      'HEVC',
      testSource(2, ['-c:v', 'libx265', '-x265-params', 'log-level=none:bframes=4:b-pyramid=1', '-an']),
    ],
  ])('%s: they are those of the encoder', async (_, file) => {
    const { codec, config } = configOf(file);
    const depth = reorderDepth(codec, config) ?? 0;
    const packets = await packetsOf(file, 'v');
    const found = decodeTimes(
      depth,
      packets.map(({ pts }) => Math.round(pts * 1000)),
    );
    expect(found).toEqual(packets.map(({ dts }) => Math.round(dts * 1000)));
  });

  test('a depth that is not told is learned', () => {
    const frames = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11].map((n) => n * FRAME_US);
    const dts = decodeTimes(0, frames);
    expect(dts).toEqual([...dts].sort((a, b) => a - b));
    expect(frames.slice(4).every((pts, i) => dts[i + 4]! <= pts)).toBe(true);
  });
});

describe('a first picture without a time', () => {
  const run = (depth: number, frameUs: number | undefined, pts: readonly number[]): number[] => {
    const out: number[] = [];
    const times = new VideoTimes({ depth, frameUs }, (_, __, each) => out.push(each));
    for (const each of pts) times.push({ pts: each } as DemuxedFrame);
    return out;
  };
  const at = (n: number): number => 10_000_000 + n * FRAME_US;

  test.each([
    [0, FRAME_US, [0, at(1), at(2), at(3)], [at(0), at(1), at(2), at(3)]],
    [0, undefined, [0, at(1), at(2), at(3)], [at(0), at(1), at(2), at(3)]],
    [2, FRAME_US, [0, at(4), at(2), at(1), at(3)], [at(0), at(4), at(2), at(1), at(3)]],
    [0, FRAME_US, [at(0), at(1)], [at(0), at(1)]],
  ])('depth %i, distance %s', (depth, frameUs, pts, expected) => {
    expect(run(depth, frameUs, pts)).toEqual(expected);
  });
});
