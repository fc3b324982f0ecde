import { afterEach, expect, test, vi } from 'vitest';
import type { Sample, Track } from '../../../src/domain/media.ts';
import type { Publisher } from '../../../src/domain/publisher.ts';
import type { Stream } from '../../../src/streams/stream.ts';
import { Streams } from '../../../src/streams/streams.ts';

afterEach(() => vi.useRealTimers());

const VIDEO: Track = { id: 1, kind: 'video', codec: 'h264', config: Buffer.from('a'), width: 0, height: 0 };
const AUDIO: Track = {
  id: 2,
  kind: 'audio',
  codec: 'aac',
  config: Buffer.from('b'),
  sampleRate: 44100,
  channels: 2,
};
const PUBLISHER: Publisher = {
  sessionId: '/1.2.3.4:5/6.7.8.9:1935',
  appKey: 'flashStreamingApp',
  login: 'login',
  mediaProvider: 'Flash',
  custom: {},
  terminate: () => undefined,
};

function publish(streams: Streams, name: string): Stream {
  return streams.publish({
    name,
    mediaSessionId: `id-${name}`,
    publisher: PUBLISHER,
    custom: {},
    createdAt: 0,
  });
}

const sample = (trackId: number, dts: number, key: boolean, bytes = 10): Sample => ({
  trackId,
  dts,
  pts: dts,
  key,
  data: Buffer.alloc(bytes),
});

/** Notes what a subscriber sees: tracks by codec, samples by track and time. */
function watch(stream: Stream): { readonly seen: string[]; readonly leave: () => void } {
  const seen: string[] = [];
  const leave = stream.subscribe({
    onTrack: (track) => seen.push(`${track.codec} ${track.config.toString()}`),
    onSample: (each) => seen.push(`${each.trackId}@${each.dts}`),
    onEnd: () => seen.push('end'),
  });
  return { seen, leave };
}

test('a late subscriber gets the sound beside the key frame that came before it', () => {
  const stream = publish(new Streams(10_000), 's');
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  for (const [track, dts, key] of [
    [1, 0, true],
    [2, 90, true],
    [2, 100, true],
    [1, 50, false],
    [2, 120, true],
    [1, 100, true],
    [2, 140, true],
  ] as const) {
    stream.push(sample(track, dts, key));
  }
  expect(watch(stream).seen).toEqual(['h264 a', 'aac b', '2@100', '2@120', '1@100', '2@140']);
});

test('a late subscriber gets the tracks and everything since the newest key frame', () => {
  const stream = publish(new Streams(1000), 's');
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  for (const [track, dts, key] of [
    [1, 0, true],
    [2, 1, true],
    [1, 2, true],
    [2, 3, true],
    [1, 4, false],
  ] as const) {
    stream.push(sample(track, dts, key));
  }
  const { seen, leave } = watch(stream);
  expect(seen).toEqual(['h264 a', 'aac b', '1@2', '2@3', '1@4']);
  stream.push(sample(2, 5, true));
  leave();
  stream.push(sample(2, 6, true));
  expect(seen.at(-1)).toBe('2@5');
});

test('a configuration that changes within the GOP is replayed at its place', () => {
  const stream = publish(new Streams(1000), 's');
  stream.setTrack(VIDEO);
  stream.push(sample(1, 0, true));
  stream.setTrack(AUDIO);
  stream.push(sample(2, 1, true));
  stream.setTrack({ ...AUDIO, config: Buffer.from('c') });
  stream.push(sample(2, 2, true));
  expect(watch(stream).seen).toEqual(['h264 a', '1@0', 'aac b', '2@1', 'aac c', '2@2']);
  stream.push(sample(1, 3, true));
  expect(watch(stream).seen).toEqual(['h264 a', 'aac c', '1@3']);
});

test('an equal configuration sent again is no event', () => {
  const stream = publish(new Streams(1000), 's');
  const { seen } = watch(stream);
  stream.setTrack(VIDEO);
  stream.setTrack({ ...VIDEO, config: Buffer.from('a') });
  stream.setTrack({ ...VIDEO, config: Buffer.from('z') });
  expect(seen).toEqual(['h264 a', 'h264 z']);
});

test('a GOP beyond the bound is given up until the next key frame', () => {
  const stream = publish(new Streams(10_000), 's');
  stream.setTrack(VIDEO);
  stream.push(sample(1, 0, true, 6000));
  stream.push(sample(1, 1, false, 6000));
  stream.push(sample(1, 2, false, 10));
  expect(watch(stream).seen).toEqual(['h264 a']);
  stream.push(sample(1, 3, true, 6000));
  expect(watch(stream).seen).toEqual(['h264 a', '1@3']);
});

test('a flood of tiny samples counts with the memory that it takes', () => {
  const stream = publish(new Streams(10_000), 's');
  stream.setTrack(VIDEO);
  stream.push(sample(1, 0, true, 1));
  for (let i = 1; i < 100; i++) stream.push(sample(1, i, false, 1));
  expect(watch(stream).seen).toEqual(['h264 a']);
});

test('a name is free again when what listens to new streams fails', () => {
  const streams = new Streams(1000);
  streams.events.once('published', () => {
    throw new Error('listener failed');
  });
  expect(() => publish(streams, 's')).toThrow('listener failed');
  expect(streams.all()).toEqual([]);
  expect(publish(streams, 's').ended).toBe(false);
});

test('audio alone does not pile up', () => {
  const stream = publish(new Streams(1e6), 's');
  stream.setTrack(AUDIO);
  for (let i = 0; i < 1000; i++) stream.push(sample(2, i, true));
  expect(watch(stream).seen).toEqual(['aac b', '2@999']);
});

test('a name belongs to one publisher until it ends; the end is told once', () => {
  const streams = new Streams(1000);
  const ended: string[] = [];
  streams.events.on('unpublished', (each) => ended.push(each.name));
  const stream = publish(streams, 's');
  expect(() => publish(streams, 's')).toThrow('Stream name is already in use');
  const { seen } = watch(stream);
  streams.unpublish(stream);
  streams.unpublish(stream);
  stream.push(sample(1, 0, true));
  expect(seen).toEqual(['end']);
  expect(ended).toEqual(['s']);
  expect(watch(stream).seen).toEqual(['end']);
  publish(streams, 's');
  expect(streams.all().length).toBe(1);
  streams.drain();
  expect(() => publish(streams, 't')).toThrow('shutting down');
});

test('the publisher waits from the first subscriber that is behind to the last', () => {
  const stream = publish(new Streams(1000), 's');
  stream.hold()();
  const asked: boolean[] = [];
  stream.setPaused = (isPaused) => asked.push(isPaused);
  const [release, other] = [stream.hold(), stream.hold()];
  release();
  release();
  expect(asked).toEqual([true]);
  other();
  expect(asked).toEqual([true, false]);
});

test('a changed size is told, though no configuration tells of it', () => {
  const stream = publish(new Streams(1000), 'cam');
  const vp8: Track = {
    ...VIDEO,
    codec: 'vp8',
    config: Buffer.alloc(0),
    width: 320,
    height: 180,
    inBandConfig: true,
  };
  const { seen } = watch(stream);
  stream.setTrack(vp8);
  stream.setTrack({ ...vp8 });
  stream.setTrack({ ...vp8, width: 640, height: 360 });
  expect(seen).toHaveLength(2);
  expect(stream.tracks.get(1)).toMatchObject({ width: 640 });
});

test('a changed configuration is told as an incident, behind the track; a new track and an equal one are none', () => {
  const stream = publish(new Streams(1000), 'cam');
  const told: unknown[] = [];
  stream.subscribe({
    onTrack: (track) => told.push(track.id),
    onSample: () => undefined,
    onIncident: ({ cause, trackId, lostMs, detail }) => told.push({ cause, trackId, lostMs, detail }),
    onEnd: () => undefined,
  });
  stream.setTrack({ ...VIDEO, width: 640, height: 360 });
  stream.setTrack(AUDIO);
  stream.setTrack({ ...AUDIO });
  expect(told).toEqual([1, 2]);
  stream.setTrack({ ...VIDEO, width: 1280, height: 720 });
  stream.setTrack({ ...AUDIO, config: Buffer.from('c'), sampleRate: 48_000, channels: 1 });
  const common = { cause: 'track-changed', lostMs: 0 };
  expect(told.slice(2)).toEqual([
    1,
    { ...common, trackId: 1, detail: 'h264 640x360 to h264 1280x720' },
    2,
    { ...common, trackId: 2, detail: 'aac 44100 Hz, 2 ch to aac 48000 Hz, 1 ch' },
  ]);
});

test('the drift is that of the first track, and begins anew where times were mended', () => {
  vi.useFakeTimers({ now: 0, toFake: ['performance'] });
  const stream = publish(new Streams(1_000_000), 'cam');
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  const send = (ppm: number): void => {
    for (let ms = 0; ms < 70_000; ms += 40) {
      vi.advanceTimersByTime(40);
      const now = performance.now();
      stream.push(sample(1, now * 1000 * (1 + ppm / 1e6), true));
      stream.push(sample(2, now * 3000, true));
    }
  };
  expect(stream.driftPpm).toBeUndefined();
  send(200);
  expect(stream.driftPpm).toBe(200);
  const incident = { from: 0, to: 0, lostMs: 0 };
  stream.report({ ...incident, cause: 'packets-lost' });
  stream.report({ ...incident, cause: 'timestamps-leapt' });
  expect(stream.driftPpm).toBe(200);
  send(-100);
  expect(stream.driftPpm).toBe(-100);
});

test('the newest video key frame stays with its configuration when its group of pictures is given up', () => {
  const stream = publish(new Streams(1000), 'cam');
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  stream.push(sample(2, 0, true));
  expect(stream.keyFrame).toBeUndefined();
  const first = sample(1, 10, true);
  stream.push(first);
  for (let us = 20; us < 100; us += 10) stream.push(sample(1, us, false, 100));
  expect(stream.cached().some((item) => 'sample' in item)).toBe(false);
  const changed = { ...VIDEO, config: Buffer.from('c') };
  stream.setTrack(changed);
  expect(stream.keyFrame).toEqual({ track: VIDEO, sample: first });
  const second = sample(1, 100, true);
  stream.push(second);
  expect(stream.keyFrame).toEqual({ track: changed, sample: second });
  stream.end();
  expect(stream.keyFrame).toBeUndefined();
});
