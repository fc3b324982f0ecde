import { expect, test } from 'vitest';
import { observation } from './support.ts';
import { AUDIO, frame, keyFrame, Studio, VIDEO } from '../recorder/support.ts';

test('the live state tells of streams, recordings, disk and hook', async () => {
  const studio = await Studio.open({ trackWaitMs: 0 });
  const stream = studio.publish('cam');
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  for (const sample of [keyFrame(0, 1000), frame(40, 500)]) stream.push(sample);
  await studio.logged('child started');
  for (const name of ['two', 'three']) studio.publish(name);
  const state = await observation(studio).live();
  const { recordingId } = studio.said('recording started')[0]!.fields;
  expect(state.streams.map(({ name }) => name)).toEqual(['cam', 'two']);
  expect(state.streams[0]).toMatchObject({
    ...{ mediaSessionId: 'session-of-cam', mediaProvider: 'Flash', status: 'PUBLISHING' },
    ...{ videoCodec: 'H264', audioCodec: 'AAC', width: 16, height: 16, bytes: 1500, samples: 2 },
    ...{ packets: null, packetsLost: null, driftPpm: null },
  });
  expect([state.streamsTotal, state.recordingsTotal]).toEqual([3, 3]);
  const [recording] = state.recordings;
  expect(recording).toMatchObject({ recordingId, streamName: 'cam', fileName: 'cam.ts', parts: 0 });
  expect(recording!.bytes).toBeGreaterThanOrEqual(1500);
  expect(recording!.lastWriteAgeMs).toBeGreaterThanOrEqual(0);
  expect(state.hooks).toEqual({ owed: 0, running: 0, parked: 0 });
  expect(state.catalogueChanges).toBe(7);
  expect(state.disk).toEqual({ state: 'ok', freeBytes: null, totalBytes: null });
  await studio.disk.check();
  expect((await observation(studio).live()).disk.freeBytes).toBeGreaterThan(0);
  await studio.recordings.close();
  expect((await observation(studio).live()).recordings).toEqual([]);
});

test('the statistics have the keys of the official console', async () => {
  const studio = await Studio.open({}, false);
  studio.publish('cam');
  const groups = await observation(studio).stat();
  expect(groups['streams_stats']).toMatchObject({
    streams_rtmp_in: 1,
    streams_webrtc_in: 0,
    streams_rtmfp_out: 0,
  });
  expect(groups['connections_stats']).toMatchObject({ connections: 0, connections_websocket: 0 });
  expect(groups['recording_stats']).toMatchObject({ recordings: 0, recordings_started: 0 });
  expect(groups['system_stats']!['system_memory_total']).toBeGreaterThan(0);
});
