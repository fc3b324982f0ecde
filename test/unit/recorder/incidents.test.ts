import { expect, test } from 'vitest';
import type { Incident } from '../../../src/domain/incident.ts';
import { AUDIO, frame, keyFrame, sound, Studio, VIDEO } from './support.ts';

const LEAPT: Incident = { cause: 'timestamps-leapt', from: 1, to: 2, lostMs: 0 };
const GAP: Incident = { cause: 'source-lost', from: 3, to: 4, lostMs: 1 };

test('what a stream reports is in the evidence of the part in which it happened, with what was given', async () => {
  const studio = await Studio.open();
  const stream = studio.publish();
  stream.expected = { audio: true, video: true };
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  stream.push(keyFrame(0));
  stream.push(sound(5));
  stream.report(LEAPT);
  stream.push(frame(40));
  await studio.logged('child started');
  studio.recordings.beginPart(stream, 'gap');
  stream.report(GAP);
  stream.push(keyFrame(1000));
  stream.push(sound(1005));
  await studio.end(stream);
  expect(studio.evidence.map(({ incidents }) => incidents)).toEqual([[LEAPT], [GAP]]);
  expect(studio.evidence[0]).toMatchObject({
    tracks: [
      { id: 1, codec: 'H264', transcoded: false, packetsIn: 2, bytesIn: 16, firstPtsMs: 0, lastPtsMs: 40 },
      { id: 2, codec: 'AAC', transcoded: false, packetsIn: 1, bytesIn: 8, firstPtsMs: 5, lastPtsMs: 5 },
    ],
    ffmpeg: { version: 'of a test', exitCode: 0, signal: null },
    driftPpm: null,
  });
  expect(studio.evidence[1]?.tracks.map(({ packetsIn }) => packetsIn)).toEqual([1, 1]);
});

test('an incident before the first sample is in the first part', async () => {
  const studio = await Studio.open();
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.expected = { audio: false, video: true };
  stream.report(LEAPT);
  stream.push(keyFrame(0));
  await studio.end(stream);
  expect(studio.evidence.map(({ incidents }) => incidents)).toEqual([[LEAPT]]);
});
