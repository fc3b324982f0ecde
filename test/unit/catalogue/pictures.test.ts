import { readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Catalogue } from '../../../src/catalogue/catalogue.ts';
import { waveform } from '../../../src/catalogue/pictureArgs.ts';
import { Pictures } from '../../../src/catalogue/pictures.ts';
import type { PictureOptions } from '../../../src/catalogue/pictures.ts';
import type { FinishedPart } from '../../../src/domain/recording.ts';
import { eventually } from '../../support/eventually.ts';
import { ffmpeg, ffmpegPath, noFfmpeg } from '../media/support/ffmpeg.ts';
import { CatalogueHome } from './support.ts';

let home: CatalogueHome;
let catalogue: Catalogue;
let open: Pictures[];

beforeEach(async () => {
  home = new CatalogueHome();
  catalogue = await home.catalogue();
  open = [];
});
afterEach(async () => {
  for (const each of open) each.close();
  await home.remove();
});

const folder = (): string => join(home.recordsDir, '.catalogue', 'pictures');
const kept = (): string[] => readdirSync(folder()).sort();

async function pictures(options: Partial<PictureOptions> = {}, canSpare = true): Promise<Pictures> {
  const { recordsDir, log } = home;
  const made = new Pictures(
    {
      ...{ ffmpegPath, recordsDir, max: 100, maxWaiting: 8, timeoutMs: 20_000, maxPixels: 33_554_432 },
      env: { PATH: process.env['PATH'] ?? '' },
      ...options,
    },
    { catalogue, canSpare: () => Promise.resolve(canSpare), log },
  );
  open.push(made);
  home.onPictureForgotten = (key) => made.forget(key);
  await made.open();
  return made;
}

/** A finished file that was made by FFmpeg. */
async function record(name: string, ...args: string[]): Promise<FinishedPart> {
  const hasVideo = !args.includes('-vn');
  const taken = home.put(name, {
    ...{ durationMs: 4000, videoCodec: hasVideo ? 'H264' : undefined, audioCodec: 'AAC' },
  });
  await ffmpeg(...args, taken.path);
  await home.take(catalogue, taken);
  return taken;
}

const video = (name: string): Promise<FinishedPart> =>
  record(name, '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=10:duration=4', '-c:v', 'libx264');
const sound = (name: string): Promise<FinishedPart> =>
  // Silent in its second half.
  record(name, '-f', 'lavfi', '-i', 'sine=duration=4', '-af', "volume='lt(t,2)':eval=frame", '-vn');
const keyOf = ({ recordingId, index: partIndex }: FinishedPart) => ({ recordingId, partIndex });

/** Width and height of a JPEG, from its frame header. */
function sizeOf(jpeg: Buffer): [number, number] {
  const at = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
  return [jpeg.readUInt16BE(at + 7), jpeg.readUInt16BE(at + 5)];
}

describe.skipIf(noFfmpeg)('pictures', () => {
  test('of video are thumbnails, made once, kept over restarts, and made anew when the file is newer', async () => {
    const part = await video('cam.mp4');
    const first = await pictures();
    const all = await Promise.all([1, 2, 3].map(() => first.of(keyOf(part))));
    expect(all[0]).toMatchObject({ folder: folder(), type: 'image/jpeg' });
    const path = join(folder(), all[0]!.fileName);
    expect(sizeOf(readFileSync(path))).toEqual([320, 180]);
    expect(kept()).toEqual([all[0]!.fileName]);
    const { ino } = statSync(path);
    const second = await pictures();
    await second.of(keyOf(part));
    expect(statSync(path).ino).toBe(ino);
    const later = Date.now() / 1000 + 60;
    utimesSync(part.path, later, later);
    await second.of(keyOf(part));
    expect(statSync(path).ino).not.toBe(ino);
  });

  test('of sound alone are waveforms', async () => {
    const part = await sound('radio.mp4');
    const made = await pictures();
    const { fileName, type } = await made.of(keyOf(part));
    expect(type).toBe('image/svg+xml');
    const svg = readFileSync(join(folder(), fileName), 'utf8');
    const reach = [...svg.matchAll(/m0-([\d.]+)v/g)].map(([, height]) => Number(height));
    expect(reach.length).toBeGreaterThan(300);
    expect(reach[50]).toBeGreaterThan(5);
    expect(reach[250]).toBe(0.5);
  });

  test('go when their file is deleted or forgotten, and stay when it was moved', async () => {
    const [one, two, three] = [await video('1.mp4'), await video('2.mp4'), await video('3.mp4')];
    const made = await pictures();
    for (const part of [one, two, three]) await made.of(keyOf(part));
    expect(kept().length).toBe(3);
    await catalogue.delete(one.recordingId, undefined, true);
    await eventually(() => (kept().length === 2 ? true : undefined), 'one less');
    renameSync(two.path, join(home.recordsDir, 'elsewhere.mp4'));
    expect(await made.of(keyOf(two))).toMatchObject({ type: 'image/jpeg' });
    rmSync(three.path);
    rmSync(folder(), { recursive: true });
    const later = await pictures();
    await expect(later.of(keyOf(three))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    await expect(later.of(keyOf(one))).rejects.toMatchObject({ code: 'RECORDING_NOT_FOUND' });
  });

  test('are bounded: those that nobody asked for go first', async () => {
    const parts = [await video('1.mp4'), await video('2.mp4'), await video('3.mp4')];
    const made = await pictures({ max: 2 });
    const names = [];
    for (const part of parts.slice(0, 2)) names.push((await made.of(keyOf(part))).fileName);
    await made.of(keyOf(parts[0]!));
    const third = (await made.of(keyOf(parts[2]!))).fileName;
    expect(kept()).toEqual([names[0], third].sort());
  });

  test('what an earlier process left unfinished, or of files that are not known, is removed', async () => {
    const part = await video('cam.mp4');
    const { fileName } = await (await pictures()).of(keyOf(part));
    for (const name of [`.${fileName}`, '1-unknown', 'x', '1-%ZZ']) writeFileSync(join(folder(), name), 'x');
    await pictures();
    expect(kept()).toEqual([fileName]);
    const off = await pictures({ max: 0 });
    await expect(off.of(keyOf(part))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(readdirSync(join(home.recordsDir, '.catalogue'))).not.toContain('pictures');
  });

  test('a file that FFmpeg cannot read is tried once', async () => {
    const part = home.put('broken.mp4', { videoCodec: 'H264' });
    await home.take(catalogue, part);
    const made = await pictures();
    for (let i = 0; i < 2; i++)
      await expect(made.of(keyOf(part))).rejects.toMatchObject({ code: 'PICTURE_FAILED' });
    expect(home.log.lines.filter(({ message }) => message === 'no picture of a file').length).toBe(1);
    expect(kept()).toEqual([]);
  });
});

/** In place of FFmpeg. */
function program(script: string): string {
  const path = join(home.recordsDir, '.program');
  writeFileSync(path, `#!/bin/bash\n${script}\n`, { mode: 0o755 });
  return path;
}

async function unreadable(count: number): Promise<FinishedPart[]> {
  const parts = Array.from({ length: count }, (_, i) => home.put(`${i}.mp4`, { videoCodec: 'H264' }));
  for (const part of parts) await home.take(catalogue, part);
  return parts;
}

test('one is made at a time, at low priority, and only so many wait', async () => {
  const parts = await unreadable(4);
  const started = join(home.recordsDir, '.started');
  // The 19th field of its line of /proc is the niceness of a process, which it is given right after its start.
  const niceness = "$(cut -d' ' -f19 /proc/$$/stat)";
  const made = await pictures({
    maxWaiting: 2,
    ffmpegPath: program(`until [ "${niceness}" = 19 ]; do :; done\necho 19 >> ${started}\nexec sleep 600`),
  });
  const asked = parts.map((part) => made.of(keyOf(part)));
  const settled = Promise.allSettled(asked);
  await expect(asked[3]).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
  const lines = await eventually(() => {
    const text = readdirSync(home.recordsDir).includes('.started') ? readFileSync(started, 'utf8') : '';
    return text === '' ? undefined : text;
  }, 'the first one');
  expect(lines).toBe('19\n');
  made.close();
  const ends = await settled;
  expect(ends.map((end) => end.status)).toEqual(Array.from({ length: 4 }, () => 'rejected'));
  expect(readFileSync(started, 'utf8')).toBe('19\n');
});

test('one that takes too long is ended', async () => {
  const [part] = await unreadable(1);
  const made = await pictures({ timeoutMs: 50, ffmpegPath: program('exec sleep 600') });
  await expect(made.of(keyOf(part!))).rejects.toMatchObject({ code: 'PICTURE_FAILED' });
});

test('a full disk is left alone', async () => {
  const [part] = await unreadable(1);
  const made = await pictures({}, false);
  await expect(made.of(keyOf(part!))).rejects.toMatchObject({ code: 'DISK_FULL' });
});

test('a waveform has a bar for each peak; nothing printed is none', () => {
  const line = 'frame:0 pts:0\nlavfi.astats.Overall.Peak_level=';
  const svg = waveform(`${line}0.000000\n${line}-12.041200\n${line}-inf\n`)!;
  expect(svg).toContain('viewBox="0 0 3 60"');
  expect(svg).toContain('M0.5 30m0-29.0v58.0M1.5 30m0-14.5v29.0M2.5 30m0-0.5v1.0');
  expect(waveform('Error: x')).toBeUndefined();
});
