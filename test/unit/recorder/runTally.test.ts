import { expect, test } from 'vitest';
import { MAX_INCIDENTS } from '../../../src/domain/incident.ts';
import type { Incident } from '../../../src/domain/incident.ts';
import { RunTally } from '../../../src/recorder/runTally.ts';
import { AUDIO, frame, keyFrame, sound, VIDEO } from './support.ts';

const incident = (from: number): Incident => ({ cause: 'source-lost', from, to: from, lostMs: 1 });
/** One group: a key frame, a frame 40 ms later, a sound 45 ms later. */
function pushGroup(tally: RunTally, ms: number): void {
  tally.push(keyFrame(ms), true);
  tally.push(frame(ms + 40, 5), false);
  tally.push(sound(ms + 45, 3), false);
}
const counts = ({ tracks }: ReturnType<RunTally['takeRest']>) =>
  tracks.map(({ packets, bytes, firstUs, lastUs }) => [packets, bytes, firstUs, lastUs]);
const NOTHING = [0, 0, Infinity, -Infinity];

test('a part ends at the beginning that is nearest to what the child says; the rest is the next part', () => {
  const tally = new RunTally([VIDEO, AUDIO]);
  for (const ms of [0, 1000, 2000]) pushGroup(tally, ms);
  expect(counts(tally.takeUntil(2_001_000))).toEqual([
    [4, 26, 0, 1_040_000],
    [2, 6, 45_000, 1_045_000],
  ]);
  pushGroup(tally, 3000);
  expect(counts(tally.takeRest())).toEqual([
    [4, 26, 2_000_000, 3_040_000],
    [2, 6, 2_045_000, 3_045_000],
  ]);
  expect(counts(tally.takeRest())).toEqual([NOTHING, NOTHING]);
});

test('what is given to another child is no part of the rest, but what happened meanwhile is', () => {
  const tally = new RunTally([VIDEO, AUDIO]);
  tally.report(incident(1));
  pushGroup(tally, 0);
  pushGroup(tally, 1000);
  tally.report(incident(2));
  const rest = tally.takeRest(1_000_000);
  expect(counts(rest)).toEqual([
    [2, 13, 0, 40_000],
    [1, 3, 45_000, 45_000],
  ]);
  expect(rest.incidents).toEqual([incident(1), incident(2)]);
});

test('incidents go to the part in which they happened, and beyond the bound they are counted', () => {
  const tally = new RunTally([VIDEO]);
  pushGroup(tally, 0);
  tally.report(incident(1));
  pushGroup(tally, 1000);
  for (let i = 0; i < MAX_INCIDENTS + 3; i++) tally.report(incident(2));
  expect(tally.takeUntil(1_000_000)).toMatchObject({ incidents: [incident(1)], incidentsLeftOut: 0 });
  const rest = tally.takeRest();
  expect(rest.incidents).toHaveLength(MAX_INCIDENTS);
  expect(rest.incidentsLeftOut).toBe(3);
});

const loss = (from: number, trackId: number, packets: number, lostMs: number | null = 20): Incident => ({
  ...{ cause: 'packets-lost', from, to: from + 20, lostMs, trackId, packets },
});

test('losses of a track with less than ten seconds between them are one incident of their part', () => {
  const tally = new RunTally([VIDEO, AUDIO]);
  pushGroup(tally, 0);
  tally.report(loss(100, 1, 1));
  tally.report(loss(150, 2, 5, null));
  tally.report(incident(160));
  tally.report(loss(300, 1, 2));
  pushGroup(tally, 1000);
  tally.report(loss(10_319, 1, 3));
  pushGroup(tally, 12_000);
  tally.report(loss(20_339, 1, 4));
  tally.report(loss(20_400, 1, 9, null));
  pushGroup(tally, 25_000);
  tally.report(loss(25_000, 1, 7));
  expect(tally.takeUntil(25_000_000).incidents).toEqual([
    { ...loss(100, 1, 6, 60), to: 10_339 },
    loss(150, 2, 5, null),
    incident(160),
    loss(20_339, 1, 4),
    loss(20_400, 1, 9, null),
  ]);
  expect(tally.takeRest().incidents).toEqual([loss(25_000, 1, 7)]);
});

test('a line that loses something all the time takes one place in the report, however long', () => {
  const tally = new RunTally([VIDEO]);
  for (let ms = 0; ms < 3_600_000; ms += 1000) {
    pushGroup(tally, ms);
    tally.report(loss(ms, 1, 2));
  }
  expect(tally.takeRest()).toMatchObject({
    incidents: [{ ...loss(0, 1, 7200, 72_000), to: 3_599_020 }],
    incidentsLeftOut: 0,
  });
});

test('an hour of key frames is counted to the last, and its end is still told from the next part', () => {
  const tally = new RunTally([VIDEO, AUDIO]);
  for (let second = 0; second < 3601; second++) pushGroup(tally, second * 1000);
  expect(counts(tally.takeUntil(3_600_000_000))[0]).toEqual([7200, 7200 * 6.5, 0, 3_599_040_000]);
  expect(counts(tally.takeRest())[0]).toEqual([2, 13, 3_600_000_000, 3_600_040_000]);
});
