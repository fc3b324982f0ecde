import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { eventually } from './eventually.ts';
import { packetsOf } from './packets.ts';
import type { Packet } from './packets.ts';
import { startPublisher } from './publishers.ts';
import type { PublisherProcess } from './publishers.ts';
import type { TestServer } from './server.ts';

const run = promisify(execFile);
let folder: string | undefined;

/** Makes a media file with ffmpeg, once in a test file. */
export async function makeFile(name: string, args: readonly string[]): Promise<string> {
  folder ??= mkdtempSync(join(tmpdir(), 'recorderd-rtsp-'));
  const path = join(folder, name);
  if (!existsSync(path)) await run('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args, path]);
  return path;
}

/** ffmpeg pushes a file by RTSP in real time, without transcoding. */
export function pushFile(file: string, url: string, transport: 'tcp' | 'udp' = 'tcp'): PublisherProcess {
  return startPublisher('ffmpeg', [
    ...['-v', 'error', '-nostdin', '-re', '-i', file, '-map', '0', '-c', 'copy'],
    // As many AAC frames to a packet as come at once; of those it gathers it loses the last ones.
    ...['-max_delay', '0', '-f', 'rtsp', '-rtsp_transport', transport, url],
  ]);
}

/** Starts a recording of the stream `name` as soon as there is one. */
export async function recordOnDemand(server: TestServer, name: string): Promise<void> {
  await eventually(async () => {
    const { status, json } = await server.rest('/stream/find', { name });
    if (status !== 200) return undefined;
    const [stream] = json as { mediaSessionId: string }[];
    const started = await server.rest('/recorder/startup', { mediaSessionId: stream!.mediaSessionId });
    expect(started.status).toBe(200);
    return true;
  }, `${name} is live`);
}

/** NAL units that travel elsewhere in RTSP than in a file: parameter sets, delimiters; FFmpeg copies hvcC's SEI. */
const MOVED = { h264: '7-9', hevc: '32-35|39' } as const;

function mediaOf(file: string, codec: keyof typeof MOVED): Promise<Packet[]> {
  return packetsOf(file, 'v', [], ['-bsf:v', `filter_units=remove_types=${MOVED[codec]}`]);
}

const md5s = (packets: readonly Packet[]): string[] => packets.map(({ md5 }) => md5);

/** Presentation times counted from the earliest one, ms. */
function presented(packets: readonly Packet[]): number[] {
  const start = Math.min(...packets.map(({ pts }) => pts));
  return packets.map(({ pts }) => pts - start);
}

function expectTimes(found: readonly number[], wanted: readonly number[]): void {
  const worst = Math.max(0, ...found.map((value, i) => Math.abs(value - wanted[i]!)));
  expect(worst).toBeLessThanOrEqual(1.1);
}

/** The pictures of `record` are those of `source`: the same payloads and presentation times, in a decoding order. */
export async function expectSamePictures(
  source: string,
  record: string,
  codec: keyof typeof MOVED = 'h264',
): Promise<void> {
  const [sent, found] = [await mediaOf(source, codec), await mediaOf(record, codec)];
  expect(md5s(found)).toEqual(md5s(sent));
  expectTimes(presented(found), presented(sent));
  for (const [i, { dts, pts }] of found.entries()) {
    expect(pts).toBeGreaterThanOrEqual(dts);
    if (i > 0) expect(dts).toBeGreaterThan(found[i - 1]!.dts);
  }
}

/** The audio of `record` is that of `source`, but for at most `unsent` packets at the end. */
export async function expectSameSound(source: string, record: string, unsent = 0): Promise<void> {
  const [sent, found] = [await packetsOf(source, 'a'), await packetsOf(record, 'a')];
  expect(found.length).toBeGreaterThanOrEqual(sent.length - unsent);
  expect(md5s(found)).toEqual(md5s(sent.slice(0, found.length)));
  expectTimes(presented(found), presented(sent));
}

/** The same for audio alone, whose recording begins with what comes after it was asked for. */
export async function expectSoundToTheEnd(source: string, record: string, unsent: number): Promise<void> {
  const [sent, found] = [md5s(await packetsOf(source, 'a')), md5s(await packetsOf(record, 'a'))];
  const from = sent.indexOf(found[0]!);
  expect(from).toBeGreaterThanOrEqual(0);
  expect(found).toEqual(sent.slice(from, from + found.length));
  expect(from + found.length).toBeGreaterThanOrEqual(sent.length - unsent);
}

/** Audio lies beside the pictures as in the source, to within `toleranceMs`. */
export async function expectTogether(source: string, record: string, toleranceMs: number): Promise<void> {
  const offsetOf = async (file: string): Promise<number> => {
    const [video, audio] = [await packetsOf(file, 'v'), await packetsOf(file, 'a')];
    return audio[0]!.pts - Math.min(...video.map(({ pts }) => pts));
  };
  expect(Math.abs((await offsetOf(record)) - (await offsetOf(source)))).toBeLessThanOrEqual(toleranceMs);
}
