import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finaliseMatroska, type FinalisedMatroska } from '../../../../src/media/matroska/finalise.ts';
import { MatroskaError } from '../../../../src/media/matroska/matroskaError.ts';
import { decodeErrors, noFfmpeg, packetsOf, withoutDuration } from '../support/ffmpeg.ts';
import { KINDS, makeSource, recordKilled } from '../support/killedRecording.ts';
import {
  blocksOf,
  ID,
  placesIn,
  readFinished,
  segmentOf,
  topPlaces,
  type Place,
} from '../support/matroska.ts';
import { MEMORY_DIR } from '../../../support/memoryDir.ts';

const KIND = KINDS.find(({ format }) => format.container === 'mkv')!;
let folder: string;
let path: string;
/** What FFmpeg left when it was killed: its last cluster is whole. */
let killed: Buffer;
let clusters: Place[];

beforeAll(async () => {
  folder = await mkdtemp(join(MEMORY_DIR, 'matroska-interrupted-'));
  path = join(folder, 'file.mkv');
  if (noFfmpeg) return;
  const source = await makeSource(KIND, join(folder, 'source'));
  await recordKilled(KIND, source, path, 100_000);
  killed = await readFile(path);
  clusters = topPlaces(killed).filter(({ id }) => id === ID.cluster);
});
afterAll(() => rm(folder, { recursive: true }));

async function finalise(bytes: Buffer): Promise<{ facts: FinalisedMatroska; bytes: Buffer }> {
  await writeFile(path, bytes);
  return { facts: await finaliseMatroska(path), bytes: await readFile(path) };
}

const contentOf = (bytes: Buffer): string[] =>
  blocksOf(bytes).map(({ start, end }) => bytes.toString('latin1', start, end));

describe.skipIf(noFfmpeg)('a recording cut at any element and any byte', () => {
  it('keeps every block that is wholly there, or holds nothing at all', async () => {
    const blocks = blocksOf(killed);
    const all = contentOf(killed);
    const places = readFinished((await finalise(killed)).bytes).cues;
    const edges = topPlaces(killed).flatMap(({ start, body, end }) => [
      start,
      start + 1,
      body - 1,
      body,
      end,
    ]);
    const inside = [clusters[0]!, clusters.at(-1)!].flatMap(({ body, end }) =>
      [...placesIn(killed, body, end)].map((place) => place.end),
    );
    const random = fc.sample(fc.integer({ min: 0, max: killed.length }), { seed: 5, numRuns: 60 });
    for (const length of new Set([...edges, ...inside, ...random])) {
      const kept = blocks.filter(({ end }) => end <= length);
      await writeFile(path, killed.subarray(0, length));
      const facts = await finaliseMatroska(path).catch((error: unknown) => error);
      if (kept.length === 0) {
        expect(facts).toMatchObject({ code: 'nothing-to-save' });
        continue;
      }
      const bytes = await readFile(path);
      const { cues, duration } = readFinished(bytes);
      expect(contentOf(bytes)).toEqual(all.slice(0, kept.length));
      expect(cues).toEqual(places.slice(0, cues.length));
      const whole = places.filter(({ cluster }) =>
        clusters.some((each) => each.start === cluster && each.end <= length),
      );
      expect(cues.length).toBeGreaterThanOrEqual(whole.length);
      expect(duration).toBeGreaterThan(0);
      const lastEnd = kept.at(-1)!.end;
      const torn = clusters.some(({ start, end }) => lastEnd <= start && length < end && length > start);
      expect(facts).toMatchObject({ isIndexed: cues.length > 0 });
      if (!torn) expect((facts as FinalisedMatroska).truncatedBytes).toBe(length - lastEnd);
    }
  });
});

describe.skipIf(noFfmpeg)('a finaliser interrupted at any step', () => {
  it.each([
    ['killed', 0],
    ['torn', -333],
  ])('ends with the same file when it runs again: %s', async (_name, cut) => {
    const before = Buffer.from(killed.subarray(0, killed.length + cut));
    const { facts, bytes: after } = await finalise(before);
    const keepEnd = readFinished(after).sought.get(ID.cues)!;
    const infoEnd = topPlaces(after).find(({ id }) => id === ID.info)!.end;
    const truncated = before.subarray(0, keepEnd);
    const closed = Buffer.concat([before.subarray(0, infoEnd), after.subarray(infoEnd, keepEnd)]);
    const cuts = [1, 3, 4, 5, 20, after.length - keepEnd - 1, after.length - keepEnd];
    const appended = cuts.map((length) => Buffer.concat([closed, after.subarray(keepEnd, keepEnd + length)]));
    await writeFile(path, before);
    const packets = withoutDuration(await packetsOf(path));
    for (const state of [before, truncated, closed, ...appended, after]) {
      await writeFile(path, state);
      expect(withoutDuration(await packetsOf(path))).toEqual(packets);
      const again = await finalise(state);
      expect(again.bytes.equals(after)).toBe(true);
      expect(again.facts).toMatchObject({
        durationMs: facts.durationMs,
        bytes: facts.bytes,
        isIndexed: true,
      });
    }
  });

  it('takes up what FFmpeg itself left in the middle of closing', async () => {
    const { bytes: whole } = await finalise(killed);
    const { bodyEnd, sizeAt } = { bodyEnd: whole.length - 9, sizeAt: segmentOf(whole).start + 4 };
    const torn = Buffer.from(whole.subarray(0, bodyEnd));
    killed.copy(torn, sizeAt, sizeAt, sizeAt + 8);
    expect((await finalise(torn)).bytes.equals(whole)).toBe(true);
  });
});

describe.skipIf(noFfmpeg)('a file without room for a SeekHead', () => {
  it('gets no index that nobody would find, and all else', async () => {
    const room = topPlaces(killed)[0]!;
    const without = Buffer.concat([killed.subarray(0, room.start), killed.subarray(room.end)]);
    const { facts, bytes } = await finalise(without);
    expect(facts).toMatchObject({ isIndexed: false, bytes: without.length, truncatedBytes: 0 });
    expect(readFinished(bytes)).toMatchObject({ duration: facts.durationMs, cues: [] });
    expect(contentOf(bytes)).toEqual(contentOf(killed));
    expect(await decodeErrors(path)).toBe('');
    expect((await finalise(bytes)).bytes.equals(bytes)).toBe(true);
  });
});

describe.skipIf(noFfmpeg)('damage', () => {
  it('behind the media is cut off', async () => {
    const { facts, bytes } = await finalise(Buffer.concat([killed, Buffer.alloc(5000)]));
    expect(facts.truncatedBytes).toBe(5000);
    expect(bytes.equals((await finalise(killed)).bytes)).toBe(true);
  });

  it('of the end of the last cluster costs what is damaged', async () => {
    const zeros = Buffer.from(killed);
    const blocks = blocksOf(killed);
    zeros.fill(0, blocks.at(-3)!.start);
    const { bytes } = await finalise(zeros);
    expect(contentOf(bytes)).toEqual(contentOf(killed).slice(0, -3));
    expect(await decodeErrors(path)).toBe('');
  });

  it('of a cluster’s header costs no other cluster', async () => {
    for (const [from, value] of [
      [0, 0],
      [4, 0x2f],
      [4, 0x08],
    ] as const) {
      const bytes = Buffer.from(killed);
      bytes[clusters[1]!.start + from] = value;
      const { bytes: after } = await finalise(bytes);
      for (const { body, end } of clusters.slice(2))
        expect(after.includes(killed.subarray(body + 16, end))).toBe(true);
    }
  });

  it('anywhere ends in a refusal that changes nothing, or in a file with all that lies before its last cluster', async () => {
    const flips = fc.array(fc.tuple(fc.nat(killed.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(flips, async (all) => {
        const bytes = Buffer.from(killed);
        for (const [at, value] of all) bytes[at] = value;
        await writeFile(path, bytes);
        const result: unknown = await finaliseMatroska(path).catch((error: unknown) => error);
        const after = await readFile(path);
        if (result instanceof MatroskaError) {
          expect(result.code).not.toBe('nothing-to-save');
          expect(after.equals(bytes)).toBe(true);
          return;
        }
        if (result instanceof Error) throw new Error('unexpected', { cause: result });
        const { start } = clusters.at(-1)!;
        expect(after.length).toBeGreaterThanOrEqual(start);
      }),
      { seed: 3, numRuns: 120 },
    );
  });
});
