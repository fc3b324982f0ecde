import { expect, test } from 'vitest';
import { childEnd } from '../../../src/recorder/childEnd.ts';
import type { ChildEnd } from '../../../src/recorder/childEnd.ts';

const NO_ROOM = ['av_interleaved_write_frame(): No space left on device'];

test.each<
  [ChildEnd, { code?: number; signal?: string; lines?: string[]; asked?: boolean; gaveUp?: boolean }]
>([
  ['finished', { code: 0, asked: true }],
  ['ended-early', { code: 0 }],
  ['failed', { code: 1, asked: true }],
  ['killed', { signal: 'SIGKILL', asked: true }],
  ['hung', { signal: 'SIGKILL', gaveUp: true }],
  ['not-started', { lines: ['spawn ENOENT'] }],
  // FFmpeg may end with 0 all the same.
  ['no-space', { code: 0, asked: true, lines: NO_ROOM }],
])('%s', (expected, { code, signal, lines = [], asked = false, gaveUp = false }) => {
  const exit = { code, signal, lastLines: lines };
  expect(childEnd(exit, { wasAsked: asked, wasGivenUp: gaveUp })).toBe(expected);
});
