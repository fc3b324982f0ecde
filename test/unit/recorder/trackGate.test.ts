import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Track } from '../../../src/domain/media.ts';
import { TrackGate } from '../../../src/recorder/trackGate.ts';
import type { Stream } from '../../../src/streams/stream.ts';
import { AUDIO, keyFrame, Studio, VIDEO } from './support.ts';

type Tracks = readonly Pick<Track, 'kind'>[];
const NONE: Tracks = [];
const ONE: Tracks = [{ kind: 'video' }];
const BOTH: Tracks = [{ kind: 'video' }, { kind: 'audio' }];
let stream: Stream;

beforeEach(() => {
  vi.useFakeTimers();
  stream = new Studio({}, false).publish();
  stream.setTrack(VIDEO);
  stream.push(keyFrame(0));
});
afterEach(() => vi.useRealTimers());

test('waits for both kinds, then for the time limit', () => {
  const onTimeUp = vi.fn();
  const gate = new TrackGate(stream, 2000, onTimeUp);
  expect([NONE, ONE, BOTH].map((tracks) => gate.isOpen(tracks))).toEqual([false, false, true]);
  vi.advanceTimersByTime(1999);
  expect(gate.isOpen(ONE)).toBe(false);
  vi.advanceTimersByTime(1);
  expect(onTimeUp).toHaveBeenCalledTimes(1);
  expect([NONE, ONE].map((tracks) => gate.isOpen(tracks))).toEqual([false, true]);
});

test('waits for what the publisher announced only, and for what has a configuration', () => {
  stream.expected = { audio: false, video: true };
  const gate = new TrackGate(stream, 2000, () => undefined);
  expect(gate.isOpen(ONE)).toBe(true);
  stream.setTrack(AUDIO);
  expect(gate.isOpen(ONE)).toBe(false);
  gate.close();
});

test('waits for nothing that an older stream does not have', () => {
  vi.advanceTimersByTime(2000);
  const gate = new TrackGate(stream, 2000, () => undefined);
  expect(gate.isOpen(ONE)).toBe(true);
  gate.close();
});

test('a closed gate calls nobody', () => {
  const onTimeUp = vi.fn();
  new TrackGate(stream, 2000, onTimeUp).close();
  vi.advanceTimersByTime(5000);
  expect(onTimeUp).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});
