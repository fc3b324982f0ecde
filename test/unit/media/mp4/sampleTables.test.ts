import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeBox } from '../../../../src/media/mp4/boxes.ts';
import { finaliseMp4 } from '../../../../src/media/mp4/finalise.ts';
import {
  FTYP,
  readPlain,
  readPlainMoov,
  testFragment,
  testMoov,
  topBoxes,
  type ReadTrack,
  type TestRun,
  type TestSample,
} from '../support/mp4.ts';
import { MEMORY_DIR } from '../../../support/memoryDir.ts';

const VIDEO = { id: 1, handler: 'vide', timescale: 16_000 } as const;
const AUDIO = { id: 2, handler: 'soun', timescale: 44_100 } as const;
const sample = (size = 100, duration = 640): TestSample => ({ duration, composition: 0, size, sync: true });

let folder: string;
let path: string;
beforeAll(async () => {
  folder = await mkdtemp(join(MEMORY_DIR, 'mp4-tables-'));
  path = join(folder, 'file.mp4');
});
afterAll(() => rm(folder, { recursive: true }));

async function finalised(...parts: Buffer[]): Promise<ReturnType<typeof readPlain>> {
  await writeFile(path, Buffer.concat([FTYP, ...parts]));
  await finaliseMp4(path);
  return readPlain(await readFile(path));
}

const times = (track: ReadTrack | undefined) => track?.samples.map(({ dts, pts }) => [dts, pts]);

describe('the new sample tables', () => {
  it('hold exactly what the fragments said', async () => {
    const anySample = fc.record({
      duration: fc.integer({ min: 1, max: 5000 }),
      composition: fc.integer({ min: -3000, max: 3000 }),
      size: fc.integer({ min: 1, max: 40 }),
      sync: fc.boolean(),
    });
    const samples = fc.array(anySample, { minLength: 1, maxLength: 8 });
    const fragments = fc.array(fc.tuple(samples, samples, fc.nat(3000)), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fragments, async (all) => {
        const clocks = [0, 0];
        const expected: { dts: number; pts: number; size: number; sync: boolean }[][] = [[], []];
        const parts = all.map(([video, audio, gap], index) => {
          const runs = [video, audio].map((list, i): TestRun => {
            const time = (clocks[i] ?? 0) + (index === 0 ? 0 : gap * i);
            let dts = time;
            for (const { duration, composition, size, sync } of list) {
              expected[i]?.push({ dts, pts: dts + composition, size, sync });
              dts += duration;
            }
            clocks[i] = dts;
            return { trackId: i + 1, time, samples: list };
          });
          return testFragment(runs);
        });
        const { tracks } = await finalised(testMoov([VIDEO, AUDIO]), ...parts);
        const found = tracks.map(({ samples: list }) =>
          list.map(({ dts, pts, size, sync }) => ({ dts, pts, size, sync })),
        );
        expect(found).toEqual(expected);
        expect(tracks[0]?.samples.at(-1)?.duration).toBe(all.at(-1)?.[0].at(-1)?.duration);
      }),
      { seed: 7, numRuns: 60 },
    );
  });

  it('point at the same bytes as the fragments did', async () => {
    const runs = [
      { trackId: 1, time: 0, samples: [sample(10), sample(20)] },
      { trackId: 2, time: 0, samples: [sample(30)] },
    ];
    const start = FTYP.length + testMoov([VIDEO, AUDIO]).length;
    const fragment = testFragment(runs);
    const { tracks } = await finalised(testMoov([VIDEO, AUDIO]), fragment, testFragment(runs));
    const media = start + fragment.length - 60;
    expect(tracks[0]?.samples.map(({ offset }) => offset - media)).toEqual([
      0,
      10,
      fragment.length,
      fragment.length + 10,
    ]);
    expect(tracks[1]?.samples.map(({ offset }) => offset - media)).toEqual([30, fragment.length + 30]);
  });

  it('hold tens of thousands of samples, whose description no small window holds', async () => {
    const long = Array.from({ length: 10_000 }, (_, i) => sample(1 + (i % 7), 600 + (i % 3)));
    const runs = (time: number) => testFragment([{ trackId: 1, time, samples: long }]);
    const { tracks } = await finalised(testMoov([VIDEO]), runs(0), runs(7_000_000), runs(14_000_000));
    const all = tracks[0]?.samples ?? [];
    expect(all).toHaveLength(30_000);
    expect(all.map(({ size }) => size)).toEqual([...long, ...long, ...long].map(({ size }) => size));
    expect(all.slice(9998, 10_001).map(({ dts }) => dts)).toEqual([
      long.slice(0, 9998).reduce((sum, { duration }) => sum + duration, 0),
      long.slice(0, 9999).reduce((sum, { duration }) => sum + duration, 0),
      7_000_000,
    ]);
  });

  it('are the same with boxes between a fragment’s description and its media', async () => {
    const fragment = testFragment([{ trackId: 1, time: 0, samples: [sample(10), sample(20)] }]);
    const next = testFragment([{ trackId: 1, time: 1280, samples: [sample(30)] }]);
    const [moof, mdat] = topBoxes(fragment);
    const media = fragment.subarray(mdat?.start);
    const free = Buffer.concat([makeBox('free', Buffer.alloc(5000)), makeBox('free', next)].flat());
    // The media lies further behind: the run says so.
    const description = Buffer.from(fragment.subarray(0, moof?.end));
    const at = description.indexOf('trun') + 12;
    description.writeInt32BE(description.readInt32BE(at) + free.length, at);
    const { tracks } = await finalised(testMoov([VIDEO]), description, free, media, next);
    const start = FTYP.length + testMoov([VIDEO]).length + description.length + free.length + 8;
    expect(tracks[0]?.samples.map(({ offset, size }) => [offset - start, size])).toEqual([
      [0, 10],
      [10, 20],
      [next.length, 30],
    ]);
  });

  it('end with the last sample that a run describes wholly', async () => {
    const fragment = testFragment([{ trackId: 1, time: 0, samples: [sample(10), sample(20)] }]);
    // It claims a third sample, whose fields would lie behind the box.
    fragment.writeUInt32BE(3, fragment.indexOf('trun') + 8);
    const { tracks } = await finalised(testMoov([VIDEO]), fragment);
    expect(tracks[0]?.samples.map(({ size }) => size)).toEqual([10, 20]);
  });

  it('have the right times behind a sample that is shown impossibly far from where it is decoded', async () => {
    const run = (time: number, composition: number) =>
      testFragment([{ trackId: 1, time, samples: [{ ...sample(), composition }] }]);
    const { tracks } = await finalised(testMoov([VIDEO]), run(0, 0), run(640, 2 ** 31), run(1280, 0));
    expect(times(tracks[0])).toEqual([
      [0, 0],
      [1280, 1280],
    ]);
  });

  it('take from the track what a run does not say of its samples', async () => {
    const fragment = testFragment([{ trackId: 1, time: 0, samples: [sample(10), sample(10)] }]);
    const moov = testMoov([VIDEO]);
    const duration = moov.indexOf('trex') + 16;
    [640, 10].forEach((value, i) => moov.writeUInt32BE(value, duration + i * 4));
    const trun = fragment.indexOf('trun') + 4;
    // Only the offset is left; what were fields of samples is skipped.
    fragment.writeUInt32BE(0x01000001, trun);
    const { tracks } = await finalised(moov, fragment);
    expect(tracks[0]?.samples.map(({ dts, size }) => [dts, size])).toEqual([
      [0, 10],
      [640, 10],
    ]);
  });

  it('keep a gap between fragments as a longer sample', async () => {
    const run = (time: number) => testFragment([{ trackId: 1, time, samples: [sample(), sample()] }]);
    const { tracks } = await finalised(testMoov([VIDEO]), run(0), run(160_000));
    expect(times(tracks[0])?.map(([dts]) => dts)).toEqual([0, 640, 160_000, 160_640]);
  });

  it('keep presentation times when a fragment starts before its predecessor ends', async () => {
    const run = (time: number) => testFragment([{ trackId: 1, time, samples: [sample(), sample()] }]);
    const { tracks } = await finalised(testMoov([VIDEO]), run(0), run(600), run(2000));
    expect(times(tracks[0])).toEqual([
      [0, 0],
      [640, 640],
      [640, 600],
      [1240, 1240],
      [2000, 2000],
      [2640, 2640],
    ]);
  });

  it('continue a track whose fragments tell no time', async () => {
    const run = testFragment([{ trackId: 1, samples: [sample(), sample()] }]);
    const { tracks } = await finalised(testMoov([VIDEO]), run, run);
    expect(times(tracks[0])?.map(([dts]) => dts)).toEqual([0, 640, 1280, 1920]);
  });

  it('leave out a track without samples, stss when all are sync, ctts when all are 0', async () => {
    const { tracks } = await finalised(
      testMoov([VIDEO, AUDIO]),
      testFragment([{ trackId: 2, time: 0, samples: [sample()] }]),
    );
    expect(tracks.map(({ id }) => id)).toEqual([2]);
    expect(tracks[0]?.types).toEqual(['stsd', 'stts', 'stsc', 'stsz', 'stco']);
  });
});

describe('the edit list', () => {
  const oneSecond = (time: number) =>
    testFragment([{ trackId: 1, time, samples: Array.from({ length: 25 }, () => sample(9)) }]);

  const audio = testFragment([{ trackId: 2, time: 0, samples: [sample(9, 44_100)] }]);

  it('is taken over with the visible duration', async () => {
    const track = {
      ...VIDEO,
      edits: [
        [23, 0xffffffff],
        [0, 1280],
      ] as const,
    };
    const movie = await finalised(testMoov([track, AUDIO]), oneSecond(0), audio);
    expect(movie.tracks.map(({ edits }) => edits)).toEqual([
      [
        [23, -1],
        [920, 1280],
      ],
      [[1000, 0]],
    ]);
    expect(movie.duration).toBe(1000);
  });

  it('takes a late first fragment out of the skipped media time', async () => {
    const movie = await finalised(testMoov([{ ...VIDEO, edits: [[0, 1280]] }]), oneSecond(640));
    expect(movie.tracks[0]?.edits).toEqual([[960, 640]]);
  });

  it('shows a late first fragment as empty time, to the tick', async () => {
    const movie = await finalised(testMoov([VIDEO, AUDIO]), oneSecond(16_001), audio);
    expect(movie.timescale).toBe(16_000);
    expect(movie.tracks[0]?.edits).toEqual([
      [16_001, -1],
      [16_000, 0],
    ]);
    expect(movie.tracks[0]?.samples[0]?.dts).toBe(0);
    expect(movie.duration).toBe(32_001);
  });

  it('loses the empty time that all tracks share', async () => {
    const edits = (delay: number) => [[delay, 0xffffffff] as const, [0, 0] as const];
    const tracks = [
      { ...VIDEO, edits: edits(70) },
      { ...AUDIO, edits: edits(50) },
    ];
    const movie = await finalised(testMoov(tracks), oneSecond(0), audio);
    expect(movie.tracks.map((track) => track.edits)).toEqual([
      [
        [20, -1],
        [1000, 0],
      ],
      [[1000, 0]],
    ]);
  });
});

describe('files beyond 4 GB', () => {
  it('get 64-bit chunk offsets and one mdat over everything', async () => {
    const moov = testMoov([VIDEO]);
    const first = testFragment([{ trackId: 1, time: 0, samples: [sample(11)] }]);
    const hole = 5 * 2 ** 30;
    const last = testFragment([{ trackId: 1, time: 640, samples: [sample(12), sample(13)] }]);
    const head = Buffer.concat([FTYP, moov, first]);
    const free = Buffer.concat([Buffer.from([0, 0, 0, 1]), Buffer.from('free'), Buffer.alloc(8)]);
    free.writeBigUInt64BE(BigInt(hole), 8);
    const handle = await open(path, 'w+');
    try {
      await handle.truncate(head.length + hole);
      await handle.write(head, 0, head.length, 0);
      await handle.write(free, 0, free.length, head.length);
      await handle.write(last, 0, last.length, head.length + hole);
      const facts = await finaliseMp4(path);
      const end = head.length + hole + last.length;
      const tail = Buffer.alloc(facts.bytes - end);
      await handle.read(tail, 0, tail.length, end);
      const [track] = readPlainMoov(tail).tracks;
      expect(track?.types).toContain('co64');
      expect(track?.samples.map(({ offset }) => end - offset)).toEqual([end - head.length + 11, 25, 13]);
      const mdat = Buffer.alloc(16);
      await handle.read(mdat, 0, 16, FTYP.length);
      expect(mdat.toString('latin1', 4, 8)).toBe('mdat');
      expect(Number(mdat.readBigUInt64BE(8))).toBe(end - FTYP.length);
      expect((await finaliseMp4(path)).tracks).toEqual(facts.tracks);
    } finally {
      await handle.close();
    }
  });
});

describe('the file around the tables', () => {
  it('is ftyp, mdat, moov', async () => {
    await finalised(testMoov([VIDEO]), testFragment([{ trackId: 1, time: 0, samples: [sample()] }]));
    expect(topBoxes(await readFile(path)).map(({ type }) => type)).toEqual(['ftyp', 'mdat', 'moov']);
  });
});
