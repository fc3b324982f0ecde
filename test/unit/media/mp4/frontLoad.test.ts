import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { byteLength } from '../../../../src/media/mp4/boxes.ts';
import { finaliseMp4 } from '../../../../src/media/mp4/finalise.ts';
import { frontLoadMp4 } from '../../../../src/media/mp4/frontLoad.ts';
import { moovBeforeMedia } from '../../../../src/media/mp4/movedMoov.ts';
import { noSmallDisk, SmallDisk } from '../../../support/smallDisk.ts';
import { FTYP, readPlain, readPlainMoov, testFragment, testMoov, topBoxes } from '../support/mp4.ts';

const folder = mkdtempSync(join(tmpdir(), 'mp4-front-'));
const path = join(folder, 'file.mp4');
const copy = join(folder, 'copy');
afterAll(() => rmSync(folder, { recursive: true }));

/** A plain file of three fragments of video and audio. */
beforeEach(async () => {
  const samples = (count: number, size: number) =>
    Array.from({ length: count }, (_, i) => ({
      ...{ duration: 10, composition: 0 },
      ...{ size: size + i, sync: i === 0 },
    }));
  const fragments = [0, 1, 2].map((i) =>
    testFragment([
      { trackId: 1, time: i * 100, samples: samples(10, 20) },
      { trackId: 2, time: i * 40, samples: samples(4, 8) },
    ]),
  );
  const tracks = [
    { id: 1, handler: 'vide', timescale: 1000 },
    { id: 2, handler: 'soun', timescale: 1000 },
  ] as const;
  writeFileSync(path, Buffer.concat([FTYP, testMoov(tracks), ...fragments]));
  await finaliseMp4(path);
});

/** What an outsider sees: times, and the bytes the tables point to. */
function content(bytes: Buffer): unknown {
  const { tracks, ...movie } = readPlain(bytes);
  const shown = tracks.map(({ samples, ...track }) => ({
    ...track,
    samples: samples.map(({ offset, size, ...sample }) => ({
      ...sample,
      data: bytes.toString('hex', offset, offset + size),
    })),
  }));
  return { movie, shown };
}
const order = (bytes: Buffer): string[] => topBoxes(bytes).map(({ type }) => type);

describe('frontLoadMp4', () => {
  it('puts the index before the media and changes nothing else', async () => {
    const before = readFileSync(path);
    expect(order(before)).toEqual(['ftyp', 'mdat', 'moov']);
    expect(await frontLoadMp4(path, copy)).toBe(before.length);
    const after = readFileSync(path);
    expect(order(after)).toEqual(['ftyp', 'moov', 'mdat']);
    expect(content(after)).toEqual(content(before));
    expect(after).toHaveLength(before.length);
    expect(existsSync(copy)).toBe(false);
  });

  it('leaves alone what has its index at its front, and overwrites a copy that was not finished', async () => {
    writeFileSync(copy, Buffer.alloc(100_000, 1));
    await frontLoadMp4(path, copy);
    const { ino } = statSync(path);
    const first = readFileSync(path);
    await frontLoadMp4(path, copy);
    expect(statSync(path).ino).toBe(ino);
    expect(readFileSync(path).equals(first)).toBe(true);
    expect((await finaliseMp4(path)).tracks).toMatchObject([{ samples: 30 }, { samples: 12 }]);
  });

  it('refuses what is no whole plain MP4, unchanged', async () => {
    const torn = readFileSync(path).subarray(0, -5);
    writeFileSync(path, torn);
    await expect(frontLoadMp4(path, copy)).rejects.toMatchObject({ code: 'corrupt' });
    expect(readFileSync(path).equals(torn)).toBe(true);
    expect(existsSync(copy)).toBe(false);
  });

  it('gives offsets 64 bits where the move makes them need it', () => {
    const bytes = readFileSync(path);
    const [, , box] = topBoxes(bytes);
    const moov = Buffer.from(bytes.subarray(box!.start, box!.end));
    const first = readPlainMoov(moov).tracks[0]!.samples[0]!.offset;
    // The chunk offset of the first sample, as the table has it.
    const at = moov.indexOf(Buffer.from([0, 0, first >> 8, first & 0xff]), moov.indexOf('stco'));
    moov.writeUInt32BE(0xffffff00, at);
    const moved = Buffer.concat(moovBeforeMedia(moov));
    expect(moved.indexOf('stco')).toBe(-1);
    expect(moved.length).toBeGreaterThan(moov.length);
    const [was, is] = [readPlainMoov(moov), readPlainMoov(moved)];
    const offsets = (movie: typeof was): number[] =>
      movie.tracks.flatMap(({ samples }) => samples.map(({ offset }) => offset));
    expect(offsets(is)).toEqual(offsets(was).map((offset) => offset + moved.length));
    expect(Math.max(...offsets(is))).toBeGreaterThan(2 ** 32);
    expect(byteLength(moovBeforeMedia(moved))).toBe(moved.length);
  });
});

const unable = noSmallDisk();

it.skipIf(unable !== undefined)(`a full disk leaves the file as it is ${unable ?? ''}`, async () => {
  const disk = await SmallDisk.mount('1m');
  const bytes = readFileSync(path);
  const file = join(disk.path, 'file.mp4');
  writeFileSync(file, bytes);
  const giveBack = disk.fill();
  await expect(frontLoadMp4(file, join(disk.path, 'copy'))).rejects.toMatchObject({ code: 'ENOSPC' });
  expect(readFileSync(file).equals(bytes)).toBe(true);
  expect(existsSync(join(disk.path, 'copy'))).toBe(false);
  giveBack();
  await frontLoadMp4(file, join(disk.path, 'copy'));
  expect(order(readFileSync(file))).toEqual(['ftyp', 'moov', 'mdat']);
  disk.unmount();
});
