import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RecorderdError } from '../../../src/domain/errors.ts';
import type { Stream } from '../../../src/streams/stream.ts';
import { eventually } from '../../support/eventually.ts';
import { frame, keyFrame, programThat, Studio, VIDEO } from './support.ts';

const flag = join(mkdtempSync(join(tmpdir(), 'recorderd-full-')), 'full');

/** A program that writes its file, and is told that there is no space after the first write while `flag` is there. */
const fillable = programThat(
  `if [ -e '${flag}' ]; then exec tee --output-error=exit /dev/full > "$part"; else exec cat > "$part"; fi`,
);

function send(stream: Stream, ...times: readonly number[]): void {
  for (const ms of times) stream.push(ms % 1000 === 0 ? keyFrame(ms) : frame(ms));
}

const codeOf = (start: () => void): string | undefined => {
  try {
    start();
    return undefined;
  } catch (error) {
    return (error as RecorderdError).code;
  }
};

async function recording(settings = {}, isAutomatic = true): Promise<{ studio: Studio; stream: Stream }> {
  const studio = await Studio.open({ trackWaitMs: 0, ffmpegPath: fillable, ...settings }, isAutomatic);
  const stream = studio.publish();
  stream.setTrack(VIDEO);
  return { studio, stream };
}

test('a child that finds no space ends every recording; with room they go on, and no record is replaced', async () => {
  writeFileSync(flag, '');
  const { studio, stream } = await recording({}, false);
  studio.recordings.start(stream, { fileName: 'fixed', overwrite: true });
  const other = studio.publish('other');
  other.setTrack(VIDEO);
  studio.recordings.start(other, {});
  send(other, 0);
  send(stream, 0, 40);
  await studio.logged('recording ended', 2);
  expect(studio.parts.map(({ stopReason, last }) => [stopReason, last])).toEqual([
    ['disk-full', true],
    ['disk-full', true],
  ]);
  expect(studio.said('child is replaced')).toEqual([]);
  const incidents = studio.evidence.flatMap((evidence) => evidence.incidents);
  expect(incidents.map(({ cause }) => cause)).toEqual(['disk-full', 'disk-full']);
  for (const { detail } of incidents) expect(detail).toMatch(/packets are lost; it said: /);
  expect(studio.recordings.list()).toEqual([]);
  expect(codeOf(() => studio.recordings.start(stream, {}))).toBe('DISK_FULL');

  const before = readFileSync(join(studio.recordsDir, 'fixed.ts'));
  rmSync(flag);
  send(stream, 1000, 1040);
  await studio.disk.check();
  await studio.logged('recording started', 4);
  send(stream, 1080);
  await studio.end(stream, 3);
  expect(studio.records()).toEqual(['fixed-2.ts', 'fixed.ts', 'other.ts']);
  expect(readFileSync(join(studio.recordsDir, 'fixed.ts'))).toEqual(before);
  // From the key frame that was cached.
  expect(studio.media('fixed-2.ts')).toEqual(['v0', 'v40', 'v80']);
});

test('the time for which a stream waited for room is in the report of what is recorded then', async () => {
  const { studio, stream } = await recording({}, true);
  send(stream, 0, 40);
  studio.disk.reportFull();
  await studio.logged('recording ended');
  const [first] = studio.parts;
  const until = (ms: number): Promise<true> =>
    eventually(
      () => (Date.now() >= stream.mediaStartedAt! + ms ? true : undefined),
      `${ms} ms of the stream`,
    );
  await until(300);
  // Its key frame is what the next recording begins with.
  send(stream, 2000, 2040);
  await studio.disk.check();
  await studio.logged('recording started', 2);
  await studio.end(stream, 2);
  expect(first!.stopReason).toBe('disk-full');
  const [before, after] = studio.evidence;
  expect(before!.incidents).toEqual([]);
  const [waited] = after!.incidents;
  expect(after!.incidents).toEqual([waited]);
  expect(waited).toMatchObject({ cause: 'disk-full', to: stream.mediaStartedAt! + 2000 });
  expect(waited!.from).toBeGreaterThanOrEqual(stream.mediaStartedAt!);
  expect(waited!.lostMs).toBe(waited!.to - waited!.from);
});

test('a stream of which no key frame is in memory: nobody knows how much is missing', async () => {
  const studio = await Studio.open({ trackWaitMs: 0 });
  studio.disk.reportFull();
  const [overflowing, early] = [studio.publish('cam'), studio.publish('early')];
  overflowing.setTrack(VIDEO);
  early.setTrack(VIDEO);
  // More than its cache takes.
  overflowing.push(keyFrame(0, 2 << 20));
  await studio.disk.check();
  for (const stream of [overflowing, early]) send(stream, 1000, 1040);
  await studio.end(overflowing);
  await studio.end(early, 2);
  expect(studio.evidence.map(({ incidents }) => incidents)).toMatchObject([
    [{ cause: 'disk-full', lostMs: null }],
    [{ cause: 'disk-full', lostMs: 0 }],
  ]);
});

test('automatic recordings wait; a stream that ends, or whose recording is ended, waits no longer', async () => {
  const { studio, stream } = await recording();
  studio.disk.reportFull();
  const [ending, ended, late] = [stream, studio.publish('ended'), studio.publish('late')];
  expect(['cam', 'ended', 'late'].map((name) => studio.recordings.isWaiting(`session-of-${name}`))).toEqual([
    true,
    true,
    true,
  ]);
  studio.streams.unpublish(ended);
  await studio.recordings.stop(ending.mediaSessionId);
  await studio.disk.check();
  expect(studio.recordings.list().map(({ mediaSessionId }) => mediaSessionId)).toEqual(['session-of-late']);
  late.setTrack(VIDEO);
  send(late, 0, 40);
  await studio.end(late, 2);
  expect(studio.records()).toEqual(['late.ts']);
});

test('a stop does not wait for a file that waits for room', async () => {
  // Its child does not end before it is killed.
  const hanging = programThat('cat > "$part"; exec sleep 60');
  const { studio, stream } = await recording({ ffmpegPath: hanging, stopTimeoutMs: 1000 });
  send(stream, 0, 40);
  const stopped = studio.recordings.stop(stream.mediaSessionId);
  studio.disk.reportFull();
  await expect(stopped).rejects.toMatchObject({ code: 'DISK_FULL' });
  expect(studio.recordings.isWaiting(stream.mediaSessionId)).toBe(false);
  await studio.logged('recording ended');
  expect(studio.records()).toEqual(['cam.ts']);
});

test('while the server shuts down nothing waits', async () => {
  const { studio, stream } = await recording();
  send(stream, 0, 40);
  const closed = studio.recordings.close();
  studio.disk.reportFull();
  await closed;
  expect(studio.parts).toMatchObject([{ stopReason: 'shutdown' }]);
  await studio.disk.check();
  expect(studio.said('recording started')).toHaveLength(1);
});

test('a program that complains of a full disk and yet ends well is believed', async () => {
  const polite = programThat('cat > "$part"; echo "No space left on device" >&2');
  const { studio, stream } = await recording({ ffmpegPath: polite });
  send(stream, 0, 40);
  await studio.end(stream);
  expect(studio.disk.state).toBe('full');
  // Of a file that does not tell what it holds, nobody knows what is missing.
  expect(studio.evidence[0]!.incidents).toMatchObject([{ cause: 'disk-full', lostMs: null }]);
  await eventually(() => (existsSync(join(studio.recordsDir, 'cam.ts')) ? true : undefined), 'the record');
});
