import { rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { AUDIO, frame, keyFrame, programThat, sound, Studio, VIDEO } from './support.ts';

test('a stream that ends while its recording waits for the other track is recorded whole', async () => {
  const studio = await Studio.open();
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.push(keyFrame(0));
  stream.push(frame(40));
  await studio.end(stream);
  expect(studio.records()).toEqual(['cam.ts']);
  expect(studio.media('cam.ts')).toEqual(['v0', 'v40']);
  expect(studio.parts).toMatchObject([{ index: 1, last: true, stopReason: 'publisher-left' }]);
  expect(studio.leftovers()).toEqual([]);
  expect(studio.complaints()).toEqual([]);
});

test.each([
  ['nothing', () => undefined],
  ['a configuration', (stream: Parameters<Studio['end']>[0]) => stream.setTrack(VIDEO)],
  [
    'video without a key frame',
    (stream: Parameters<Studio['end']>[0]) => {
      stream.setTrack(VIDEO);
      stream.push(frame(0));
      stream.push(frame(40));
    },
  ],
])('a stream that sent %s leaves no file and no complaint', async (_, send) => {
  const studio = await Studio.open({ trackWaitMs: 0 });
  const stream = studio.publish();
  send(stream);
  await studio.end(stream);
  expect(studio.records()).toEqual([]);
  expect(studio.leftovers()).toEqual([]);
  expect(studio.complaints()).toEqual([]);
});

test('a recording that cannot start is one log line and harms neither the stream nor its other subscribers', async () => {
  const studio = await Studio.open();
  rmSync(studio.recordsDir, { recursive: true });
  writeFileSync(studio.recordsDir, 'a file in the place of the folder');
  const stream = studio.publish();
  const seen: number[] = [];
  stream.subscribe({
    onTrack: () => undefined,
    onSample: ({ dts }) => seen.push(dts),
    onEnd: () => undefined,
  });
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  stream.push(keyFrame(0));
  stream.push(sound(10));
  stream.push(frame(40));
  expect(seen).toEqual([0, 10_000, 40_000]);
  await studio.end(stream);
  expect(studio.complaints()).toEqual(['recording cannot go on']);
  expect(studio.said('recording ended')[0]?.fields).toMatchObject({ parts: 0, reason: 'error' });
  expect(() => studio.publish()).not.toThrow();
});

test('a start on demand that cannot make its folder says so', async () => {
  const studio = await Studio.open({}, false);
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  stream.push(keyFrame(0));
  stream.push(sound(10));
  rmSync(join(studio.recordsDir, '.work'), { recursive: true });
  writeFileSync(join(studio.recordsDir, '.work'), '');
  expect(() => studio.recordings.start(stream, {})).toThrow('cannot be recorded');
  expect(studio.recordings.list()).toEqual([]);
  rmSync(join(studio.recordsDir, '.work'));
  studio.recordings.start(stream, {});
  stream.push(frame(40));
  await studio.end(stream, 2);
  expect(studio.media('cam.ts')).toEqual(['v0', 'a10', 'v40']);
});

test('a new configuration while the recording waits does not mix with what came before it', async () => {
  const studio = await Studio.open();
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.push(keyFrame(0));
  stream.push(frame(40));
  stream.setTrack({ ...VIDEO, config: Buffer.from('avcC two') });
  stream.push(keyFrame(80));
  stream.push(frame(120));
  await studio.end(stream);
  expect(studio.records()).toEqual(['cam.ts', 'cam_1.ts']);
  expect(studio.media('cam_1.ts')).toEqual(['v0', 'v40']);
  expect(studio.media('cam.ts')).toEqual(['v0', 'v40']);
  expect(studio.parts.map((part) => part.stopReason)).toEqual(['track-change', 'publisher-left']);
});

test('frames between a new configuration and its key frame belong to the old one', async () => {
  const studio = await Studio.open();
  const stream = studio.publish();
  stream.expected = { audio: false, video: true };
  stream.setTrack(VIDEO);
  stream.push(keyFrame(0));
  stream.setTrack({ ...VIDEO, config: Buffer.from('avcC two') });
  stream.push(frame(40));
  stream.push(keyFrame(80));
  await studio.end(stream);
  expect(studio.media('cam_1.ts')).toEqual(['v0', 'v40']);
  expect(studio.media('cam.ts')).toEqual(['v0']);
});

test('a recording that is asked for anew begins at the key frame where the old one ends', async () => {
  const studio = await Studio.open();
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  for (const sample of [keyFrame(0), sound(10), frame(40)]) stream.push(sample);
  studio.recordings.start(stream, { fileName: 'second' });
  studio.recordings.start(stream, { fileName: 'third' });
  for (const sample of [sound(50), frame(80), keyFrame(120), sound(130)]) stream.push(sample);
  await studio.end(stream, 3);
  expect(studio.records()).toEqual(['cam.ts', 'third.ts']);
  expect(studio.media('cam.ts')).toEqual(['v0', 'a10', 'v40', 'a50', 'v80']);
  expect(studio.media('third.ts')).toEqual(['v0', 'a10']);
  // Both recordings end at once here: their parts are in order within each.
  expect(studio.parts.map(({ path, stopReason, last }) => [basename(path), stopReason, last]).sort()).toEqual(
    [
      ['cam.ts', 'replaced', true],
      ['third.ts', 'publisher-left', true],
    ],
  );
});

test('a stream that ends before the key frame of the new recording is in the old one', async () => {
  const studio = await Studio.open();
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  for (const sample of [keyFrame(0), sound(10)]) stream.push(sample);
  studio.recordings.start(stream, { fileName: 'second' });
  stream.push(frame(40));
  await studio.end(stream, 2);
  expect(studio.records()).toEqual(['cam.ts']);
  expect(studio.media('cam.ts')).toEqual(['v0', 'a10', 'v40']);
});

test('two starts before the first sample: the second takes over without a loss', async () => {
  const studio = await Studio.open({}, false);
  const stream = studio.publish();
  studio.recordings.start(stream, { fileName: 'first' });
  studio.recordings.start(stream, { fileName: 'second' });
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  for (const sample of [keyFrame(0), sound(10), frame(40)]) stream.push(sample);
  await studio.end(stream, 2);
  expect(studio.records()).toEqual(['second.ts']);
  expect(studio.media('second.ts')).toEqual(['v0', 'a10', 'v40']);
});

test('stop and start at once: two records, the second from the cached key frame on', async () => {
  const studio = await Studio.open();
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  for (const sample of [keyFrame(0), sound(10), frame(40)]) stream.push(sample);
  const stopped = studio.recordings.stop(stream.mediaSessionId);
  await expect(studio.recordings.stop(stream.mediaSessionId)).rejects.toThrow('is not being recorded');
  studio.recordings.start(stream, {});
  await stopped;
  expect(studio.records()).toEqual(['cam.ts']);
  expect(studio.recordings.list()).toMatchObject([
    { mediaSessionId: stream.mediaSessionId, fileName: 'cam.ts' },
  ]);
  stream.push(frame(80));
  await studio.end(stream, 2);
  expect(studio.records()).toEqual(['cam-2.ts', 'cam.ts']);
  expect(studio.media('cam-2.ts')).toEqual(['v0', 'a10', 'v40', 'v80']);
  expect(studio.parts.map((part) => part.stopReason)).toEqual(['rest-stop', 'publisher-left']);
  await vi.waitFor(() => expect(studio.recordings.unfinished.size).toBe(0));
  expect(studio.recordings.counts.recordingsFinished).toBe(2);
});

test('parts by size: a part ends before the group of pictures that would not fit', async () => {
  const studio = await Studio.open({ rotation: { kind: 'size', bytes: 3000 } });
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.expected = { audio: false, video: true };
  for (let ms = 0; ms < 250; ms += 50) {
    stream.push(keyFrame(ms, 700));
    stream.push(frame(ms + 25, 500));
  }
  await studio.end(stream);
  expect(studio.records()).toEqual(['cam.ts', 'cam_1.ts', 'cam_2.ts']);
  for (const name of ['cam_1.ts', 'cam_2.ts'])
    expect(studio.media(name)).toEqual(['v0', 'v25', 'v50', 'v75']);
  expect(studio.parts.map(({ index, last, stopReason }) => [index, last, stopReason])).toEqual([
    [1, false, 'rotation'],
    [2, false, 'rotation'],
    [3, true, 'publisher-left'],
  ]);
});

test('a fixed name is taken as it is, whatever the settings encode', async () => {
  const names = { policy: 'template', template: 'x', encode: 'HEX', excludeCharacters: 'm' } as const;
  const studio = await Studio.open({ names }, false);
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.push(keyFrame(0));
  for (const [fileName, overwrite, expected] of [
    ['my{login}.mp4', false, 'my{login}.ts'],
    ['my{login}.mp4', false, 'my{login}-2.ts'],
    ['my{login}.mp4', true, 'my{login}.ts'],
    ['../../etc/.hidden', false, '_.._.._etc_.hidden.ts'],
  ] as const) {
    studio.recordings.start(stream, { fileName, overwrite });
    await studio.recordings.stop(stream.mediaSessionId);
    expect(studio.parts.at(-1)?.path).toBe(join(studio.recordsDir, expected));
  }
  expect(studio.records()).toEqual(['_.._.._etc_.hidden.ts', 'my{login}-2.ts', 'my{login}.ts']);
});

test('the name that is reported begins as the final one will', async () => {
  const names = {
    policy: 'template',
    template: '{streamName}-{startTime}-{endTime}',
    encode: undefined,
  } as const;
  const studio = await Studio.open({ names: { ...names, excludeCharacters: '' } }, false);
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  for (const sample of [keyFrame(0), sound(10), frame(40), keyFrame(60_000), sound(60_010)])
    stream.push(sample);
  const began = (stream.mediaStartedAt ?? 0) + 60_000;
  studio.recordings.start(stream, {});
  expect(studio.recordings.of(stream.mediaSessionId)?.fileName).toBe(`cam-${began}-{endTime}.ts`);
  stream.push(frame(60_500));
  await studio.end(stream);
  expect(studio.records()).toEqual([`cam-${began}-${began + 500}.ts`]);
});

test('unfinished recordings of an earlier run are reported at the start', async () => {
  const studio = await Studio.open({
    ffmpegPath: programThat('cat > "$part"; chmod 0 "$part"; rm -f "$part"; mkdir "$part"'),
  });
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.push(keyFrame(0));
  await studio.end(stream);
  expect(studio.leftovers()).toHaveLength(1);
  expect(await studio.recordings.findLeft()).toEqual(studio.leftovers());
  expect(studio.said('an earlier run left unfinished recordings')[0]?.fields).toMatchObject({
    recordings: studio.leftovers(),
  });
});

/** Tracks of each child, in order. */
const declared = (studio: Studio): unknown[] =>
  studio.said('child started').map((line) => line.fields['tracks']);

test('a part is not begun with a track that has fallen silent: an MP4 would stay in memory until it comes', async () => {
  const formats = {
    containers: { h264: 'mp4' },
    h264ToTs: false,
    webmAudio: 'vorbis',
    mp4Audio: 'aac',
  } as const;
  const studio = await Studio.open({ formats, rotation: { kind: 'time', seconds: 4 } });
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  stream.push(keyFrame(0));
  stream.push(sound(10));
  for (let ms = 2000; ms <= 10_000; ms += 2000) stream.push(keyFrame(ms));
  expect(declared(studio)).toEqual([['h264', 'aac']]);
  stream.push(keyFrame(12_000));
  expect(declared(studio)).toEqual([['h264', 'aac'], ['h264']]);
  stream.push(sound(12_500));
  stream.push(keyFrame(14_000));
  expect(declared(studio)).toEqual([['h264', 'aac'], ['h264'], ['h264', 'aac']]);
  await studio.end(stream);
});

test('one file without rotation goes on whatever falls silent', async () => {
  const studio = await Studio.open({
    formats: { containers: { h264: 'mp4' }, h264ToTs: false, webmAudio: 'vorbis', mp4Audio: 'aac' },
  });
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  stream.push(keyFrame(0));
  stream.push(sound(10));
  for (let ms = 2000; ms <= 60_000; ms += 2000) stream.push(keyFrame(ms));
  expect(declared(studio)).toEqual([['h264', 'aac']]);
  await studio.end(stream);
});

test('a track that has a configuration and no media is not declared', async () => {
  const studio = await Studio.open({ trackWaitMs: 20 });
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  stream.push(keyFrame(0));
  await studio.logged('child started');
  expect(declared(studio)).toEqual([['h264']]);
  stream.push(frame(40));
  stream.push(sound(50));
  stream.push(keyFrame(80));
  expect(declared(studio)).toEqual([['h264'], ['h264', 'aac']]);
  await studio.end(stream);
  expect(studio.media('cam_1.ts')).toEqual(['v0', 'v40']);
  expect(studio.media('cam.ts')).toEqual(['a0', 'v30']);
});

test('the wait for the other track begins with the first sample, not when the stream is published', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  try {
    const studio = await Studio.open({ trackWaitMs: 2000 });
    const stream = studio.publish();
    vi.advanceTimersByTime(5000);
    stream.setTrack(VIDEO);
    stream.push(keyFrame(0));
    vi.advanceTimersByTime(1999);
    expect(declared(studio)).toEqual([]);
    stream.setTrack(AUDIO);
    stream.push(sound(10));
    expect(declared(studio)).toEqual([['h264', 'aac']]);
    vi.useRealTimers();
    await studio.end(stream);
    expect(studio.records()).toEqual(['cam.ts']);
  } finally {
    vi.useRealTimers();
  }
});

test('while the camera is off the sound alone is recorded, and a new start takes over at any frame of it', async () => {
  const studio = await Studio.open({ trackWaitMs: 20 });
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  stream.push(keyFrame(0));
  stream.push(sound(10));
  stream.push(sound(9_000));
  studio.recordings.start(stream, { fileName: 'second' });
  stream.push(sound(9_990));
  expect(studio.said('recording ended')).toHaveLength(0);
  stream.push(sound(10_020));
  await studio.logged('recording ended');
  expect(studio.media('cam.ts')).toEqual(['v0', 'a10', 'a9000', 'a9990']);
  await studio.logged('child started', 2);
  expect(declared(studio)).toEqual([['h264', 'aac'], ['aac']]);
  await studio.end(stream, 2);
});

test('media of a new track that waits for a key frame is bounded', async () => {
  const studio = await Studio.open({ bufferMaxBytes: 10_000 });
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  stream.push(keyFrame(0));
  stream.push(sound(10));
  stream.setTrack({ ...AUDIO, config: Buffer.from('1190', 'hex') });
  for (let ms = 20; ms < 220; ms += 20) stream.push(sound(ms, 1000));
  stream.push(frame(220));
  stream.push(keyFrame(240));
  await studio.end(stream);
  expect(
    studio.said('media of a new track is lost: no key frame came at which a part could begin with it'),
  ).toHaveLength(1);
  expect(studio.media('cam_1.ts')).toEqual(['v0', 'a10', 'v220']);
  expect(studio.media('cam.ts')).toEqual(['a0', 'a20', 'v60']);
});

test('media that waits for the other track is bounded', async () => {
  const studio = await Studio.open({ bufferMaxBytes: 10_000 });
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.push(keyFrame(0, 6000));
  expect(declared(studio)).toEqual([]);
  stream.push(frame(40, 6000));
  expect(declared(studio)).toEqual([['h264']]);
  await studio.end(stream);
  expect(studio.media('cam.ts')).toEqual(['v0', 'v40']);
});

test('nothing is recorded any more once the recordings are closed', async () => {
  const studio = await Studio.open();
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.push(keyFrame(0));
  await studio.recordings.close();
  expect(studio.media('cam.ts')).toEqual(['v0']);
  expect(studio.parts).toMatchObject([{ stopReason: 'shutdown' }]);
  expect(() => studio.recordings.start(stream, {})).toThrow('shutting down');
  expect(studio.publish('late').ended).toBe(false);
  expect(studio.said('recording started')).toHaveLength(1);
});
