import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { readJournal } from '../../../src/recorder/journal.ts';
import { eventually } from '../../support/eventually.ts';
import { AUDIO, frame, keyFrame, mediaIn, programThat, sound, Studio, VIDEO } from './support.ts';

/** A program that runs `first` the first time and behaves afterwards. */
function failingOnce(first: string): string {
  const mark = join(mkdtempSync(join(tmpdir(), 'recorderd-mark-')), 'mark');
  return programThat(`if [ ! -e ${mark} ]; then touch ${mark}; ${first}; fi\nexec cat > "$part"`);
}

const pids = (studio: Studio): number[] =>
  studio.said('child started').map((line) => Number(line.fields['pid']));

async function recordedFrames(studio: Studio, count: number): Promise<void> {
  const { recordingId } = studio.said('recording started')[0]!.fields;
  const file = join(studio.recordsDir, '.work', String(recordingId), '000-000000.ts');
  await eventually(
    () => (existsSync(file) && studio.said('child started').length >= count ? true : undefined),
    file,
  );
}

test('a child that is killed is replaced: the next part begins with what may not be on disk', async () => {
  const studio = await Studio.open();
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  for (const sample of [keyFrame(0), sound(10), frame(40), keyFrame(80), sound(90)]) stream.push(sample);
  await recordedFrames(studio, 1);
  process.kill(pids(studio)[0]!, 'SIGKILL');
  await studio.logged('child is replaced');
  stream.push(frame(120));
  await studio.end(stream);
  expect(studio.media('cam.ts')).toEqual(['v0', 'a10', 'v40', 'v80', 'a90', 'v120']);
  expect(studio.parts.map(({ last, stopReason }) => [last, stopReason])).toContainEqual([
    true,
    'publisher-left',
  ]);
  expect(studio.parts.filter((part) => part.stopReason === 'rotation')).toEqual([]);
});

test('a child that ends at once is replaced, and what it was given is given again', async () => {
  const studio = await Studio.open({ ffmpegPath: failingOnce('exit 3') });
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  for (const sample of [keyFrame(0), sound(10), frame(40)]) stream.push(sample);
  await studio.logged('child is replaced');
  stream.push(frame(80));
  await studio.end(stream);
  expect(studio.records()).toEqual(['cam.ts']);
  expect(studio.media('cam.ts')).toEqual(['v0', 'a10', 'v40', 'v80']);
});

test('the rest of a child that dies after another took over comes right behind it, and the journal says so', async () => {
  const studio = await Studio.open({ ffmpegPath: failingOnce('cat > /dev/null; exit 3') });
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  for (const sample of [keyFrame(0), sound(10), frame(40)]) stream.push(sample);
  stream.setTrack({ ...VIDEO, config: Buffer.from('avcC two') });
  stream.push(keyFrame(80));
  await studio.logged('the rest of a dead child is recorded by another');
  const { recordingId } = studio.said('recording started')[0]!.fields;
  const story = await readJournal(join(studio.recordsDir, '.work', String(recordingId)));
  expect(story?.runs.map(({ prefix, behind }) => [prefix, behind])).toEqual([
    ['000', undefined],
    ['001', undefined],
    ['002', '000'],
  ]);
  await studio.end(stream);
  expect(studio.parts.map(({ index, path }) => [index, studio.media(basename(path))])).toEqual([
    [1, ['v0', 'a10', 'v40']],
    [2, ['v0']],
  ]);
});

test('a group of pictures that ends two children is passed over', async () => {
  const studio = await Studio.open({
    ffmpegPath: programThat('tee "$part" | { grep -qa -m1 POISON && { rm "$part"; kill -9 0; }; }; exit 0'),
  });
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  stream.push(keyFrame(0));
  stream.push(sound(10));
  stream.push({ ...frame(40), data: Buffer.from('POISON\n') });
  await studio.logged('child is replaced', 2);
  stream.push(frame(80));
  stream.push(keyFrame(120));
  stream.push(sound(130));
  stream.push(frame(160));
  await studio.end(stream);
  expect(studio.media('cam.ts')).toEqual(['v0', 'a10', 'v40']);
});

test('after file_recorder_max_errors_per_interval failures the recording is given up; a new start is a new try', async () => {
  const studio = await Studio.open({ ffmpegPath: '/nonexistent/ffmpeg', maxErrors: 3 });
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
  await studio.logged('child is replaced', 2);
  stream.push(keyFrame(80));
  stream.push(sound(90));
  await studio.logged('recording ended');
  expect(studio.said('child failed')).toHaveLength(3);
  expect(JSON.stringify(studio.said('child failed')[0]?.fields)).toContain('ENOENT');
  expect(studio.said('recording is given up after repeated child failures')).toHaveLength(1);
  expect(studio.recordings.list()).toEqual([]);
  await expect(studio.recordings.stop(stream.mediaSessionId)).rejects.toThrow('is not being recorded');
  studio.recordings.start(stream, {});
  expect(studio.recordings.list()).toHaveLength(1);
  stream.push(frame(120));
  await studio.end(stream, 2);
  expect(seen).toEqual([0, 10_000, 80_000, 90_000, 120_000]);
  expect(studio.records()).toEqual([]);
  expect(studio.leftovers()).toEqual([]);
});

test('a child that does not end with its input is killed after the stop timeout, its file is kept', async () => {
  const studio = await Studio.open({
    ffmpegPath: programThat('cat > "$part"; exec sleep 60'),
    stopTimeoutMs: 200,
  });
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.push(keyFrame(0));
  await studio.end(stream);
  expect(studio.media('cam.ts')).toEqual(['v0']);
  expect(studio.said('child failed')[0]?.fields).toMatchObject({ signal: 'SIGKILL' });
});

test('a child that takes no data is killed and replaced', async () => {
  const studio = await Studio.open({ ffmpegPath: failingOnce('exec sleep 60'), bufferMaxBytes: 300_000 });
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  stream.push(keyFrame(0));
  stream.push(sound(10));
  for (let ms = 40; ms < 400; ms += 40) stream.push(frame(ms, 100_000));
  stream.push(keyFrame(400, 100_000));
  await studio.logged('child is replaced');
  stream.push(frame(440));
  await studio.end(stream);
  expect(studio.said('child takes no data and is killed')).toHaveLength(1);
  expect(studio.media('cam.ts')).toEqual(['v0', 'v40']);
});

test('a child that dies while its folder cannot be made any more ends the recording, not the process', async () => {
  const studio = await Studio.open({
    ffmpegPath: programThat('while [ -d "${last%/*}" ]; do sleep 0.01; done; exit 1'),
  });
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  stream.push(keyFrame(0));
  stream.push(sound(10));
  rmSync(studio.recordsDir, { recursive: true });
  writeFileSync(studio.recordsDir, 'a file in the place of the folder');
  await studio.logged('recording ended');
  expect(studio.complaints()).toEqual(['child failed', 'child is replaced', 'recording cannot go on']);
});

test('the publisher waits while a child is behind; nothing is lost', async () => {
  const go = join(mkdtempSync(join(tmpdir(), 'recorderd-mark-')), 'go');
  const studio = await Studio.open({
    ffmpegPath: programThat(`until [ -e ${go} ]; do sleep 0.01; done; exec cat > "$part"`),
    bufferMaxBytes: 1_000_000,
  });
  const stream = studio.publish();
  const asked: boolean[] = [];
  stream.setPaused = (isPaused) => asked.push(isPaused);
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  stream.push(keyFrame(0));
  stream.push(sound(10));
  for (let ms = 40; ms < 400; ms += 40) stream.push(frame(ms, 100_000));
  await eventually(() => (asked.length > 0 ? true : undefined), 'the publisher is made to wait');
  writeFileSync(go, '');
  await eventually(() => (asked.length > 1 ? true : undefined), 'the publisher may go on');
  stream.push(frame(400));
  await studio.end(stream);
  expect(asked).toEqual([true, false]);
  expect(studio.complaints()).toEqual([]);
  expect(studio.media('cam.ts')).toHaveLength(12);
});

test('a child that takes nothing for the stop timeout is killed, and the publisher goes on', async () => {
  const studio = await Studio.open({
    ffmpegPath: failingOnce('exec sleep 60'),
    bufferMaxBytes: 1_000_000,
    stopTimeoutMs: 100,
  });
  const stream = studio.publish();
  const asked: boolean[] = [];
  stream.setPaused = (isPaused) => asked.push(isPaused);
  stream.setTrack(VIDEO);
  stream.setTrack(AUDIO);
  stream.push(keyFrame(0));
  stream.push(sound(10));
  for (let ms = 40; ms < 400; ms += 40) stream.push(frame(ms, 100_000));
  await studio.logged('child is replaced');
  stream.push(frame(400));
  await studio.end(stream);
  expect(studio.said('child takes no data and is killed')).toHaveLength(1);
  expect(studio.media('cam.ts')).toHaveLength(12);
  expect(asked.at(-1)).toBe(false);
});

test('a flush hands over what a batch would still gather', async () => {
  const studio = await Studio.open({ batchMs: 60_000 });
  const stream = studio.publish();
  stream.expected = { audio: false, video: true };
  stream.setTrack(VIDEO);
  for (const sample of [keyFrame(0), frame(40)]) stream.push(sample);
  expect(studio.said('child started')).toHaveLength(1);
  stream.flush();
  const { recordingId } = studio.said('recording started')[0]!.fields;
  const file = join(studio.recordsDir, '.work', String(recordingId), '000-000000.ts');
  const written = (): boolean => existsSync(file) && statSync(file).size > 0 && mediaIn(file).length === 2;
  await eventually(() => written() || undefined, 'both frames in the working file');
  await studio.end(stream);
});
