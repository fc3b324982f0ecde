import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { SESSIONS, feed, mutate, random } from '../../support/rtmpFuzz.ts';

const CORPUS = new URL('../../fuzz/rtmp/', import.meta.url);

/** Keeps an input that broke something, so that it is replayed from now on. */
function keep(input: Buffer): string {
  const name = `found-${createHash('sha256').update(input).digest('hex').slice(0, 12)}.bin`;
  writeFileSync(new URL(name, CORPUS), input);
  return name;
}

test('the recorded sessions are valid: they publish samples and break nothing', () => {
  for (const session of SESSIONS) {
    const outcome = feed(session, random(1));
    expect(outcome).toMatchObject({ complaints: [], isFaulty: false });
    expect(outcome.samples).toBeGreaterThanOrEqual(3);
  }
});

test('4,000 mutated sessions do no harm', () => {
  const next = random(20_261_122);
  let faulty = 0;
  let samples = 0;
  for (let i = 0; i < 4000; i++) {
    const input = mutate(SESSIONS[i % SESSIONS.length]!, next);
    const outcome = feed(input, next);
    if (outcome.complaints.length > 0) throw new Error(`${keep(input)}: ${outcome.complaints.join('; ')}`);
    if (outcome.isFaulty) faulty++;
    samples += outcome.samples;
  }
  // The mutations reach both the errors and the media.
  expect(faulty).toBeGreaterThan(500);
  expect(samples).toBeGreaterThan(3000);
});

test('1,000 random beginnings do no harm', () => {
  const next = random(7);
  for (let i = 0; i < 1000; i++) {
    const input = Buffer.from(
      Array.from({ length: Math.floor(next() * 200) }, () => Math.floor(next() * 256)),
    );
    if (i % 2 === 0 && input.length > 0) input[0] = 3;
    expect(feed(input, next, false).complaints).toEqual([]);
  }
});

describe('inputs that broke this or another server', () => {
  test.each(readdirSync(CORPUS).filter((name) => name.endsWith('.bin')))('%s', (name) => {
    const input = readFileSync(new URL(name, CORPUS));
    expect(feed(input, random(1)).complaints).toEqual([]);
    expect(feed(input, () => 0).complaints).toEqual([]);
  });
});
