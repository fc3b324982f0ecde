import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseRtcp, writeReceiverReport, writeSourceDescription } from '../../../src/ingest/rtp/rtcp.ts';
import { TwccRecorder } from '../../../src/ingest/rtp/twcc.ts';
import { CODECS, FMTP, feed, hex, mutate, pack, run, unpack } from '../../support/rtpFuzz.ts';
import { random, rtpBytes } from './support.ts';

const CORPUS = new URL('../../fuzz/rtp/', import.meta.url);

describe('hostile media', () => {
  test.each(CODECS)('%s: 600 mutated runs do no harm', (codec) => {
    const next = random(20_261_122 + CODECS.indexOf(codec));
    let samples = 0;
    for (let i = 0; i < 600; i++) {
      const datagrams = run(codec, next);
      const outcome = feed(codec, datagrams);
      samples += outcome.samples;
      if (outcome.complaints.length === 0) continue;
      const input = pack(codec, datagrams);
      const name = `found-${codec}-${createHash('sha256').update(input).digest('hex').slice(0, 12)}.bin`;
      writeFileSync(new URL(name, CORPUS), input);
      throw new Error(`${name}: ${outcome.complaints.join('; ')}`);
    }
    // The mutations leave media to look at.
    expect(samples).toBeGreaterThan(600);
  });

  test.each(CODECS)('%s: 300 runs of random bytes do no harm', (codec) => {
    const next = random(7 + CODECS.indexOf(codec));
    for (let i = 0; i < 300; i++) {
      const datagrams = Array.from({ length: 20 }, (_, n) => {
        const payload = Buffer.from(
          Array.from({ length: Math.floor(next() * 60) }, () => Math.floor(next() * 256)),
        );
        return rtpBytes({ sequence: n, timestamp: n * 1000, payload, marker: next() < 0.5 });
      });
      expect(feed(codec, datagrams, `${FMTP};sprop-max-don-diff=1`).complaints).toEqual([]);
    }
  });

  const kept = readdirSync(CORPUS).filter((name) => name.endsWith('.bin'));
  test.each(kept)('kept input %s', (name) => {
    const [codec, datagrams] = unpack(readFileSync(new URL(name, CORPUS)));
    expect(feed(codec, datagrams).complaints).toEqual([]);
  });
});

test('RTCP: 20,000 mutated compound packets are read without harm', () => {
  const next = random(3);
  const report = hex('80c80006 11223344 e000000180000000 00000a00 00000010 00000020');
  const compound = Buffer.concat([
    report,
    writeSourceDescription(1, 'x'),
    writeReceiverReport(1, []),
    hex('82cb0002 11223344 aabbccdd'),
  ]);
  let parts = 0;
  for (let i = 0; i < 20_000; i++) {
    let bytes: Buffer = compound;
    for (let n = 0; n <= i % 3; n++) bytes = mutate(bytes, next);
    parts += parseRtcp(bytes).length;
  }
  expect(parts).toBeGreaterThan(20_000);
  expect(parseRtcp(Buffer.alloc(65_535, '80cb0000', 'hex')).length).toBeLessThanOrEqual(64);
});

test('transport-wide feedback stays bounded whatever the sequence numbers do', () => {
  const next = random(5);
  const recorder = new TwccRecorder({ senderSsrc: 1, maxPackets: 2048, maxFeedbackBytes: 1100 });
  let now = 0;
  for (let i = 0; i < 20_000; i++) {
    now += next() * 30;
    const sequence = next() < 0.9 ? i & 0xffff : Math.floor(next() * 65_536);
    recorder.record(sequence, next() < 0.99 ? now : now + (next() - 0.5) * 1e6, 1);
    if (i % 25 !== 0) continue;
    const messages = recorder.feedback();
    expect(messages.length).toBeLessThan(64);
    for (const message of messages) expect(message.length).toBeLessThanOrEqual(1108);
  }
});
