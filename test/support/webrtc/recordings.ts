import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { eventually } from '../eventually.ts';
import { decodeErrors, packetsOf, probe } from '../packets.ts';
import type { TestServer } from '../server.ts';
import type { AvSync } from './avSync.ts';
import { measureAvSync } from './avSync.ts';
import type { Counters, PublisherPage, SentCounters, StreamEvent } from './publisherPage.ts';

const run = promisify(execFile);

/** The picture and the sound of a recording may be so far apart. */
const SYNC_MS = 40;
/** One packet of Opus. */
const AUDIO_FRAME_MS = 20;
/** The page looks at its counters every 100 ms. */
const LOOK_FRAMES = 4;
/** One frame of AAC at 44.1 kHz. */
const AAC_FRAME_MS = 1024 / 44.1;

/** Where the Web SDK connects to. */
export const wsUrl = (server: TestServer): string => `ws://127.0.0.1:${server.port('ws')}`;

/** Address of a recording for the page. */
export const recordUrl = (server: TestServer, name: string): string =>
  `http://127.0.0.1:${server.port('http')}/client/records/${name}`;

/** A recording and what was sent of its video. */
export interface Sent {
  readonly server: TestServer;
  readonly file: string;
  readonly event: Pick<StreamEvent, 'mediaSessionId'>;
  readonly sent: SentCounters;
}

export interface Recorded {
  readonly server: TestServer;
  readonly file: string;
  readonly event: StreamEvent;
  /** All that the browser sent. */
  readonly sent: Counters;
  /** Frames sent before the second key frame, as far as the page's looks at its counters tell. */
  readonly beforeSecondKeyFrame: number;
}

/** Stops picture and sound, then the publication, and finds its file. @throws when none is named. */
export async function stopAndFind(server: TestServer, page: PublisherPage, name: string): Promise<Recorded> {
  const sent = await page.freeze(name);
  const beforeSecondKeyFrame = await page.sentBeforeSecondKeyFrame(name);
  const event = await page.stop(name);
  await page.thaw();
  expect(event).toMatchObject({ status: 'UNPUBLISHED' });
  // The name comes only when the file is final.
  expect(server.records()).toContain(event.recordName);
  return { server, file: join(server.recordsDir, event.recordName!), event, sent, beforeSecondKeyFrame };
}

/** Neither a probe nor a full decode has anything to say about the file, and it begins at its beginning. */
export async function expectClean(file: string): Promise<void> {
  const { stderr } = await run('ffprobe', ['-v', 'warning', '-show_format', '-show_streams', file]);
  expect(stderr).toBe('');
  expect(await decodeErrors(file)).toBe('');
  expect(Math.abs(Number((await probe(file)).format.start_time))).toBeLessThan(0.05);
}

export const framesIn = async (file: string): Promise<number> => (await packetsOf(file, 'v')).length;

/**
 * Frames that the browser says it sent and that are not in the file, less those it threw away itself: when a key frame
 * follows, it drops what is still queued before it, which it has counted as sent (libwebrtc's pacer: key frame
 * flushing). Those never had sequence numbers; where the server gave up none, at most the frames before its key
 * frames can be missing that way.
 */
async function missingFrames({ file, sent, server, event }: Sent): Promise<number> {
  const missing = sent.framesSent - (await framesIn(file));
  const ends = server.allLogged('webrtc stream ended');
  const end = ends.find(({ mediaSessionId }) => mediaSessionId === event.mediaSessionId);
  const { givenUp } = end!['video'] as { givenUp: number };
  const flushed = givenUp === 0 ? Math.max(0, sent.keyFramesEncoded - 1) : 0;
  return missing > 0 && missing <= flushed ? 0 : missing;
}

/** At least the frames that the browser had sent are in the file. */
export async function expectFramesSent(recorded: Sent): Promise<void> {
  expect(await missingFrames(recorded), `of ${recorded.sent.framesSent} frames sent`).toBeLessThanOrEqual(0);
}

/**
 * Every frame the browser sent is in the file. Only those before the first key frame that arrived whole may be
 * missing: when the first packets of all are lost, the second key frame is the first of the file.
 */
export async function expectAllFrames(recorded: Recorded): Promise<void> {
  const { sent, beforeSecondKeyFrame } = recorded;
  const missing = await missingFrames({ ...recorded, sent: sent.video });
  if (missing === 0) return;
  const words = `${missing} of ${sent.video.framesSent} missing, ${beforeSecondKeyFrame} before the second key frame`;
  expect(missing, words).toBeGreaterThan(0);
  expect(Math.abs(missing - beforeSecondKeyFrame), words).toBeLessThanOrEqual(LOOK_FRAMES);
}

/** All frames are there, the sound is as long as what was sent of it, and both are in step. */
export async function expectWhole(recorded: Recorded): Promise<void> {
  await expectClean(recorded.file);
  await expectAllFrames(recorded);
  await expectInStep(recorded.file);
  await expectSoundAsSent(recorded.file, recorded.sent);
}

/**
 * Flashes and beeps are within 40 ms of each other, to the end of the file.
 * @param atLeast - so many flashes must have a beep.
 */
export async function expectInStep(file: string, atLeast = 2): Promise<AvSync> {
  const sync = await measureAvSync(file);
  const pairs = sync.pairs
    .map(({ atS, offsetMs }) => `${atS.toFixed(2)} s: ${Math.round(offsetMs)} ms`)
    .join(', ');
  const found = `${pairs}; beeps at ${sync.beeps.map((at) => at.toFixed(2)).join(' ')}`;
  expect(sync.pairs.length, found).toBeGreaterThanOrEqual(atLeast);
  expect(Math.max(Math.abs(sync.minMs), Math.abs(sync.maxMs)), found).toBeLessThanOrEqual(SYNC_MS);
  return sync;
}

/**
 * Neither less sound than was sent nor more, but for what an AAC encoder adds: silence that fills its last frame, and
 * one frame before the first. Players skip the latter only as far as it lies before the beginning of the file, which it
 * does not where the sound begins after the picture.
 */
async function expectSoundAsSent(file: string, { audio }: Counters): Promise<void> {
  const sound = await soundSpanMs(file);
  const sentMs = (audio.packetsSent - audio.retransmittedPacketsSent) * AUDIO_FRAME_MS;
  const words = `sound of ${sound} ms, sent ${sentMs} ms`;
  expect(sound - sentMs, words).toBeGreaterThanOrEqual(-AAC_FRAME_MS);
  expect(sound - sentMs, words).toBeLessThanOrEqual(2 * AAC_FRAME_MS);
}

/** Length of the sound in a file, by its decoded samples. */
export async function soundSpanMs(file: string): Promise<number> {
  const args = [
    '-v',
    'error',
    '-nostdin',
    '-i',
    file,
    '-map',
    '0:a',
    '-ac',
    '1',
    '-ar',
    '48000',
    '-f',
    's16le',
    '-',
  ];
  const { stdout } = await run('ffmpeg', args, { maxBuffer: 1 << 28, encoding: 'buffer' });
  return stdout.length / 2 / 48;
}

/** The stream as REST shows it. */
export async function findStream(
  server: TestServer,
  name: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const { status, json } = await server.rest('/stream/find', { name });
  return status === 200 ? (json as Record<string, unknown>[])[0] : undefined;
}

/** Waits until the recording of a stream holds so many milliseconds, in the clock of its media. */
export async function recordedFor(server: TestServer, name: string, ms: number): Promise<void> {
  await eventually(async () => {
    const info = (await findStream(server, name))?.['streamInfo'] as
      { recordTimestamp: number | null } | undefined;
    return (info?.recordTimestamp ?? 0) >= ms ? true : undefined;
  }, `${ms} ms recorded of ${name}`);
}

/** Rate of the media between two looks at the counters, without headers. */
export const sentBitsPerSecond = (before: SentCounters, after: SentCounters): number =>
  ((after.bytesSent - before.bytesSent) * 8000) / (after.timestamp - before.timestamp);
