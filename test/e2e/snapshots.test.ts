import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { KeyFrameSnapshots } from '../../src/recorder/snapshot.ts';
import type { SnapshotOptions } from '../../src/recorder/snapshot.ts';
import { eventually } from '../support/eventually.ts';
import { makeVideo, play, shifted } from '../support/rtcMedia.ts';
import { rtcStudio } from '../support/rtcStudio.ts';
import { memoryLog } from '../support/rtmpHarness.ts';
import { programThat } from '../unit/recorder/support.ts';

const OPTIONS: SnapshotOptions = {
  ffmpegPath: 'ffmpeg',
  timeoutMs: 10_000,
  maxBytes: 1 << 24,
  maxPixels: 1920 * 1080,
  parallel: 2,
  maxWaiting: 4,
};
const studio = await rtcStudio();
let streams = 0;

function taking(options: Partial<SnapshotOptions> = {}): KeyFrameSnapshots {
  return new KeyFrameSnapshots({ ...OPTIONS, ...options }, memoryLog());
}

function published() {
  const stream = studio.publish(`cam${streams++}`);
  return stream;
}

/** Width and height of a PNG (its IHDR), which ends as one. */
function pngSize(png: Buffer): string {
  expect(png.subarray(0, 8)).toEqual(Buffer.from('89504e470d0a1a0a', 'hex'));
  expect(png.subarray(-8, -4).toString()).toBe('IEND');
  return `${png.readUInt32BE(16)}x${png.readUInt32BE(20)}`;
}

test.each(['h264', 'vp8'] as const)('%s: the newest key frame as PNG, in the size it has', async (codec) => {
  const stream = published();
  play(stream, [
    makeVideo({ codec, size: '320x180', seconds: 1 }),
    shifted(makeVideo({ codec, size: '426x240', seconds: 1 }), 1_000_000),
  ]);
  expect(pngSize(await taking().take(stream))).toBe('426x240');
});

test('a picture that was received stays takeable when its group of pictures outgrows the cache', async () => {
  const stream = published();
  const { track, samples } = makeVideo({ codec: 'vp8', size: '640x360', seconds: 1, gop: 1000 });
  play(stream, [{ track, samples }]);
  const last = samples.at(-1)!;
  for (let i = 1; i < 12; i++)
    stream.push({ ...last, dts: last.dts + i * 40_000, data: Buffer.alloc(1 << 17, 1) });
  expect(stream.cached().some((item) => 'sample' in item)).toBe(false);
  expect(pngSize(await taking().take(stream))).toBe('640x360');
});

test('no picture yet, a damaged one, one that is too large, and no FFmpeg', async () => {
  const stream = published();
  await expect(taking().take(stream)).rejects.toMatchObject({
    code: 'SNAPSHOT_FAILED',
    message: `${stream.name} has no picture yet`,
  });
  const { track, samples } = makeVideo({ codec: 'h264', seconds: 1 });
  play(stream, [{ track, samples }]);
  await expect(taking({ maxPixels: 100 * 100 }).take(stream)).rejects.toMatchObject({
    code: 'SNAPSHOT_FAILED',
  });
  await expect(taking({ maxBytes: 1000 }).take(stream)).rejects.toThrow('larger than 1000 bytes');
  await expect(taking({ ffmpegPath: '/nonexistent/ffmpeg' }).take(stream)).rejects.toThrow('ENOENT');
  stream.push({ ...samples[0]!, data: Buffer.alloc(5000, 0x55) });
  await expect(taking().take(stream)).rejects.toMatchObject({ code: 'SNAPSHOT_FAILED' });
  studio.streams.unpublish(stream);
  await expect(taking().take(stream)).rejects.toThrow('no picture yet');
});

test('a program that hangs is ended at the time limit', async () => {
  const stream = published();
  play(stream, [makeVideo({ codec: 'vp8', seconds: 1 })]);
  const snapshots = taking({ ffmpegPath: programThat('exec sleep 1000'), timeoutMs: 300 });
  await expect(snapshots.take(stream)).rejects.toThrow('longer than 300 ms');
});

test('two at once, a bounded number waits, the rest is refused', async () => {
  const stream = published();
  play(stream, [makeVideo({ codec: 'vp8', seconds: 1 })]);
  const folder = mkdtempSync(join(tmpdir(), 'recorderd-snap-'));
  const gate = join(folder, 'gate');
  const program = programThat(`touch "${folder}/$$"; until [ -e "${gate}" ]; do sleep 0.02; done; echo png`);
  const snapshots = taking({ ffmpegPath: program, maxWaiting: 1 });
  const takes = [snapshots.take(stream), snapshots.take(stream), snapshots.take(stream)];
  await expect(snapshots.take(stream)).rejects.toThrow('too many snapshots');
  await eventually(() => (readdirSync(folder).length >= 2 ? true : undefined), 'two programs');
  expect(readdirSync(folder)).toHaveLength(2);
  writeFileSync(gate, '');
  expect((await Promise.all(takes)).map(String)).toEqual(['png\n', 'png\n', 'png\n']);
  expect(readdirSync(folder)).toHaveLength(4);
});
