import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, inject, test } from 'vitest';
import { MEMORY_DIR } from '../support/memoryDir.ts';
import { mutate, random } from '../support/rtmpFuzz.ts';
import { Coverage } from './coverage.ts';
import { targets } from './targets.ts';
import type { Target } from './targets.ts';

/** For all parsers together: a tenth of what the doors get. */
const SECONDS = Number(process.env.FUZZ_SECONDS ?? 600) / 10;
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 1e9);
/** Coverage is taken once for so many inputs; they are told apart only where it grew. */
const BATCH = 10;
/** No input of a few kilobytes may take as long, ms. */
const SLOW_MS = 2000;
const MAX_INPUT_BYTES = 1 << 18;
const FOUND = join(import.meta.dirname, 'found');
/** In memory where there is such a place: what finishes files syncs each of them. */
const folder = mkdtempSync(join(MEMORY_DIR, 'recorderd-parsers-'));
const { bframesFlv } = inject('media');
/** A second of the source, in another container. */
function seed(name: string, ...options: readonly string[]): string {
  const path = join(folder, name);
  const input = ['-v', 'error', '-nostdin', '-i', bframesFlv, '-t', '1'];
  execFileSync('ffmpeg', [...input, '-c', 'copy', ...options, path]);
  return path;
}
/** Few bytes of media, so that changes meet the boxes. */
const THIN = ['-c:v', 'libx264', '-crf', '51', '-vf', 'scale=64:48', '-c:a', 'aac', '-b:a', '16k'];

afterAll(() => rmSync(folder, { recursive: true }));

/** Keeps an input that broke something; moved to the target's folder, the unit tests replay it. */
function keep(target: Target, input: Buffer): string {
  mkdirSync(FOUND, { recursive: true });
  const hash = createHash('sha256').update(input).digest('hex').slice(0, 12);
  const path = join(FOUND, `${target.name.replaceAll(' ', '-')}-${SEED}-${hash}.bin`);
  writeFileSync(path, input);
  return path;
}

async function runOne(target: Target, input: Buffer, next: () => number): Promise<void> {
  const begin = performance.now();
  try {
    await target.run(input, next);
    const took = performance.now() - begin;
    if (took > SLOW_MS) throw new Error(`takes ${Math.round(took)} ms`);
  } catch (error) {
    throw new Error(`seed ${SEED}, ${keep(target, input)}: ${String(error)}`, { cause: error });
  }
}

/** Mutates inputs that reached something new more and more. */
async function explore(
  target: Target,
  untilMs: number,
): Promise<{ inputs: number; blocks: number; corpus: number }> {
  const next = random(createHash('sha256').update(`${target.name}-${SEED}`).digest().readUInt32BE(0));
  const coverage = new Coverage();
  coverage.start();
  const corpus = [...target.seeds];
  let inputs = 0;
  try {
    for (const seed of corpus) await runOne(target, seed, next);
    coverage.hasGrown();
    while (performance.now() < untilMs) {
      const batch = Array.from({ length: BATCH }, () =>
        mutate(corpus[Math.floor(next() * corpus.length)]!, next).subarray(0, MAX_INPUT_BYTES),
      );
      for (const input of batch) await runOne(target, input, next);
      inputs += batch.length;
      if (coverage.hasGrown()) corpus.push(...batch);
    }
  } finally {
    coverage.stop();
  }
  return { inputs, blocks: coverage.blocks, corpus: corpus.length };
}

const FRAGMENTED = [
  ...['-movflags', 'frag_keyframe+delay_moov+default_base_moof+skip_trailer', '-frag_duration', '200000'],
];

const all = targets({
  ...{ flv: bframesFlv, mkv: seed('seed.mkv', ...THIN), plainMp4: seed('plain.mp4', ...THIN), folder },
  fragmentedMp4: seed('fragmented.mp4', ...THIN, ...FRAGMENTED),
});

test.each(all)(
  'coverage-guided inputs make $name do nothing but refuse or read',
  { timeout: (SECONDS + 120) * 1000 },
  async (target) => {
    const seen = await explore(target, performance.now() + (SECONDS * 1000) / all.length);
    console.log(`${target.name}: ${JSON.stringify(seen)} FUZZ_SEED=${SEED}`);
    expect(seen.inputs).toBeGreaterThan(0);
    expect(seen.blocks).toBeGreaterThan(3);
  },
);
