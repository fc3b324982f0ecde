import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { hookInto } from '../support/hook.ts';
import { decodeErrors, packetsOf, probe } from '../support/packets.ts';
import type { Packet } from '../support/packets.ts';
import { publishFile } from '../support/publishers.ts';
import { TestServer } from '../support/server.ts';

const { bframesFlv, hdFlv } = inject('media');
const SETTINGS = {
  record_flash_published_streams: true,
  stream_record_policy: 'streamName',
  record_reconnect_window: 60,
};
const FRAME_MS = 40;
/** RTMP counts whole milliseconds; sockets are read in turns. */
const ROUNDING_MS = 1.1;
let server: TestServer;

afterEach(async () => server.close());

const file = (name: string): string => join(server.recordsDir, name);
const md5s = (packets: readonly Packet[]): string[] => packets.map(({ md5 }) => md5);
const away = (name: string, count: number): Promise<unknown> =>
  eventually(() => {
    const lines = server.allLogged('publisher is away: its recording waits');
    return lines.filter((line) => line['stream'] === name)[count - 1];
  }, `${name} away, ${count}`);

function workBytes(): number {
  return readdirSync(join(server.recordsDir, '.work'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(mp4|webm|mkv)$/.test(name))
    .reduce((sum, name) => sum + statSync(join(server.recordsDir, '.work', name)).size, 0);
}

/** A publisher that is killed when some media of it is on disk; resolves when its recording waits. */
async function publishAndKill(name = 'cam', extra: readonly string[] = []): Promise<void> {
  const bytes = workBytes();
  const publisher = publishFile(bframesFlv, server.rtmpUrl(name), { extra });
  await eventually(() => (workBytes() > bytes + 100_000 ? true : undefined), 'some media');
  publisher.kill('SIGKILL');
  await publisher.ended;
  await away(name, 1);
}

/** A publisher that sends two seconds at once and leaves. */
async function publishTwoSeconds(name = 'cam', extra: readonly string[] = []): Promise<void> {
  const { code } = await publishFile(bframesFlv, server.rtmpUrl(name), {
    fast: true,
    extra: ['-t', '2', ...extra],
  }).ended;
  expect(code).toBe(0);
  await away(name, 2);
}

async function stopByRest(): Promise<void> {
  const { json } = await server.rest('/recorder/find_all');
  const [{ mediaSessionId }] = json as [{ mediaSessionId: string }];
  expect((await server.rest('/recorder/terminate', { mediaSessionId })).status).toBe(200);
}

/**
 * Of a file that both publishers are in: where the second begins. Each has its packets in it from the first on, in the
 * distances of the source.
 */
async function seamOf(path: string, kind: 'v' | 'a'): Promise<{ found: Packet[]; at: number }> {
  const [found, sent] = [await packetsOf(path, kind), await packetsOf(bframesFlv, kind)];
  const at = md5s(found).lastIndexOf(sent[0]!.md5);
  expect(at).toBeGreaterThan(10);
  expect(found.length - at).toBeGreaterThanOrEqual(kind === 'v' ? 49 : 80);
  for (const part of [found.slice(0, at), found.slice(at)]) {
    expect(md5s(part)).toEqual(md5s(sent.slice(0, part.length)));
    for (const [i, { dts }] of part.entries())
      expect(Math.abs(dts - part[0]!.dts - (sent[i]!.dts - sent[0]!.dts))).toBeLessThanOrEqual(ROUNDING_MS);
  }
  return { found, at };
}

test('part: one recording in two parts; a stop while it waits finishes it at once', async () => {
  const hook = hookInto();
  server = await TestServer.start({ ...SETTINGS, on_record_hook_script: hook.script });
  await publishAndKill();
  expect(server.records()).toEqual([]);
  await publishTwoSeconds();
  await eventually(() => server.logged('part finished'), 'the first part');
  expect(server.records()).toEqual(['cam_1.mp4']);
  await stopByRest();
  expect(server.records()).toEqual(['cam.mp4', 'cam_1.mp4']);
  const sent = md5s(await packetsOf(bframesFlv, 'v'));
  for (const name of server.records()) {
    expect(await decodeErrors(file(name))).toBe('');
    const found = md5s(await packetsOf(file(name), 'v'));
    expect(found).toEqual(sent.slice(0, found.length));
    expect(found.length).toBeGreaterThan(10);
  }
  const parts = server.allLogged('part finished');
  expect(parts).toMatchObject([
    { file: file('cam_1.mp4'), last: false, stopReason: 'gap' },
    { file: file('cam.mp4'), last: true, stopReason: 'rest-stop' },
  ]);
  expect(new Set(parts.map((part) => part['recordingId'])).size).toBe(1);
  expect(server.allLogged('recording started')).toHaveLength(1);
  const calls = await eventually(() => (hook.calls().length === 2 ? hook.calls() : undefined), 'the hooks');
  expect(calls.map(([, path]) => path)).toEqual([file('cam_1.mp4'), file('cam.mp4')]);
});

test('keep-time: one file with a hole as long as the publisher was away; SIGTERM while it waits finishes it', async () => {
  server = await TestServer.start({ ...SETTINGS, record_reconnect_policy: 'keep-time' });
  const pcma = ['-c:a', 'pcm_alaw', '-ar', '8000', '-ac', '1'];
  await publishAndKill('cam');
  await publishAndKill('transcoded', pcma);
  await publishTwoSeconds('cam');
  await publishTwoSeconds('transcoded', pcma);
  await server.close({ keepHome: true });
  expect(server.records()).toEqual(['cam.mp4', 'transcoded.mp4']);
  const { awayMs } = server.logged('recording goes on after its publisher was away') as unknown as {
    awayMs: number;
  };
  const { found, at } = await seamOf(file('cam.mp4'), 'v');
  expect(found[at]!.dts - found[at - 1]!.dts).toBeGreaterThanOrEqual(awayMs - 2 * FRAME_MS);
  expect(found[at]!.dts - found[at - 1]!.dts).toBeLessThanOrEqual(awayMs + 2 * FRAME_MS);
  await seamOf(file('cam.mp4'), 'a');
  expect(await decodeErrors(file('cam.mp4'))).toBe('');
  const lastMs = Math.max(...found.map(({ pts }) => pts));
  const durationMs = Number((await probe(file('cam.mp4'))).format.duration) * 1000;
  expect(durationMs).toBeGreaterThan(lastMs);
  expect(durationMs).toBeLessThan(lastMs + 200);
  expect(server.logged('part finished')).toMatchObject({ last: true, stopReason: 'shutdown' });
  // Transcoded audio is silence meanwhile.
  await seamOf(file('transcoded.mp4'), 'v');
  expect(await decodeErrors(file('transcoded.mp4'))).toBe('');
  const audio = await packetsOf(file('transcoded.mp4'), 'a');
  for (const [i, { dts }] of audio.slice(1).entries()) expect(dts - audio[i]!.dts).toBeLessThan(25);
});

test('squeeze: one file without a hole; another configuration begins a part', async () => {
  server = await TestServer.start({ ...SETTINGS, record_reconnect_policy: 'squeeze' });
  await publishAndKill();
  await publishTwoSeconds();
  await publishFile(hdFlv, server.rtmpUrl('cam'), { fast: true }).ended;
  await away('cam', 3);
  await stopByRest();
  expect(server.records()).toEqual(['cam.mp4', 'cam_1.mp4']);
  const { found, at } = await seamOf(file('cam_1.mp4'), 'v');
  expect(found[at]!.dts - found[at - 1]!.dts).toBeLessThanOrEqual(5 * FRAME_MS);
  await seamOf(file('cam_1.mp4'), 'a');
  expect(md5s(await packetsOf(file('cam.mp4'), 'v'))).toEqual(md5s(await packetsOf(hdFlv, 'v')));
  for (const name of server.records()) expect(await decodeErrors(file(name))).toBe('');
  expect(server.allLogged('part finished').map((part) => part['stopReason'])).toEqual(['gap', 'rest-stop']);
});

test('nobody comes back: one finished file when the window is over; the next publisher gets a new one', async () => {
  server = await TestServer.start({ ...SETTINGS, record_reconnect_window: 1 });
  await publishAndKill();
  expect(server.records()).toEqual([]);
  expect(await server.recordsFinished(1)).toEqual(['cam.mp4']);
  await publishTwoSeconds();
  await server.recordsFinished(2);
  expect(server.records()).toEqual(['cam-2.mp4', 'cam.mp4']);
  expect(server.allLogged('recording started')).toHaveLength(2);
  for (const part of server.allLogged('part finished'))
    expect(part).toMatchObject({ last: true, stopReason: 'publisher-left' });
});

test('kill -9 of the server while a recording waits: the next start finishes its file', async () => {
  server = await TestServer.start({ ...SETTINGS, record_reconnect_policy: 'keep-time' });
  await publishFile(bframesFlv, server.rtmpUrl('cam'), { fast: true, extra: ['-t', '2'] }).ended;
  await away('cam', 1);
  server.signal('SIGKILL');
  await server.exited();
  server = await TestServer.start(SETTINGS, server.home);
  expect(await server.recordsFinished(1)).toEqual(['cam.mp4']);
  expect(await decodeErrors(file('cam.mp4'))).toBe('');
  // All that had arrived before the kill.
  expect((await packetsOf(file('cam.mp4'), 'v')).length).toBeGreaterThanOrEqual(49);
  expect(server.logged('part finished')).toMatchObject({ last: true, stopReason: 'crash' });
});
