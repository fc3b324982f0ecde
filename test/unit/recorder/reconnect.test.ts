import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import type { Incident } from '../../../src/domain/incident.ts';
import type { Sample } from '../../../src/domain/media.ts';
import type { ReconnectPolicy } from '../../../src/domain/recording.ts';
import type { RecorderSettings } from '../../../src/recorder/settings.ts';
import type { Stream } from '../../../src/streams/stream.ts';
import type { PublishRequest } from '../../../src/streams/streams.ts';
import { eventually } from '../../support/eventually.ts';
import { AUDIO, frame, keyFrame, sound, Studio, VIDEO } from './support.ts';

const AWAY = 'publisher is away: its recording waits';
const BACK = 'recording goes on after its publisher was away';

async function studioWith(
  policy: ReconnectPolicy,
  settings: Partial<RecorderSettings> = {},
  windowMs = 60_000,
): Promise<Studio> {
  return Studio.open({ reconnect: { windowMs, policy }, ...settings });
}

/** A publisher of `cam` that sends this. */
function publish(
  studio: Studio,
  session: string,
  samples: readonly Sample[],
  init: Partial<PublishRequest> = {},
): Stream {
  const stream = studio.publish('cam', { mediaSessionId: session, ...init });
  if (samples.length === 0) return stream;
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  for (const sample of samples) stream.push(sample);
  return stream;
}

const SOME = [keyFrame(0), sound(10), frame(40)];

test('the recording goes on with the next publication: one id, the first session in its hooks, `last` once', async () => {
  const studio = await studioWith('part');
  studio.streams.unpublish(publish(studio, 'first', SOME));
  expect(studio.recordings.list()).toMatchObject([{ mediaSessionId: 'first', fileName: 'cam.ts' }]);
  const second = publish(studio, 'second', SOME);
  expect(studio.recordings.list()).toMatchObject([{ mediaSessionId: 'second' }]);
  await studio.recordings.stop('second');
  expect(studio.records()).toEqual(['cam.ts', 'cam_1.ts']);
  for (const name of studio.records()) expect(studio.media(name)).toEqual(['v0', 'a10', 'v40']);
  const [one, two] = studio.parts;
  expect(one).toMatchObject({ index: 1, last: false, stopReason: 'gap', mediaSessionId: 'first' });
  expect(two).toMatchObject({ index: 2, last: true, stopReason: 'rest-stop', mediaSessionId: 'first' });
  expect(two?.recordingId).toBe(one?.recordingId);
  expect(await studio.recordings.whenFinal(second)).toBe('cam.ts');
  expect(studio.leftovers()).toEqual([]);
});

test('the subscribers of the next publication are told what is missing, before its first sample', async () => {
  const studio = await studioWith('squeeze');
  studio.streams.unpublish(publish(studio, 'first', SOME));
  const second = publish(studio, 'second', []);
  const told: Incident[] = [];
  second.subscribe({
    onTrack: () => undefined,
    onSample: () => undefined,
    onIncident: (incident) => told.push(incident),
    onEnd: () => undefined,
  });
  second.setTrack(VIDEO);
  expect(told).toEqual([]);
  second.push(keyFrame(0));
  second.push(frame(40));
  expect(told).toMatchObject([{ cause: 'publisher-away' }]);
  const [{ from, to, lostMs }] = told as [Incident];
  expect(to - from).toBe(lostMs);
  expect(Math.abs(Date.now() - to)).toBeLessThan(5000);
  expect(studio.said(BACK)).toHaveLength(1);
  await studio.recordings.close();
  expect(studio.media('cam.ts')).toEqual(['v0', 'a10', 'v40', 'v80', 'v120']);
});

test('squeeze: sound that comes before the first key frame is in, pictures that cannot be decoded are not', async () => {
  const studio = await studioWith('squeeze');
  studio.streams.unpublish(publish(studio, 'first', SOME));
  publish(studio, 'second', [frame(0), sound(10), frame(40), keyFrame(80)]);
  await studio.recordings.close();
  expect(studio.media('cam.ts')).toEqual(['v0', 'a10', 'v40', 'a80', 'v150']);
});

/** Samples of a publisher that comes back half a minute later. */
function publishLater(studio: Studio, samples: readonly Sample[]): void {
  const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 30_000);
  publish(studio, 'second', samples);
  clock.mockRestore();
}

test('keep-time: a hole is as long as the time away', async () => {
  const studio = await studioWith('keep-time');
  studio.streams.unpublish(publish(studio, 'first', SOME));
  publishLater(studio, [sound(0), keyFrame(0), frame(40)]);
  await studio.recordings.close();
  expect(studio.records()).toEqual(['cam.ts']);
  const times = studio.media('cam.ts').map((each) => [each.slice(0, 1), Number(each.slice(1))] as const);
  expect(times.map(([kind]) => kind).join('')).toBe('vavavv');
  expect(times[3]![1]).toBeGreaterThanOrEqual(30_000);
  expect(times[3]![1]).toBeLessThan(35_000);
  expect(times[5]![1] - times[4]![1]).toBe(40);
});

test('keep-time: no track is taken for gone because its publisher was away', async () => {
  const studio = await studioWith('keep-time', { rotation: { kind: 'size', bytes: 1000 } });
  studio.streams.unpublish(publish(studio, 'first', [keyFrame(0, 2000), sound(10)]));
  // Were there no video any more, the sound would be a place to cut.
  publishLater(studio, [sound(0), keyFrame(40), frame(80)]);
  await studio.recordings.close();
  expect(studio.media('cam_1.ts')).toHaveLength(3);
  expect(studio.media('cam.ts')).toEqual(['v0', 'v40']);
  expect(studio.parts.map(({ stopReason }) => stopReason)).toEqual(['rotation', 'shutdown']);
});

test.each([
  ['keep-time', 'another configuration', {}, { ...VIDEO, config: Buffer.from('avcC two') }],
  ['squeeze', 'another configuration', {}, { ...VIDEO, config: Buffer.from('avcC two') }],
  ['keep-time', 'parts by time', { rotation: { kind: 'time', seconds: 60 } }, VIDEO],
] as const)('%s: %s begins a part', async (policy, _, settings, video) => {
  const studio = await studioWith(policy, settings);
  studio.streams.unpublish(publish(studio, 'first', SOME));
  const second = studio.publish('cam', { mediaSessionId: 'second' });
  second.setTrack(AUDIO);
  second.setTrack(video);
  for (const sample of SOME) second.push(sample);
  await studio.recordings.close();
  expect(studio.parts.map(({ stopReason, last }) => [stopReason, last])).toEqual([
    ['gap', false],
    ['shutdown', true],
  ]);
});

test('a publisher that leaves while its recording waits for the other track comes back to it', async () => {
  const studio = await studioWith('part');
  const first = studio.publish('cam', { mediaSessionId: 'first' });
  first.setTrack(VIDEO);
  first.push(keyFrame(0));
  studio.streams.unpublish(first);
  publish(studio, 'second', SOME);
  await studio.recordings.close();
  expect(studio.media('cam_1.ts')).toEqual(['v0']);
  expect(studio.media('cam.ts')).toEqual(['v0', 'a10', 'v40']);
});

test('what the next publication has is what a part waits for', async () => {
  const studio = await studioWith('part');
  studio.streams.unpublish(publish(studio, 'first', SOME));
  const expected = { audio: false, video: true };
  const second = studio.publish('cam', { mediaSessionId: 'second', expected });
  second.setTrack(VIDEO);
  second.push(keyFrame(0));
  // One child starts in each turn of the event loop.
  await setImmediate();
  expect(studio.said('child started')).toHaveLength(2);
  await studio.recordings.close();
});

test('nothing waits for a stream that had no media', async () => {
  const studio = await studioWith('part');
  await studio.end(publish(studio, 'first', []));
  expect(studio.said(AWAY)).toEqual([]);
});

test('the window ends the recording; a publisher that sends nothing does not prolong it', async () => {
  const studio = await studioWith('part', {}, 300);
  studio.streams.unpublish(publish(studio, 'first', SOME));
  const began = performance.now();
  await eventually(() => {
    studio.streams.unpublish(publish(studio, 'empty', []));
    return studio.parts[0];
  }, 'the part');
  expect(performance.now() - began).toBeGreaterThanOrEqual(299);
  expect(studio.parts).toMatchObject([{ last: true, stopReason: 'publisher-left' }]);
  expect(studio.records()).toEqual(['cam.ts']);
});

test('a publisher that wants no recording any more ends the one that waits', async () => {
  const studio = await studioWith('part');
  studio.streams.unpublish(publish(studio, 'first', SOME, { record: true }));
  publish(studio, 'second', SOME, { record: false });
  await studio.logged('recording ended');
  expect(studio.parts).toMatchObject([{ last: true, stopReason: 'publisher-left' }]);
  expect(studio.said(BACK)).toEqual([]);
});

test('a recording that was asked for goes on for a publisher that never wished one', async () => {
  const studio = await Studio.open({ reconnect: { windowMs: 60_000, policy: 'squeeze' } }, false);
  const first = publish(studio, 'first', SOME, { record: false });
  studio.recordings.start(first, { fileName: 'asked' });
  studio.streams.unpublish(first);
  publish(studio, 'second', SOME, { record: false });
  await studio.recordings.close();
  expect(studio.records()).toEqual(['asked.ts']);
  expect(studio.media('asked.ts')).toHaveLength(6);
});

test('the end of a publication does not wait for the window', async () => {
  const studio = await studioWith('part');
  const first = publish(studio, 'first', SOME);
  studio.streams.unpublish(first);
  expect(await studio.recordings.whenFinal(first)).toBeUndefined();
  expect(studio.records()).toEqual([]);
  await studio.recordings.stop('first');
  expect(await studio.recordings.whenFinal(first)).toBe('cam.ts');
});

test('recordings that wait count among those that may be open, and take the stream back all the same', async () => {
  const studio = await studioWith('part', { maxRecordings: 1 });
  studio.streams.unpublish(publish(studio, 'first', SOME));
  expect(() => studio.publish('other')).toThrow('no more than 1 recordings');
  publish(studio, 'second', SOME);
  await studio.recordings.close();
  expect(studio.records()).toEqual(['cam.ts', 'cam_1.ts']);
});

test('a disk that fills up ends what waits', async () => {
  const studio = await studioWith('part');
  studio.streams.unpublish(publish(studio, 'first', SOME));
  studio.disk.reportFull();
  await studio.logged('recording ended');
  expect(studio.said('recording ended')[0]?.fields).toMatchObject({ reason: 'disk-full' });
  expect(studio.recordings.list()).toEqual([]);
  expect(studio.recordings.isWaiting('first')).toBe(false);
});

test('a recording asked for after the return counts from its own beginning', async () => {
  const studio = await studioWith('squeeze');
  studio.streams.unpublish(publish(studio, 'first', SOME));
  const second = publish(studio, 'second', SOME);
  studio.recordings.start(second, { fileName: 'new' });
  for (const sample of [keyFrame(80), frame(120)]) second.push(sample);
  await studio.recordings.close();
  expect(studio.media('cam.ts')).toHaveLength(6);
  expect(studio.media('new.ts')).toEqual(['v0', 'v40']);
});

test('a child that dies while its publisher is away is replaced with what is not on disk', async () => {
  const studio = await studioWith('part');
  studio.streams.unpublish(publish(studio, 'first', SOME));
  const started = await studio.logged('child started');
  const isOnDisk = (): true | undefined => {
    const folder = join(studio.recordsDir, '.work', studio.leftovers()[0]!);
    return readdirSync(folder).some((name) => name.endsWith('.ts') && statSync(join(folder, name)).size > 0)
      ? true
      : undefined;
  };
  await eventually(isOnDisk, 'media on disk');
  process.kill(Number(started.fields['pid']), 'SIGKILL');
  await studio.logged('child is replaced');
  publish(studio, 'second', SOME);
  await studio.recordings.close();
  expect(studio.records()).toEqual(['cam.ts', 'cam_1.ts', 'cam_2.ts']);
  expect(studio.media('cam_2.ts')).toEqual(['v0', 'a10', 'v40']);
  expect(studio.media('cam.ts')).toEqual(['v0', 'a10', 'v40']);
  expect(studio.parts.map(({ stopReason }) => stopReason)).toEqual(['child-died', 'gap', 'shutdown']);
});
