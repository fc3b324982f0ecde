import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Mp4Error } from '../../../../src/media/mp4/boxes.ts';
import { finaliseMp4, type FinalisedMp4 } from '../../../../src/media/mp4/finalise.ts';
import { MEMORY_DIR } from '../../../support/memoryDir.ts';
import { noSmallDisk, SmallDisk } from '../../../support/smallDisk.ts';
import { decodeErrors, ffmpeg, noFfmpeg, packetsOf, withoutDuration } from '../support/ffmpeg.ts';
import { FTYP, readPlain, testFragment, testMoov, topBoxes, type TestSample } from '../support/mp4.ts';

let folder: string;
let path: string;
beforeAll(async () => {
  folder = await mkdtemp(join(MEMORY_DIR, 'mp4-interrupted-'));
  path = join(folder, 'file.mp4');
});
afterAll(() => rm(folder, { recursive: true }));

/** Fragments of ten video and four audio samples, as short as they can be. */
function recording(count = 6): Buffer {
  const list = (count: number, size: number): TestSample[] =>
    Array.from({ length: count }, (_, i) => ({
      duration: 10,
      composition: 0,
      size: size + i,
      sync: i === 0,
    }));
  const fragments = Array.from({ length: count }, (_, i) =>
    testFragment([
      { trackId: 1, time: i * 100, samples: list(10, 20) },
      { trackId: 2, time: i * 40, samples: list(4, 8) },
    ]),
  );
  const tracks = [
    { id: 1, handler: 'vide', timescale: 1000 },
    { id: 2, handler: 'soun', timescale: 1000 },
  ] as const;
  return Buffer.concat([FTYP, testMoov(tracks), ...fragments]);
}

async function finalise(bytes: Buffer): Promise<{ facts: FinalisedMp4; bytes: Buffer } | undefined> {
  await writeFile(path, bytes);
  try {
    return { facts: await finaliseMp4(path), bytes: await readFile(path) };
  } catch (error) {
    if (error instanceof Mp4Error && error.code === 'nothing-to-save') return undefined;
    throw error;
  }
}

/** What an outsider sees of each track: times, and the bytes the table points to. */
function content(bytes: Buffer): Map<number, string[]> {
  return new Map(
    readPlain(bytes).tracks.map(({ id, samples }) => [
      id,
      samples.map(({ dts, pts, sync, offset, size }) =>
        [dts, pts, sync, bytes.toString('hex', offset, offset + size)].join(),
      ),
    ]),
  );
}

/** Every state the disk can hold while `finaliseMp4` turned `before` into `after`, except `after` itself. */
function statesBetween(before: Buffer, after: Buffer): Buffer[] {
  const moovStart = topBoxes(after).find(({ type }) => type === 'moov')?.start ?? NaN;
  const unhidden = Buffer.from(after);
  before.copy(unhidden, FTYP.length, FTYP.length, FTYP.length + 16);
  const ends = [0, 1, 7, 8, 9, 40, 200, unhidden.length - moovStart - 1, unhidden.length - moovStart];
  return [before, ...ends.map((bytes) => Buffer.from(unhidden.subarray(0, moovStart + bytes)))];
}

describe('a recording cut at any byte', () => {
  it('gives back every sample that is wholly there, or nothing at all', async () => {
    const whole = recording();
    const all = content((await finalise(whole))?.bytes ?? Buffer.alloc(0));
    const edges = topBoxes(whole).flatMap(({ start, body }) => [start - 1, start, start + 1, body - 1, body]);
    const steps = Array.from({ length: Math.floor(whole.length / 29) }, (_, i) => i * 29);
    for (const length of [...edges.slice(1), ...steps, whole.length]) {
      const cut = await finalise(whole.subarray(0, length));
      if (cut === undefined) {
        expect(length).toBeLessThan(1600);
        continue;
      }
      const parts = content(cut.bytes);
      for (const [id, samples] of parts) expect(samples).toEqual(all.get(id)?.slice(0, samples.length));
      const used = [...parts.values()].flat().join('').length;
      expect(used).toBeGreaterThan(0);
      expect(cut.facts.truncatedBytes).toBeLessThan(600);
    }
  });

  it('loses no sample whose bytes are there', async () => {
    const whole = recording();
    const [last] = topBoxes(whole).slice(-1);
    const cut = await finalise(whole.subarray(0, (last?.body ?? 0) + 20 + 21 + 22 + 5));
    expect([...content(cut?.bytes ?? whole).values()].map(({ length }) => length)).toEqual([53, 20]);
    expect(cut?.facts.truncatedBytes).toBe(5);
  });
});

describe('a finaliser interrupted at any step', () => {
  it.each([
    ['after a clean stop', (bytes: Buffer) => bytes],
    ['in a fragment’s media', (bytes: Buffer) => bytes.subarray(0, -77)],
    ['in a fragment’s header', (bytes: Buffer) => bytes.subarray(0, -420)],
  ])('ends with the same file when it runs again: %s', async (_name, cut) => {
    const before = cut(recording());
    const first = await finalise(before);
    expect(first).toBeDefined();
    if (first === undefined) return;
    for (const state of statesBetween(before, first.bytes)) {
      const again = await finalise(state);
      expect(again?.bytes.equals(first.bytes)).toBe(true);
      expect(again?.facts.tracks).toEqual(first.facts.tracks);
    }
  });
});

const unable = noSmallDisk();

describe.skipIf(unable !== undefined)(`a full disk ${unable ?? ''}`, () => {
  it.each([0, 77, 420])(
    'cuts the index off at any page, and is no harm with room: %d bytes torn',
    async (torn) => {
      const whole = recording(200);
      const before = whole.subarray(0, whole.length - torn);
      const first = await finalise(before);
      const disk = await SmallDisk.mount('1m');
      const file = join(disk.path, 'file.mp4');
      const failed: number[] = [];
      for (let pages = 0; failed.length === pages; pages++) {
        await writeFile(file, before);
        const giveBack = disk.fill(pages * 4096);
        const error = await finaliseMp4(file).catch((err: unknown) => err);
        if (error instanceof Error) {
          failed.push(pages);
          expect(error).toMatchObject({ code: 'ENOSPC' });
          // All media and nothing of the index; a torn fragment without media is gone.
          const left = await readFile(file);
          expect(before.length - left.length).toBeLessThan(600);
          expect(topBoxes(left).filter(({ type }) => type === 'moov')).toHaveLength(1);
        }
        giveBack();
        if (error instanceof Error) await finaliseMp4(file);
        expect((await readFile(file)).equals(first?.bytes ?? before)).toBe(true);
      }
      expect(failed.length).toBeGreaterThan(2);
      disk.unmount();
    },
  );
});

describe('damage', () => {
  it('in one fragment costs that fragment, not the time after it', async () => {
    const bytes = recording();
    const third = topBoxes(bytes).filter(({ type }) => type === 'moof')[2];
    bytes.fill(0xff, (third?.body ?? 0) + 16, third?.end);
    const result = await finalise(bytes);
    const [video] = readPlain(result?.bytes ?? bytes).tracks;
    expect(video?.samples).toHaveLength(50);
    expect(video?.samples[20]?.dts).toBe(300);
    expect(result?.facts.truncatedBytes).toBeGreaterThan(300);
  });

  it('behind the media is kept in the file but not used', async () => {
    const bytes = Buffer.concat([recording(), Buffer.alloc(5000)]);
    const result = await finalise(bytes);
    expect(result?.facts.tracks.map(({ samples }) => samples)).toEqual([60, 24]);
    expect(result?.facts.truncatedBytes).toBe(5000);
  });

  it('anywhere never ends in another error, an endless run or a table that points outside', async () => {
    const whole = recording();
    const flips = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(flips, async (all) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of all) bytes[at] = value;
        await writeFile(path, bytes);
        const result = await finaliseMp4(path).catch((error: unknown) => error);
        if (result instanceof Mp4Error) return;
        const after = await readFile(path);
        if (result instanceof Error || after.equals(bytes)) throw new Error('unexpected', { cause: result });
        for (const { samples } of readPlain(after).tracks) {
          for (const { offset, size } of samples) expect(offset + size).toBeLessThanOrEqual(after.length);
        }
      }),
      { seed: 3, numRuns: 120 },
    );
  });
});

describe.skipIf(noFfmpeg)('FFmpeg', () => {
  let bytes: Buffer;
  beforeAll(async () => {
    const source = [
      '-f',
      'lavfi',
      '-i',
      'testsrc2=s=96x64:r=25:d=2',
      '-f',
      'lavfi',
      '-i',
      'sine=440:d=2:r=44100',
    ];
    const codecs = [
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-bf',
      '2',
      '-g',
      '25',
      '-c:a',
      'aac',
      '-b:a',
      '32k',
    ];
    const flags = [
      '-movflags',
      'frag_keyframe+delay_moov+default_base_moof+skip_trailer',
      '-frag_duration',
      '500000',
    ];
    await ffmpeg(...source, ...codecs, ...flags, path);
    bytes = await readFile(path);
  });

  it('plays a recording cut at random bytes: a prefix of each track, no message', async () => {
    await writeFile(path, bytes);
    const all = withoutDuration(await packetsOf(path));
    const firstMdat = topBoxes(bytes).find(({ type }) => type === 'mdat')?.end ?? 0;
    const lengths = fc.sample(fc.integer({ min: firstMdat, max: bytes.length }), { seed: 11, numRuns: 8 });
    for (const length of lengths) {
      expect(await finalise(bytes.subarray(0, length))).toBeDefined();
      const packets = withoutDuration(await packetsOf(path));
      for (const stream of [0, 1]) {
        const of = (list: { stream: number }[]) => list.filter((packet) => packet.stream === stream);
        expect(of(packets)).toEqual(of(all).slice(0, of(packets).length));
      }
      expect(await decodeErrors(path)).toBe('');
    }
  });

  it('plays the fragments while the new index is there and the old one not yet hidden', async () => {
    await writeFile(path, bytes);
    const before = withoutDuration(await packetsOf(path));
    const after = await finalise(bytes);
    const between = Buffer.from(after?.bytes ?? bytes);
    bytes.copy(between, 28, 28, 44);
    await writeFile(path, between);
    expect(withoutDuration(await packetsOf(path))).toEqual(before);
  });
});
