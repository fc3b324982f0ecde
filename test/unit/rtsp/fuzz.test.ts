import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { mutate, random } from '../../support/rtmpFuzz.ts';
import { SESSIONS, feed } from '../../support/rtspFuzz.ts';

const CORPUS = new URL('../../fuzz/rtsp/', import.meta.url);

/** Keeps an input that broke something, so that it is replayed from now on. */
function keep(input: Buffer): string {
  const name = `found-${createHash('sha256').update(input).digest('hex').slice(0, 12)}.bin`;
  writeFileSync(new URL(name, CORPUS), input);
  return name;
}

test('the recorded sessions are valid: they publish samples and break nothing', async () => {
  for (const session of SESSIONS) {
    const outcome = await feed(session, random(1));
    expect(outcome).toMatchObject({ complaints: [], isFaulty: false });
    expect(outcome.samples).toBeGreaterThanOrEqual(3);
  }
});

test('2,000 mutated sessions do no harm', async () => {
  const next = random(20_261_125);
  let faulty = 0;
  let samples = 0;
  for (let i = 0; i < 2000; i++) {
    const input = mutate(SESSIONS[i % SESSIONS.length]!, next);
    const outcome = await feed(input, next);
    if (outcome.complaints.length > 0) throw new Error(`${keep(input)}: ${outcome.complaints.join('; ')}`);
    if (outcome.isFaulty) faulty++;
    samples += outcome.samples;
  }
  // The mutations reach both the errors and the media.
  expect(faulty).toBeGreaterThan(250);
  expect(samples).toBeGreaterThan(1500);
});

describe('inputs that broke this or another server', () => {
  test.each(readdirSync(CORPUS).filter((name) => name.endsWith('.bin')))('%s', async (name) => {
    const input = readFileSync(new URL(name, CORPUS));
    expect((await feed(input, random(1))).complaints).toEqual([]);
    expect((await feed(input, () => 0)).complaints).toEqual([]);
  });
});
