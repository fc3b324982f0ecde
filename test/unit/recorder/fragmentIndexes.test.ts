import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Sample, Track } from '../../../src/domain/media.ts';
import { FlvReader } from '../../../src/media/flvReader.ts';
import { FragmentIndexes, indexOf } from '../../../src/recorder/fragmentIndexes.ts';
import { removeWorkFolder } from '../../../src/recorder/journal.ts';
import type { RecorderSettings } from '../../../src/recorder/settings.ts';
import { eventually } from '../../support/eventually.ts';
import { memoryLog } from '../../support/rtmpHarness.ts';
import { noSmallDisk, SmallDisk } from '../../support/smallDisk.ts';
import { decodeErrors, ffmpeg, ffmpegPath, noFfmpeg } from '../media/support/ffmpeg.ts';
import { FTYP, testFragment, testMoov } from '../media/support/mp4.ts';
import { Studio } from './support.ts';

const SOON = { intervalMs: 10, minBytes: 0 };
const made = (): string => mkdtempSync(join(tmpdir(), 'recorderd-indexes-'));

const fragment = (time: number): Buffer => {
  const samples = Array.from({ length: 10 }, () => ({ duration: 10, composition: 0, size: 9, sync: true }));
  return testFragment([{ trackId: 1, time, samples }]);
};
/** An MP4 of so many fragments. */
const growing = (fragments: number): Buffer =>
  Buffer.concat([
    FTYP,
    testMoov([{ id: 1, handler: 'vide', timescale: 1000 }]),
    ...Array.from({ length: fragments }, (_, i) => fragment(i * 100)),
  ]);
const bytesOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

test('a file is indexed from its least size on, then the next one of its run, until that ends', async () => {
  const folder = made();
  const files = [0, 1].map((i) => join(folder, `000-00000${i}.mp4`));
  const [first, second] = [files[0]!, files[1]!];
  let now = first;
  let looks = 0;
  const indexes = new FragmentIndexes({ intervalMs: 10, minBytes: growing(3).length });
  const stop = indexes.add(() => {
    looks++;
    return now;
  }, memoryLog());
  const looked = async (): Promise<void> => {
    const until = looks + 6;
    await eventually(() => (looks >= until ? true : undefined), 'looks');
  };
  await looked();
  writeFileSync(first, growing(2));
  await looked();
  expect(readdirSync(folder)).toEqual(['000-000000.mp4']);
  writeFileSync(first, growing(3));
  await eventually(() => bytesOf(indexOf(first)) || undefined, 'the index');
  now = second;
  await indexes.settled(first);
  const ended = bytesOf(indexOf(first));
  writeFileSync(first, growing(9));
  writeFileSync(second, growing(4));
  await eventually(() => bytesOf(indexOf(second)) || undefined, 'the second index');
  expect(bytesOf(indexOf(first))).toBe(ended);
  const ignored = indexes.add(() => join(folder, 'never.ts'), memoryLog());
  const others: string[] = [];
  const third = indexes.add(() => {
    others.push('third');
    return join(folder, 'not-there-yet.mp4');
  }, memoryLog());
  stop();
  await indexes.settled(second);
  const before = looks;
  others.length = 0;
  await eventually(() => (others.length > 3 ? true : undefined), 'looks at the third');
  expect(looks).toBe(before);
  for (const end of [ignored, third]) end();
  expect(readdirSync(folder).filter((name) => name.endsWith('.index'))).toHaveLength(2);
});

test('an index that is in the way of somebody, or of itself, is given up and said once', async () => {
  const path = join(made(), '000-000000.mp4');
  writeFileSync(path, growing(4));
  mkdirSync(indexOf(path));
  const log = memoryLog();
  const indexes = new FragmentIndexes(SOON);
  let looks = 0;
  const stop = indexes.add(() => {
    looks++;
    return path;
  }, log);
  await eventually(() => log.lines[0], 'that it is given up');
  const before = looks;
  await eventually(() => (looks > before + 3 ? true : undefined), 'more looks');
  stop();
  const fields = { file: path, err: { code: 'EEXIST' } };
  expect(log.lines).toMatchObject([
    { level: 'debug', message: 'index of a growing file is given up', fields },
  ]);
  expect(readFileSync(path).equals(growing(4))).toBe(true);
});

test.skipIf(noSmallDisk() !== undefined)(
  'a full disk takes no more of an index, which is removed',
  async () => {
    const disk = await SmallDisk.mount('1m');
    // Only the index is on that disk.
    const media = join(made(), 'media.mp4');
    const path = join(disk.path, '000-000000.mp4');
    symlinkSync(media, path);
    const log = memoryLog();
    const indexes = new FragmentIndexes(SOON);
    const stop = indexes.add(() => path, log);
    try {
      writeFileSync(media, growing(4));
      await eventually(() => bytesOf(indexOf(path)) || undefined, 'the index');
      disk.fill();
      writeFileSync(media, growing(300), { flag: 'r+' });
      await eventually(() => (existsSync(indexOf(path)) ? undefined : true), 'its removal');
      expect(log.lines).toMatchObject([{ level: 'debug', fields: { err: { code: 'ENOSPC' } } }]);
    } finally {
      stop();
      await indexes.settled(path);
      disk.unmount();
    }
  },
);

test('a work folder in which only the journal and an index are left is removed', async () => {
  const folder = join(made(), 'id');
  mkdirSync(folder);
  for (const name of ['journal', '000-000000.mp4.index']) writeFileSync(join(folder, name), '');
  await removeWorkFolder(folder);
  expect(existsSync(folder)).toBe(false);
});

describe.skipIf(noFfmpeg)('recordings by FFmpeg', () => {
  let tracks: readonly Track[];
  let samples: readonly Sample[];
  beforeAll(async () => {
    const flv = join(made(), 'source.flv');
    const source = ['-f', 'lavfi', '-i', 'testsrc2=s=96x64:r=25:d=8', '-f', 'lavfi', '-i', 'sine=d=8'];
    const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-c:a', 'aac', '-b:a', '32k'];
    await ffmpeg(...source, ...codecs, flv);
    ({ tracks, samples } = mediaOf(readFileSync(flv)));
  });

  /** Pushes second after second of the source, two times with a look at the work folder, awaited. */
  async function record(studio: Studio, look?: () => unknown): Promise<void> {
    const stream = studio.publish();
    for (const track of tracks) stream.setTrack(track);
    for (let second = 0; second < 8; second++) {
      for (const sample of samples)
        if (Math.max(0, Math.floor(sample.dts / 1e6)) === second) stream.push(sample);
      stream.flush();
      if (look && (second === 2 || second === 6)) await eventually(look, 'what is looked for');
    }
    await studio.end(stream);
    expect(studio.leftovers()).toEqual([]);
    expect(studio.complaints()).toEqual([]);
  }

  const studioWith = (
    indexes: FragmentIndexes,
    settings: Partial<RecorderSettings> = {},
  ): Promise<Studio> => {
    const formats = { containers: {}, h264ToTs: false, webmAudio: 'vorbis', mp4Audio: 'aac' } as const;
    return Studio.open({ ffmpegPath, formats, ...settings }, true, indexes);
  };
  const bytes = (studio: Studio, name: string): Buffer => readFileSync(join(studio.recordsDir, name));
  const indexesIn = (studio: Studio): string[] => {
    const folder = join(studio.recordsDir, '.work');
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    return names.filter((name) => name.endsWith('.index')).map((name) => join(folder, name));
  };

  test('the end reads the index, and the file has the same index as without', async () => {
    const plain = await studioWith(new FragmentIndexes());
    await record(plain);
    const studio = await studioWith(new FragmentIndexes(SOON));
    let hole: { start: number; end: number } | undefined;
    await record(studio, async () => {
      const index = indexesIn(studio)[0] ?? '';
      // The second fragment is in the index by now: gone from the file, it is only there.
      if (bytesOf(index) > 1500) hole ??= await withoutMoof(index.replace(/\.index$/, ''), 1);
      return hole;
    });
    expect(hole).toBeDefined();
    const [made, expected] = [bytes(studio, 'cam.mp4'), bytes(plain, 'cam.mp4')];
    expected.fill(0, hole?.start, hole?.end);
    expect(made.equals(expected)).toBe(true);
    expect(await decodeErrors(join(studio.recordsDir, 'cam.mp4'))).toBe('');
  });

  test('parts by time each have an index of their own', async () => {
    const rotation = { kind: 'time', seconds: 4 } as const;
    const plain = await studioWith(new FragmentIndexes(), { rotation });
    await record(plain);
    const studio = await studioWith(new FragmentIndexes(SOON), { rotation });
    const seen = new Set<string>();
    await record(studio, () => {
      const before = seen.size;
      for (const name of indexesIn(studio)) seen.add(basename(name));
      return seen.size > before ? true : undefined;
    });
    expect([...seen]).toEqual(['000-000000.mp4.index', '000-000001.mp4.index']);
    expect(studio.records()).toEqual(plain.records());
    expect(studio.records()).toHaveLength(2);
    for (const name of studio.records()) expect(bytes(studio, name).equals(bytes(plain, name))).toBe(true);
  });
});

/** Overwrites the header of a fragment, by its number. @returns where it was. */
async function withoutMoof(path: string, number: number): Promise<{ start: number; end: number }> {
  const file = readFileSync(path);
  const starts: { start: number; end: number }[] = [];
  for (let at = 0; starts.length <= number; at += file.readUInt32BE(at))
    if (file.toString('latin1', at + 4, at + 8) === 'moof')
      starts.push({ start: at, end: at + file.readUInt32BE(at) });
  const { start, end } = starts[number]!;
  const handle: FileHandle = await open(path, 'r+');
  await handle.write(Buffer.alloc(end - start), 0, end - start, start);
  await handle.close();
  return { start, end };
}

function mediaOf(flv: Buffer): { tracks: Track[]; samples: Sample[] } {
  const tracks = new Map<number, Track>();
  const samples: Sample[] = [];
  const reader = new FlvReader(
    {
      onKinds: () => undefined,
      onTrack: ({ number, track }) => {
        if (track) tracks.set(number, track);
      },
      onFrame: ({ track, dts, pts, key, data }) =>
        void samples.push({ trackId: tracks.get(track)!.id, dts: dts ?? pts, pts, key, data }),
    },
    1 << 20,
  );
  reader.write(flv);
  return { tracks: [...tracks.values()], samples };
}
