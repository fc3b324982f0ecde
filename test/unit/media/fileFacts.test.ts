import { mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FileFacts } from '../../../src/domain/media.ts';
import { readFileFacts } from '../../../src/media/fileFacts.ts';
import { ffmpeg, hasEncoder, noFfmpeg } from './support/ffmpeg.ts';

let folder: string;
const at = (name: string): string => join(folder, name);
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'file-facts-'))));
afterAll(() => rm(folder, { recursive: true }));

async function factsOf(name: string): Promise<FileFacts | undefined> {
  const handle = await open(at(name), 'r');
  try {
    return await readFileFacts(handle, extname(name).slice(1) as 'mp4' | 'webm' | 'mkv');
  } finally {
    await handle.close();
  }
}

const PICTURE = ['-f', 'lavfi', '-i', 'testsrc2=s=96x64:r=25:d=2'];
const TONE = ['-f', 'lavfi', '-i', 'sine=440:d=2:r=48000'];

describe.skipIf(noFfmpeg)('a finished file', () => {
  test.each([
    ['h264.mp4', ['-c:v', 'libx264', '-c:a', 'aac'], 'libx264', ['h264', 'aac']],
    ['mp3.mp4', ['-c:v', 'libx264', '-c:a', 'libmp3lame'], 'libmp3lame', ['h264', 'mp3']],
    ['hevc.mp4', ['-c:v', 'libx265', '-x265-params', 'log-level=none', '-an'], 'libx265', ['hevc', null]],
    ['vp8.webm', ['-c:v', 'libvpx', '-c:a', 'libopus'], 'libvpx', ['vp8', 'opus']],
    ['vorbis.webm', ['-c:v', 'libvpx', '-c:a', 'libvorbis'], 'libvorbis', ['vp8', 'VORBIS']],
    ['pcm.mkv', ['-c:v', 'libx264', '-ar', '8000', '-c:a', 'pcm_mulaw'], 'libx264', ['h264', 'pcmu']],
    ['sound.mp4', ['-vn', '-c:a', 'aac'], 'aac', [null, 'aac']],
  ] as const)('%s', async (name, args, encoder, [videoCodec, audioCodec]) => {
    if (!hasEncoder(encoder)) return;
    await ffmpeg(...PICTURE, ...TONE, ...args, at(name));
    const facts = await factsOf(name);
    expect(facts).toMatchObject({ videoCodec, audioCodec });
    expect(Math.abs(facts!.durationMs - 2000)).toBeLessThan(100);
  });

  test('one that its writer did not finish is none', async () => {
    const encoded = ['-c:v', 'libx264', '-c:a', 'aac'];
    await ffmpeg(...PICTURE, ...TONE, ...encoded, '-movflags', 'frag_keyframe+empty_moov', at('frag.mp4'));
    await ffmpeg(...PICTURE, ...TONE, ...encoded, at('cut.mkv'));
    await truncate(at('cut.mkv'), 20_000);
    expect(await factsOf('frag.mp4')).toBeUndefined();
    expect(await factsOf('cut.mkv')).toBeUndefined();
  });
});

test('what is no such file is an error', async () => {
  await writeFile(at('text.mp4'), 'a text that is no media, and long enough to be read as something');
  await writeFile(at('text.webm'), 'a text that is no media, and long enough to be read as something');
  await expect(factsOf('text.mp4')).rejects.toThrow('no ftyp at the start');
  await expect(factsOf('text.webm')).rejects.toThrow('does not begin with a Matroska header');
});
