import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finaliseMatroska, type FinalisedMatroska } from '../../../../src/media/matroska/finalise.ts';
import { MatroskaError } from '../../../../src/media/matroska/matroskaError.ts';
import { ffmpeg, noFfmpeg, packetsOf, pipeThrough, type Packet } from '../support/ffmpeg.ts';
import { KINDS, makeSource, record, recordKilled, recordUnseekable } from '../support/killedRecording.ts';
import { blocksOf, ID, readFinished, topPlaces } from '../support/matroska.ts';
import { MEMORY_DIR } from '../../../support/memoryDir.ts';

let folder: string;
const file = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(MEMORY_DIR, 'matroska-finalise-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** What FFmpeg warns of while it decodes everything. */
async function warnings(path: string): Promise<string> {
  return (await pipeThrough(Buffer.alloc(0), ['-i', path, '-f', 'null', '-'])).errors;
}

/** Seconds, as a player shows them. */
async function playTime(path: string): Promise<number> {
  const { errors } = await pipeThrough(Buffer.alloc(0), [
    '-v',
    'info',
    '-i',
    path,
    '-t',
    '0',
    '-f',
    'null',
    '-',
  ]);
  const [, h = NaN, m = NaN, s = NaN] = /Duration: (\d+):(\d+):([\d.]+)/.exec(errors) ?? [];
  return Number(h) * 3600 + Number(m) * 60 + Number(s);
}

/** Time of the first packet of the first track when a player seeks to `seconds`, and what of the file is read. */
async function seek(path: string, seconds: number): Promise<number> {
  const args = ['-ss', String(seconds), '-copyts', '-i', path, '-map', '0:0', '-c', 'copy', '-frames', '1'];
  const text = await ffmpeg(...args, '-f', 'framemd5', '-');
  const [line = ''] = text.split('\n').filter((each) => /^\d/.test(each));
  return Number(line.split(',')[2]) / 1000;
}

const endOf = (packets: readonly Packet[]): number =>
  Math.max(...packets.map(({ pts, duration }) => pts + duration)) / 1e6;
const withoutDuration = (packets: readonly Packet[]): Omit<Packet, 'duration'>[] =>
  packets.map(({ stream, dts, pts, size, md5 }) => ({ stream, dts, pts, size, md5 }));

/** Checks what does not depend on how the file was left. */
async function expectFinished(path: string, facts: FinalisedMatroska): Promise<void> {
  const bytes = await readFile(path);
  const finished = readFinished(bytes);
  expect(facts).toMatchObject({ bytes: bytes.length, isIndexed: true });
  expect(facts.durationMs).toBe(Math.round(finished.duration));
  const tops = new Map(topPlaces(bytes).map(({ start, id }) => [start, id]));
  for (const [id, at] of finished.sought) expect(tops.get(at)).toBe(id);
  expect([...finished.sought.keys()].sort()).toEqual([ID.info, ID.tracks, ID.tags, ID.cues].sort());
  for (const { cluster } of finished.cues) expect(tops.get(cluster)).toBe(ID.cluster);
  expect(await warnings(path)).toBe('');
  expect(await finaliseMatroska(path)).toEqual({ ...facts, truncatedBytes: 0 });
  expect((await readFile(path)).equals(bytes)).toBe(true);
}

describe.skipIf(noFfmpeg).each(KINDS)('$name', (kind) => {
  const name = kind.name.replace(/\W+/g, '-');
  const [closed, killed] = [`${name}-closed`, `${name}-killed`].map(
    (each) => `${each}.${kind.format.container}`,
  );
  let source: Buffer;
  let all: Packet[];
  beforeAll(async () => {
    source = await makeSource(kind, file(`${name}.source`));
    await record(kind, source, file(closed!));
    all = await packetsOf(file(closed!));
  });

  it('is left alone when FFmpeg closed it', async () => {
    const path = file(closed!);
    const [bytes, { mtimeMs }] = [await readFile(path), await stat(path)];
    const facts = await finaliseMatroska(path);
    expect((await readFile(path)).equals(bytes)).toBe(true);
    expect((await stat(path)).mtimeMs).toBe(mtimeMs);
    expect(facts).toMatchObject({ bytes: bytes.length, truncatedBytes: 0, isIndexed: true });
    expect(facts.durationMs / 1000).toBeCloseTo(await playTime(path), 1);
  });

  it('that was killed gets size, duration and index, and keeps every packet', async () => {
    const path = file(killed!);
    const { size } = await stat(file(closed!));
    for (const share of [0.3 + Math.random() / 5, 0.7 + Math.random() / 5]) {
      await recordKilled(
        kind,
        source.subarray(0, source.length * share),
        path,
        size * Math.max(0.1, share - 0.4),
      );
      const before = await packetsOf(path);
      expect(before.length).toBeGreaterThan(20);
      const torn = await readFile(path);
      expect(() => readFinished(torn)).toThrow('Segment ends at Infinity');
      const facts = await finaliseMatroska(path);
      const after = await packetsOf(path);
      expect(withoutDuration(after)).toEqual(withoutDuration(before));
      expect(withoutDuration(after)).toEqual(withoutDuration(all.slice(0, after.length)));
      expect(facts.truncatedBytes).toBe(0);
      await expectFinished(path, facts);
      expect(Math.abs((await playTime(path)) - endOf(all.slice(0, after.length)))).toBeLessThan(0.045);
    }
  });

  it('can be sought by its index', async () => {
    const path = file(killed!);
    const { cues } = readFinished(await readFile(path));
    expect(cues.length).toBeGreaterThanOrEqual(2);
    const byFfmpeg = readFinished(await readFile(file(closed!))).cues;
    expect(cues.map(({ time }) => time)).toEqual(byFfmpeg.slice(0, cues.length).map(({ time }) => time));
    const keys = cues.map(({ time }) => time / 1000);
    for (const wanted of keys.slice(1)) {
      const came = await seek(path, wanted + 0.3);
      expect(Math.abs(came - wanted)).toBeLessThan(kind.tracks.length > 1 ? 0.002 : 0.4);
    }
  });

  it('cut at any byte keeps every block that is wholly there', async () => {
    const whole = await readFile(file(closed!));
    const blocks = blocksOf(whole);
    const path = file(`cut.${kind.format.container}`);
    const lengths = [3, 11, 29, 47]
      .map((i) => blocks.at(-i)!.end - i)
      .concat(blocks[9]!.start + 1, whole.length - 7);
    for (const length of lengths) {
      await writeFile(path, whole.subarray(0, length));
      const facts = await finaliseMatroska(path);
      const packets = withoutDuration(await packetsOf(path));
      expect(packets).toHaveLength(blocks.filter(({ end }) => end <= length).length);
      for (const stream of [0, 1]) {
        const of = <T extends { stream: number }>(list: readonly T[]): T[] =>
          list.filter((packet) => packet.stream === stream);
        expect(of(packets)).toEqual(of(withoutDuration(all)).slice(0, of(packets).length));
      }
      await expectFinished(path, facts);
    }
  });
});

describe.skipIf(noFfmpeg)('a recording that FFmpeg wrote to a pipe', () => {
  it('gets the sizes of its clusters, too', async () => {
    const path = file('live.mkv');
    await recordUnseekable(path);
    const bytes = (await readFile(path)).subarray(0, -50);
    await writeFile(path, bytes);
    const before = withoutDuration(await packetsOf(path));
    const facts = await finaliseMatroska(path);
    expect(facts).toMatchObject({ isIndexed: true, bytes: (await stat(path)).size });
    const after = await readFile(path);
    readFinished(after);
    expect(withoutDuration(await packetsOf(path))).toEqual(before);
    expect(await warnings(path)).toBe('');
    await finaliseMatroska(path);
    expect((await readFile(path)).equals(after)).toBe(true);
  });
});

describe('a file with nothing to finish is refused and unchanged', () => {
  const ebml = Buffer.from('1a45dfa38b4282886d6174726f736b61', 'hex');
  const segment = Buffer.from('1853806701ffffffffffffff', 'hex');
  const cluster = Buffer.from('1f43b6758ae78100a3858100008041', 'hex');
  it.each<[string, Buffer, string]>([
    ['empty', Buffer.alloc(0), 'nothing-to-save'],
    ['a few bytes', ebml.subarray(0, 7), 'nothing-to-save'],
    ['a header alone', ebml, 'nothing-to-save'],
    ['without clusters', Buffer.concat([ebml, segment]), 'nothing-to-save'],
    ['a torn first block', Buffer.concat([ebml, segment, cluster.subarray(0, -1)]), 'nothing-to-save'],
    ['without Info and Tracks', Buffer.concat([ebml, segment, cluster]), 'corrupt'],
    ['damage in place of everything', Buffer.concat([ebml, segment, Buffer.alloc(500)]), 'corrupt'],
    ['no Segment', Buffer.concat([ebml, Buffer.alloc(500, 1)]), 'corrupt'],
    ['text', Buffer.from('This is no Matroska at all.'), 'not-matroska'],
  ])('%s', async (_name, bytes, code) => {
    await writeFile(file('refused.mkv'), bytes);
    const refusal: unknown = await finaliseMatroska(file('refused.mkv')).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(MatroskaError);
    expect((refusal as MatroskaError).code).toBe(code);
    expect((await readFile(file('refused.mkv'))).equals(bytes)).toBe(true);
  });
});
