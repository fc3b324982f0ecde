import { expect, test } from 'vitest';
import type { Track } from '../../src/domain/media.ts';
import { soundOf } from '../support/beeps.ts';
import { makeAudio, makeVideo, only, shifted } from '../support/rtcMedia.ts';
import type { Clip } from '../support/rtcMedia.ts';
import { expectBytes, recordClips } from '../support/rtcStudio.ts';

/** What lip synchronisation may be off anywhere in a file. */
const TOLERANCE_MS = 25;
const SECOND_US = 1_000_000;
const H264 = makeVideo({ codec: 'h264', seconds: 12 });
const VP8 = makeVideo({ codec: 'vp8', seconds: 12 });
const OPUS = makeAudio({ codec: 'opus', seconds: 12 });
const PCMA = makeAudio({ codec: 'pcma', seconds: 12 });

/** Time within the second at which a beep begins. */
const phaseOf = (us: number): number => ((us % SECOND_US) + SECOND_US) % SECOND_US;
const isBeep = (us: number): boolean => phaseOf(us) < 80_000 || phaseOf(us) > 940_000;

type Change = <T extends Track>(clip: Clip<T>) => Clip<T>;
const same: Change = (clip) => clip;
const by =
  (us: number): Change =>
  (clip) =>
    shifted(clip, us);
const without =
  (isLost: (us: number) => boolean): Change =>
  (clip) =>
    only(clip, ({ dts }) => !isLost(dts));

const CASES: readonly (readonly [string, { readonly audio?: Change; readonly video?: Change }])[] = [
  ['nothing lost', {}],
  ['audio 1 s later', { audio: by(SECOND_US) }],
  ['audio 1 s earlier', { video: by(SECOND_US) }],
  ['audio 130 ms later', { audio: by(130_000) }],
  ['audio 130 ms earlier', { video: by(130_000) }],
  ['5 % of the audio lost', { audio: without((us) => Math.round(us / 20_000) % 20 === 10 && !isBeep(us)) }],
  [
    'a packet each 400 ms in silence',
    { audio: without((us) => !isBeep(us) && Math.round(us / 20_000) % 20 !== 10) },
  ],
  ['5 s of audio missing', { audio: without((us) => us > 2.5 * SECOND_US && us < 7.5 * SECOND_US) }],
  ['audio from 5 s on', { audio: without((us) => us < 4.9 * SECOND_US) }],
  ['no audio in the last 3 s', { audio: without((us) => us > 9.2 * SECOND_US) }],
];
const PAIRS = [
  ['H.264 and Opus in MP4', H264, OPUS],
  ['VP8 and Opus in WebM', VP8, OPUS],
] as const;

/** Beeps that were sent, in milliseconds from the first picture. */
function beepsSent(video: Clip, audio: Clip, shiftUs: number): number[] {
  const originUs = video.samples[0]!.pts;
  const has = (us: number): boolean => audio.samples.some(({ dts }) => dts <= us && us < dts + 20_000);
  return Array.from({ length: 12 }, (_, i) => i * SECOND_US + shiftUs)
    .filter((us) => has(us) && us >= originUs - SECOND_US)
    .map((us) => (us - originUs) / 1000);
}

const RUNS = [
  ...PAIRS.flatMap(([pair, video, audio]) =>
    CASES.map(([what, change]) => ({ pair, what, change, video, audio })),
  ),
  // Travels as FLV, in whole milliseconds.
  ...CASES.filter(([what]) => what.includes('lost') || what.includes('later')).map(([what, change]) => ({
    ...{ pair: 'H.264 and G.711 in MP4', what, change },
    ...{ video: H264, audio: PCMA },
  })),
];

test.each(RUNS)('$pair, $what: the sound stays with the picture', async (run) => {
  const video = (run.change.video ?? same)(run.video);
  const audio = (run.change.audio ?? same)(run.audio);
  const shiftUs = audio.samples[0]!.dts - run.audio.samples[0]!.dts;
  const [file = '', ...more] = await recordClips([video, audio], { trackWaitMs: 60_000 });
  expect(more).toEqual([]);
  await expectBytes([file], 'v', [video]);
  const sound = await soundOf(file);
  const isShift = audio.samples.length === run.audio.samples.length;
  const sent = beepsSent(video, audio, isShift ? shiftUs : 0);
  expect(sent.length).toBeGreaterThan(5);
  expect(sound.beepsMs).toHaveLength(sent.length);
  sound.beepsMs.forEach((ms, i) => expect(Math.abs(ms - sent[i]!)).toBeLessThan(TOLERANCE_MS));
});
