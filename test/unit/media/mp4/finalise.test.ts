import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Mp4Error } from '../../../../src/media/mp4/boxes.ts';
import { finaliseMp4 } from '../../../../src/media/mp4/finalise.ts';
import { trackSpans } from '../../../../src/media/mp4/spans.ts';
import {
  decodeErrors,
  ffmpeg,
  fromStart,
  hasEncoder,
  noFfmpeg,
  packetsOf,
  withoutDuration,
} from '../support/ffmpeg.ts';
import { MEMORY_DIR } from '../../../support/memoryDir.ts';
import { FTYP, readPlain, testFragment, testMoov, topBoxes } from '../support/mp4.ts';

const FRAGMENTED = [
  ...['-movflags', 'frag_keyframe+delay_moov+default_base_moof+skip_trailer'],
  ...['-frag_duration', '500000', '-flush_packets', '1'],
];
const COPY = ['-c', 'copy', '-max_interleave_delta', '1000000'];
const PICTURE = ['-f', 'lavfi', '-i', 'testsrc2=s=96x64:r=25:d=3'];
const TONE = ['-f', 'lavfi', '-i', 'sine=440:d=3:r=44100'];
const AAC = ['-c:a', 'aac', '-b:a', '32k'];

let folder: string;
const file = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(MEMORY_DIR, 'mp4-finalise-'));
});
afterAll(() => rm(folder, { recursive: true }));

const typesIn = (bytes: Buffer) => new Set(topBoxes(bytes).map(({ type }) => type));

describe.skipIf(noFfmpeg)('a finalised recording', () => {
  beforeAll(async () => {
    const h264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '25'];
    await ffmpeg(...PICTURE, ...TONE, ...h264, ...AAC, file('source.flv'));
    const late = ['-itsoffset', '1.2', '-i', file('source.flv'), '-map', '0:v', '-map', '1:a'];
    await ffmpeg('-i', file('source.flv'), ...late, '-c', 'copy', file('late.flv'));
    if (!hasEncoder('libx265')) return;
    const hevc = ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none:keyint=25'];
    await ffmpeg(...PICTURE, ...TONE, ...hevc, ...AAC, file('hevc.mkv'));
  });

  /** Makes the fragmented file and FFmpeg's own plain one, finalises the first and compares all three. */
  async function check(source: string, ...args: string[]): Promise<void> {
    const [fragmented, plain] = [file(`${source}.frag.mp4`), file(`${source}.plain.mp4`)];
    await ffmpeg('-i', file(source), ...args, ...COPY, ...FRAGMENTED, fragmented);
    await ffmpeg('-i', file(source), ...args, ...COPY, plain);
    const before = await packetsOf(fragmented);
    expect(typesIn(await readFile(fragmented))).toEqual(new Set(['ftyp', 'moov', 'moof', 'mdat']));
    const facts = await finaliseMp4(fragmented);
    const after = await packetsOf(fragmented);
    expect(withoutDuration(after)).toEqual(withoutDuration(before));
    expect(after).toEqual(fromStart(await packetsOf(plain)));
    expect(await decodeErrors(fragmented)).toBe('');
    expect(topBoxes(await readFile(fragmented)).map(({ type }) => type)).toEqual(['ftyp', 'mdat', 'moov']);
    const end = Math.max(...after.map(({ pts, duration }) => pts + duration));
    expect(Math.abs(facts.durationMs - end / 1000)).toBeLessThanOrEqual(1);
    expect(facts.tracks.reduce((sum, { samples }) => sum + samples, 0)).toBe(after.length);
    expect(facts.bytes).toBe((await stat(fragmented)).size);
    expect(facts.truncatedBytes).toBe(0);
  }

  it('equals the fragments and FFmpeg’s own plain file: H.264 with B-frames and AAC', () =>
    check('source.flv', '-map', '0'));
  it('video only', () => check('source.flv', '-map', '0:v'));
  it('audio only', () => check('source.flv', '-map', '0:a'));
  it('audio that starts late', () => check('late.flv', '-map', '0'));
  it.skipIf(!hasEncoder('libx265'))('HEVC and AAC', () => check('hevc.mkv', '-map', '0', '-tag:v', 'hvc1'));

  it('ends where it is told to, with nothing of what was left out', async () => {
    const path = file('cut.mp4');
    await ffmpeg('-i', file('source.flv'), ...COPY, ...FRAGMENTED, path);
    const before = await packetsOf(path);
    const spans = await trackSpans(path);
    expect(spans.get('video')).toBeCloseTo(3, 2);
    expect(spans.get('audio')).toBeCloseTo(3, 1);
    const facts = await finaliseMp4(path, { video: 2, audio: 1.9 });
    const after = await packetsOf(path);
    expect(withoutDuration(after)).toEqual(
      withoutDuration(before).filter((packet) => after.some(({ md5 }) => md5 === packet.md5)),
    );
    const counts = facts.tracks.map(({ kind, samples }) => [kind, samples]);
    expect(counts).toEqual([
      ['video', 50],
      ['audio', Math.ceil((1.9 * 44_100) / 1024)],
    ]);
    expect(after).toHaveLength(50 + Math.ceil((1.9 * 44_100) / 1024));
    expect(facts.truncatedBytes).toBe(0);
    expect(facts.durationMs).toBeLessThan(2100);
    expect(await decodeErrors(path)).toBe('');
  });

  it('loses the list of fragments that FFmpeg left at its end for older versions', async () => {
    const path = file('list.mp4');
    const flags = 'frag_keyframe+delay_moov+default_base_moof';
    await ffmpeg('-i', file('source.flv'), ...COPY, '-movflags', flags, '-frag_duration', '500000', path);
    expect(typesIn(await readFile(path))).toContain('mfra');
    const before = await packetsOf(path);
    const facts = await finaliseMp4(path);
    expect(facts.truncatedBytes).toBe(0);
    expect(withoutDuration(await packetsOf(path))).toEqual(withoutDuration(before));
    expect(typesIn(await readFile(path))).toEqual(new Set(['ftyp', 'mdat', 'moov']));
  });

  it('with global_sidx, keyframe fragments and offsets from the start of the file', async () => {
    const path = file('sidx.mp4');
    for (const flags of [
      'frag_keyframe+delay_moov+default_base_moof+global_sidx',
      'frag_keyframe+delay_moov',
    ]) {
      await ffmpeg('-i', file('source.flv'), ...COPY, '-movflags', flags, path);
      const before = await packetsOf(path);
      await finaliseMp4(path);
      expect(withoutDuration(await packetsOf(path))).toEqual(withoutDuration(before));
      expect(await decodeErrors(path)).toBe('');
    }
  });

  it('keeps its times when a track’s first fragment starts after 0', async () => {
    const path = file('shifted.mp4');
    await ffmpeg('-i', file('source.flv'), '-map', '0', ...COPY, ...FRAGMENTED, path);
    const bytes = await readFile(path);
    // Every tfdt (version 1) of the audio track moves by 4001 ticks; its tfhd says track 2 in 28 bytes before it.
    for (let at = bytes.indexOf('tfdt'); at >= 0; at = bytes.indexOf('tfdt', at + 1)) {
      if (bytes.readUInt32BE(at - 20) === 2) bytes.writeUInt32BE(bytes.readUInt32BE(at + 12) + 4001, at + 12);
    }
    await writeFile(path, bytes);
    const before = withoutDuration(await packetsOf(path));
    await finaliseMp4(path);
    const after = withoutDuration(await packetsOf(path));
    expect(readPlain(await readFile(path)).tracks[1]?.samples[0]?.dts).toBe(0);
    expect(after.map(({ md5 }) => md5)).toEqual(before.map(({ md5 }) => md5));
    // Both tracks begin with empty time here; FFmpeg rounds what is left of the audio's to its ticks of 23 µs.
    after.forEach(({ pts }, i) => expect(Math.abs(pts - (before[i]?.pts ?? NaN))).toBeLessThanOrEqual(12));
  });

  it('is recognised and left alone when finalised again, as is any plain MP4', async () => {
    const path = file('twice.mp4');
    await ffmpeg('-i', file('source.flv'), '-map', '0', ...COPY, ...FRAGMENTED, path);
    const facts = await finaliseMp4(path);
    const bytes = await readFile(path);
    expect(await finaliseMp4(path)).toEqual(facts);
    expect((await readFile(path)).equals(bytes)).toBe(true);
    await ffmpeg('-i', file('source.flv'), '-map', '0', ...COPY, '-movflags', 'faststart', file('fast.mp4'));
    const { durationMs, tracks } = await finaliseMp4(file('fast.mp4'));
    expect({ durationMs, tracks }).toEqual({ durationMs: facts.durationMs, tracks: facts.tracks });
  });
});

describe('a file with nothing to finalise is refused and unchanged', () => {
  const moov = testMoov([{ id: 1, handler: 'vide', timescale: 1000 }]);
  const samples = [{ duration: 1, composition: 0, size: 50, sync: true }];
  const fragment = testFragment([{ trackId: 1, time: 0, samples }]);
  const noTimescale = Buffer.from(moov);
  noTimescale.writeUInt32BE(0, moov.indexOf('mvhd') + 16);

  it.each<[string, Buffer, string]>([
    ['empty', Buffer.alloc(0), 'nothing-to-save'],
    ['a few bytes', FTYP.subarray(0, 5), 'nothing-to-save'],
    ['without a moov', FTYP, 'nothing-to-save'],
    ['a torn moov', Buffer.concat([FTYP, moov.subarray(0, 200)]), 'nothing-to-save'],
    ['without fragments', Buffer.concat([FTYP, moov]), 'nothing-to-save'],
    ['a torn moof', Buffer.concat([FTYP, moov, fragment.subarray(0, 40)]), 'nothing-to-save'],
    ['no whole sample', Buffer.concat([FTYP, moov, fragment.subarray(0, -1)]), 'nothing-to-save'],
    ['plain, killed', Buffer.concat([FTYP, fragment.subarray(-58)]), 'not-fragmented-mp4'],
    ['text', Buffer.from('This is no MP4 at all.'), 'not-fragmented-mp4'],
    ['a moov that contradicts itself', Buffer.concat([FTYP, noTimescale, fragment]), 'corrupt'],
  ])('%s', async (_name, bytes, code) => {
    await writeFile(file('refused.mp4'), bytes);
    const refusal: unknown = await finaliseMp4(file('refused.mp4')).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(Mp4Error);
    expect((refusal as Mp4Error).code).toBe(code);
    expect((await readFile(file('refused.mp4'))).equals(bytes)).toBe(true);
  });
});
