import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { CODEC_SEEDS, tryCodecs, tryMatroska, tryMp4 } from '../../support/mediaFuzz.ts';
import { MEMORY_DIR } from '../../support/memoryDir.ts';
import { mutate, random } from '../../support/rtmpFuzz.ts';
import { ffmpeg } from './support/ffmpeg.ts';

const CORPUS = new URL('../../fuzz/', import.meta.url);
/** Few bytes of media, so that changes meet what describes it. */
const SOURCE = [
  ...['-f', 'lavfi', '-i', 'testsrc2=s=64x48:r=25:d=1', '-f', 'lavfi', '-i', 'sine=440:d=1:r=48000'],
  ...[
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-bf',
    '2',
    '-g',
    '10',
    '-crf',
    '51',
    '-c:a',
    'aac',
    '-b:a',
    '16k',
  ],
];
const FRAGMENTED = [
  '-movflags',
  'frag_keyframe+delay_moov+default_base_moof+skip_trailer',
  '-frag_duration',
  '200000',
];
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(MEMORY_DIR, 'recorderd-harm-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function made(name: string, ...options: readonly string[]): Promise<Buffer> {
  const path = join(folder, name);
  await ffmpeg(...SOURCE, ...options, path);
  return readFile(path);
}

function keep(input: Buffer): string {
  const path = join(tmpdir(), `${createHash('sha256').update(input).digest('hex').slice(0, 12)}.bin`);
  writeFileSync(path, input);
  return path;
}

/** The message names the input that does harm, and where it is kept. */
async function changed(seed: Buffer, count: number, run: (input: Buffer) => Promise<void>): Promise<void> {
  const next = random(20_261_128);
  for (let i = 0; i < count; i++) {
    const input = mutate(seed, next);
    await run(input).catch((error: unknown) => {
      throw new Error(`input ${i}, ${keep(input)}: ${String(error)}`, { cause: error });
    });
  }
}

describe('files that are changed in a few places are finished, or refused and left alone', () => {
  test('MP4 as FFmpeg leaves it while it records', async () => {
    const seed = await made('seed.mp4', ...FRAGMENTED);
    await changed(seed, 300, (input) => tryMp4(input, folder));
  });

  test('MKV that a kill left', async () => {
    const seed = await made('seed.mkv', '-cluster_time_limit', '200');
    await changed(seed.subarray(0, seed.length * 0.8), 300, (input) => tryMatroska(input, folder));
  });
});

test('20,000 changed codec configurations and parameter sets do no harm', () => {
  const next = random(20_261_128);
  for (let i = 0; i < 20_000; i++) {
    const input = mutate(CODEC_SEEDS[i % CODEC_SEEDS.length]!, next);
    try {
      tryCodecs(input);
    } catch (error) {
      throw new Error(`${input.toString('hex')}: ${String(error)}`, { cause: error });
    }
  }
});

const kept = (['codecs', 'mp4', 'matroska'] as const).flatMap((kind) => {
  const path = new URL(`${kind}/`, CORPUS);
  const names = existsSync(path) ? readdirSync(path) : [];
  return names.map((name) => [kind, name, readFileSync(new URL(name, path))] as const);
});

test.each(kept)('kept input %s/%s', async (kind, _name, input) => {
  if (kind === 'codecs') tryCodecs(input);
  else await (kind === 'mp4' ? tryMp4 : tryMatroska)(input, folder);
});
