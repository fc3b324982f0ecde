import { existsSync } from 'node:fs';
import { mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { finaliseMp4 } from '../../../../src/media/mp4/finalise.ts';
import { FragmentIndex, indexEntry } from '../../../../src/media/mp4/fragmentIndex.ts';
import { IndexGrowth } from '../../../../src/media/mp4/indexGrowth.ts';
import { trackSpans } from '../../../../src/media/mp4/spans.ts';
import { MEMORY_DIR } from '../../../support/memoryDir.ts';
import { FTYP, testFragment, testMoov, topBoxes } from '../support/mp4.ts';

let folder: string;
let path: string;
let indexPath: string;
beforeAll(async () => {
  folder = await mkdtemp(join(MEMORY_DIR, 'mp4-index-'));
  path = join(folder, 'file.mp4');
  indexPath = join(folder, 'file.mp4.index');
});
beforeEach(() => rm(indexPath, { force: true }));
afterAll(() => rm(folder, { recursive: true }));

/** Bytes of a video sample with which no read of the file brings two fragments. */
const FAR = 300;

/** @param mediaBytes of each video sample. */
function recording(fragments: number, mediaBytes = 30): Buffer {
  const samples = (count: number, size: number) =>
    Array.from({ length: count }, (_, i) => ({ duration: 10, composition: 0, size, sync: i === 0 }));
  const tracks = [
    { id: 1, handler: 'vide', timescale: 1000 },
    { id: 2, handler: 'soun', timescale: 1000 },
  ] as const;
  const fragment = (_: unknown, i: number): Buffer =>
    testFragment([
      { trackId: 1, time: i * 100, samples: samples(10, mediaBytes) },
      { trackId: 2, time: i * 40, samples: samples(4, 8) },
    ]);
  return Buffer.concat([FTYP, testMoov(tracks), ...Array.from({ length: fragments }, fragment)]);
}

async function follow(growth: IndexGrowth, size: number, isWanted = () => true): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await growth.follow(handle, size, isWanted);
  } finally {
    await handle.close();
  }
}

async function finalised(file: Buffer, index?: Buffer): Promise<Buffer> {
  await writeFile(path, file);
  if (index !== undefined) await writeFile(indexPath, index);
  await finaliseMp4(path, {}, indexPath);
  return readFile(path);
}

const moofsOf = (file: Buffer) => topBoxes(file).filter(({ type }) => type === 'moof');

/** Which fragments an index has, by their number; each is compared with the file. */
async function indexed(file: Buffer): Promise<number[]> {
  const index = await FragmentIndex.open(indexPath);
  const found: number[] = [];
  for (const [i, { start, end }] of moofsOf(file).entries()) {
    const copy = await index?.at(start);
    if (copy === undefined) continue;
    expect(copy.equals(file.subarray(start, end + 16))).toBe(true);
    found.push(i);
  }
  await index?.close();
  return found;
}

test('follows a growing file at any byte: every fragment but the last, as soon as one begins behind it', async () => {
  const file = recording(6);
  await writeFile(path, file);
  const growth = new IndexGrowth(indexPath);
  const starts = moofsOf(file).map(({ start }) => start);
  for (let size = 0; size <= file.length; size += 7) {
    await follow(growth, size);
    const begun = starts.filter((start) => start + 8 <= size).length;
    expect((await indexed(file)).length).toBe(Math.max(0, begun - 1));
  }
  await follow(growth, file.length);
  expect(await indexed(file)).toEqual([0, 1, 2, 3, 4]);
});

test('a call that is not wanted any more ends between fragments, and the next one goes on there', async () => {
  const file = recording(40);
  await writeFile(path, file);
  const growth = new IndexGrowth(indexPath);
  let asked = 0;
  await follow(growth, file.length, () => ++asked <= 12);
  const some = await indexed(file);
  expect(some.length).toBeGreaterThan(0);
  expect(some.length).toBeLessThan(12);
  await follow(growth, file.length);
  expect(await indexed(file)).toEqual(Array.from({ length: 39 }, (_, i) => i));
});

test('fragments too long to be copied, and damage, are left to the file', async () => {
  const long = testFragment([
    {
      trackId: 1,
      time: 0,
      samples: Array.from({ length: 3000 }, () => ({ duration: 1, composition: 0, size: 1, sync: true })),
    },
  ]);
  const file = Buffer.concat([recording(2), long, recording(2).subarray(moofsOf(recording(2))[0]?.start)]);
  const expected = await finalised(file);
  await writeFile(path, file);
  await follow(new IndexGrowth(indexPath), file.length);
  expect(await indexed(file)).toEqual([0, 1, 3]);
  expect(await finalised(file)).toEqual(expected);

  const damaged = Buffer.concat([recording(3), Buffer.alloc(64, 1), recording(2)]);
  const without = (await rm(indexPath), await finalised(damaged));
  await writeFile(path, damaged);
  await follow(new IndexGrowth(indexPath), damaged.length);
  expect(await finalised(damaged)).toEqual(without);
});

test('the index is what is read: the fragments themselves may be gone', async () => {
  const file = recording(400, FAR);
  const expected = await finalised(file);
  await writeFile(path, file);
  const spans = await trackSpans(path);
  await follow(new IndexGrowth(indexPath), file.length);
  // More than one block of it.
  expect((await stat(indexPath)).size).toBeGreaterThan(100_000);
  const holes = Buffer.from(file);
  // The first one is read with what stands before it.
  for (const { start, end } of moofsOf(file).slice(1, -1)) holes.fill(0, start, end + 16);
  await writeFile(path, holes);
  expect(await trackSpans(path, indexPath)).toEqual(spans);
  const made = await finalised(holes, await readFile(indexPath));
  const [moov] = topBoxes(expected).slice(-1);
  expect(moov?.type).toBe('moov');
  expect(made.subarray(moov?.start).equals(expected.subarray(moov?.start))).toBe(true);
});

test('an index that is cut, or has what the file does not need, gives the very same file', async () => {
  const file = recording(100, FAR);
  const expected = await finalised(file);
  await writeFile(path, file);
  await follow(new IndexGrowth(indexPath), file.length);
  const whole = await readFile(indexPath);
  const boxStarts = new Set(topBoxes(file).map(({ start }) => start));
  const wrongEntry = fc
    .record({ offset: fc.nat({ max: 2 * file.length }), bytes: fc.uint8Array({ maxLength: 300 }) })
    .filter(({ offset }) => !boxStarts.has(offset))
    .map(({ offset, bytes }) => indexEntry(offset, Buffer.from(bytes)));
  const wrong = fc.array(wrongEntry, { maxLength: 3 }).map((entries) => Buffer.concat(entries));
  const noise = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
  const indexes = fc.oneof(
    fc.nat({ max: whole.length }).map((length) => whole.subarray(0, length)),
    fc.tuple(wrong, wrong).map(([before, behind]) => Buffer.concat([before, whole, behind])),
    fc
      .tuple(fc.nat({ max: whole.length }), noise)
      .map(([length, bytes]) => Buffer.concat([whole.subarray(0, length), bytes])),
    wrong,
  );
  await fc.assert(
    fc.asyncProperty(indexes, async (index) => {
      expect((await finalised(file, index)).equals(expected)).toBe(true);
    }),
    { numRuns: 150, seed: 7 },
  );
});

test('no index, or what is none, costs nothing but time', async () => {
  const file = recording(5);
  expect(existsSync(indexPath)).toBe(false);
  const expected = await finalised(file);
  await writeFile(path, file);
  await finaliseMp4(path, {}, folder);
  expect((await readFile(path)).equals(expected)).toBe(true);
});
