import fc from 'fast-check';
import { parse } from 'sdp-transform';
import { describe, expect, it } from 'vitest';
import { RecorderdError } from '../../../src/domain/errors.ts';
import { writeAnswer, writeTransportOffer } from '../../../src/ingest/webrtc/answer.ts';
import { negotiate } from '../../../src/ingest/webrtc/negotiation.ts';
import { readOffer } from '../../../src/ingest/webrtc/offer.ts';
import type { LocalTransport } from '../../../src/ingest/webrtc/offer.ts';
import { captured } from './support.ts';

const CODECS = { video: ['h264', 'vp8'], audio: ['opus', 'pcma', 'pcmu'] } as const;
const LOCAL: LocalTransport = {
  ice: { ufrag: 'loca', password: 'p'.repeat(22) },
  fingerprint: { hash: 'sha-256', value: Array(32).fill('AB').join(':') },
  candidates: [{ foundation: '1', priority: 1, address: '192.0.2.2', port: 31000 }],
};
const OFFERS = ['chromium-av', 'chromium-audio', 'chromium-video', 'chromium-data', 'chromium-video2'].map(
  captured,
);
const LINES = [...new Set(OFFERS.flatMap((offer) => offer.split('\r\n')))];

/** Every line that may stand in what the server writes. */
const OWN_LINE =
  /^(?:v=0|o=- \d+ \d+ IN IP4 0\.0\.0\.0|s=-|t=0 0|m=\S+ \d+ \S+( \S+)+|c=IN IP4 [\d.]+|a=(?:group:BUNDLE( \S+)+|rtcp:\d+ IN IP4 [\d.]+|ice-ufrag:\S+|ice-pwd:\S+|fingerprint:\S+ \S+|setup:(?:active|passive)|mid:\S+|extmap:\d+ \S+|recvonly|sendonly|inactive|rtcp-mux|rtcp-rsize|rtpmap:\d+ \S+|rtcp-fb:\d+ [\w -]+|fmtp:\d+ [\w=;-]+|candidate:\S+ 1 udp \d+ \S+ \d+ typ host|end-of-candidates))$/;

/** What an offer leads to: undefined when it is refused in an orderly way. */
function outcome(offer: string): { readonly answer: string; readonly shown: string } | undefined {
  try {
    const negotiated = negotiate(readOffer(offer), CODECS);
    return { answer: writeAnswer(negotiated, LOCAL, '1'), shown: writeTransportOffer(negotiated) };
  } catch (error) {
    if (error instanceof RecorderdError && error.code !== 'INTERNAL') return undefined;
    throw error;
  }
}

function checkOutcome(offer: string): boolean {
  const result = outcome(offer);
  if (result === undefined) return false;
  for (const text of [result.answer, result.shown]) {
    expect(text.endsWith('\r\n')).toBe(true);
    for (const line of text.slice(0, -2).split('\r\n')) expect(line).toMatch(OWN_LINE);
  }
  // RFC 3264, 6: as many m-lines as the offer, in its order.
  expect(parse(result.answer).media).toHaveLength(parse(offer.replaceAll(/\r*\n/g, '\r\n')).media.length);
  return true;
}

type Edit = (lines: string[], at: number, by: { readonly other: number; readonly noise: string }) => void;

const EDITS = {
  delete: (lines, at) => lines.splice(at, 1),
  double: (lines, at) => lines.splice(at, 0, lines[at] ?? ''),
  swap: (lines, at, { other }) => {
    lines[at] = lines.splice(other % lines.length, 1, lines[at] ?? '')[0] ?? '';
  },
  cut: (lines, at, { other }) => {
    lines[at] = (lines[at] ?? '').slice(0, other % ((lines[at] ?? '').length + 1));
  },
  replace: (lines, at, { other }) => {
    lines[at] = LINES[other % LINES.length] ?? '';
  },
  noise: (lines, at, { noise }) => {
    lines[at] = (lines[at] ?? '').slice(0, 9) + noise;
  },
  number: (lines, at, { other }) => {
    lines[at] = (lines[at] ?? '').replace(/\d+/, other % 2 === 0 ? '99999999999999999999' : '-1');
  },
} satisfies Readonly<Record<string, Edit>>;

/** Deletes, doubles, moves, cuts and replaces lines of a captured offer. */
const mangled = fc
  .record({
    offer: fc.constantFrom(...OFFERS),
    edits: fc.array(
      fc.record({
        at: fc.nat(300),
        kind: fc.constantFrom(...(Object.keys(EDITS) as (keyof typeof EDITS)[])),
        other: fc.nat(300),
        noise: fc.string({ unit: 'binary', maxLength: 40 }),
      }),
      { minLength: 1, maxLength: 12 },
    ),
    eol: fc.constantFrom('\r\n', '\n', '\r'),
  })
  .map(({ offer, edits, eol }) => {
    const lines = offer.split('\r\n');
    for (const { at, kind, other, noise } of edits) EDITS[kind](lines, at % lines.length, { other, noise });
    return lines.join(eol);
  });

describe('hostile offers', () => {
  it('are refused in an orderly way or answered with lines of the server only', () => {
    let answers = 0;
    fc.assert(
      fc.property(mangled, (offer) => {
        if (checkOutcome(offer)) answers++;
      }),
      { numRuns: 800 },
    );
    // Else nothing was tested but refusals.
    expect(answers).toBeGreaterThan(100);
  });

  it('may be any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2_000 }), (noise) => {
        outcome(noise);
        outcome(`v=0\r\n${noise}`);
      }),
      { numRuns: 1_000 },
    );
  });

  it('take no time out of proportion', () => {
    const long = OFFERS.map((offer) => offer + 'a=rtpmap:1 a/1\r\n'.repeat(3_000));
    const begin = performance.now();
    for (const offer of long) outcome(offer);
    for (const filler of [
      'a=fmtp:1 ',
      'a=ssrc-group:FID ',
      'a=candidate:',
      'a=rtcp-fb:* ',
      'a=group:BUNDLE ',
      'm=audio 9 ',
    ]) {
      outcome(`v=0\r\n${`${filler}${'1 '.repeat(1_900)}\r\n`.repeat(16)}`);
    }
    expect(performance.now() - begin).toBeLessThan(5_000);
  });
});
