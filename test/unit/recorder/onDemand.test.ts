import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { onDemandSettings } from '../../../src/recorder/onDemand.ts';
import type { RecorderSettings } from '../../../src/recorder/settings.ts';
import type { Stream } from '../../../src/streams/stream.ts';
import { eventually } from '../../support/eventually.ts';
import { AUDIO, frame, keyFrame, mediaIn, sound, Studio, VIDEO } from './support.ts';

/** A running stream whose newest key frame is at 1000 ms, and that nobody has asked to record. */
function running(studio: Studio, untilMs: number): Stream {
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  stream.push(keyFrame(0));
  stream.push(sound(0));
  stream.push(keyFrame(1000));
  for (let ms = 1010; ms <= untilMs; ms += 10) stream.push((ms % 20 === 0 ? frame : sound)(ms));
  return stream;
}

test.each([
  ['nothing but the key frame is cached', 1000, {}, 200],
  ['less than a fragment is cached', 1500, {}, 200],
  ['a fragment is cached', 1600, {}, 500],
  ['fragments are short anyhow', 1000, { fragmentMs: 150 }, 150],
  ['it is set to be longer', 1000, { onDemandFragmentMs: 1000 }, 500],
])('fragments of a start on demand when %s', (_, untilMs, changed: Partial<RecorderSettings>, fragmentMs) => {
  const studio = new Studio({}, false);
  const settings = { fragmentMs: 500, onDemandFragmentMs: 200, ...changed } as RecorderSettings;
  expect(onDemandSettings(running(studio, untilMs), settings)).toEqual({ ...settings, fragmentMs });
});

test('a start on demand waits for no batch: not with what is cached, nor with what comes next', async () => {
  const studio = await Studio.open({ batchMs: 600_000 }, false);
  const stream = running(studio, 1040);
  let wakes = 0;
  // A publisher that rests: what it has sent is read when it is asked for.
  stream.wake = () => {
    wakes += 1;
    if (wakes === 2) stream.push(frame(1060));
  };
  studio.recordings.start(stream, {});
  expect(wakes).toBe(1);
  const work = join(studio.recordsDir, '.work');
  const file = join(work, readdirSync(work)[0] ?? '', '000-000000.ts');
  await eventually(
    () => (existsSync(file) && mediaIn(file).at(-1) === 'v60' ? true : undefined),
    'media is in the working file',
  );
  expect(mediaIn(file)).toEqual(['v0', 'a10', 'v20', 'a30', 'v40', 'v60']);
  await studio.end(stream);
});
