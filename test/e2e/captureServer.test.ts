import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { eventually } from '../support/eventually.ts';
import { decodeErrors } from '../support/packets.ts';
import { Camera, livePicture } from '../support/rtsp/camera.ts';
import { reportsOf } from '../support/reports.ts';
import { TestServer } from '../support/server.ts';

const GST = ['-c', 'import gi; gi.require_version("GstRtspServer", "1.0")'];
const hasCamera = spawnSync('/usr/bin/python3', GST, { stdio: 'ignore' }).status === 0;
if (!hasCamera && process.env.CI === 'true')
  throw new Error('CI must run every test: gst-rtsp-server is missing');

const mounts = { '/cam': livePicture() };
const password = 'p%40ss';
const auth = { method: 'digest', user: 'admin', password: 'p@ss' } as const;
let camera: Camera | undefined;
let server: TestServer | undefined;

afterEach(async () => {
  await server?.close();
  await camera?.kill();
  server = undefined;
  camera = undefined;
});

async function start(settings: Record<string, string | boolean | number> = {}): Promise<TestServer> {
  server = await TestServer.start({
    stream_record_policy: 'streamName',
    record_rtsp_streams: true,
    ...settings,
  });
  return server;
}

async function found(fields: Record<string, string>): Promise<Record<string, unknown>> {
  return eventually(
    async () => {
      const answer = await server!.rest('/rtsp/find', fields);
      return answer.status === 200 ? (answer.json as Record<string, unknown>[])[0] : undefined;
    },
    `capture with ${JSON.stringify(fields)}`,
  );
}

/** Waits until the stream has run for a while, by its own clock. */
async function recordedFor(name: string, ms: number): Promise<void> {
  await eventually(async () => {
    const [stream] = (await server!.rest('/stream/find', { name })).json as {
      streamInfo?: { recordTimestamp: number | null };
    }[];
    return (stream?.streamInfo?.recordTimestamp ?? 0) >= ms ? true : undefined;
  }, `${name} recorded for ${ms} ms`);
}

/** What every user of the machine may read of a process's children. */
function childCommandLines(pid: number): string {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return children.map((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8')).join('\n');
}

describe.skipIf(!hasCamera)('a camera pulled by the server', () => {
  test('killed and started again in mid-recording: two parts of one recording, the gap in the log', async () => {
    camera = await Camera.start({ mounts, shared: true });
    const uri = camera.uri('/cam');
    const running = await start();
    const rest = (path: string, body?: unknown) => running.rest(path, body);
    expect((await rest('/rtsp/startup', { uri, toStream: 'door' })).status).toBe(200);
    expect((await rest('/rtsp/startup', { uri })).status).toBe(409);
    await found({ status: 'PLAYING' });
    await recordedFor('door', 2_000);
    await camera.kill();
    await found({ status: 'RECONNECTING' });
    camera = await Camera.start({ mounts, shared: true, port: camera.port });
    await found({ status: 'PLAYING' });
    await server!.recordsFinished(1);
    const [stream] = (await rest('/stream/find', { name: 'door' })).json as { mediaSessionId: string }[];
    await eventually(
      async () => (((await rest('/recorder/find_all')).json as unknown[]).length === 1 ? true : undefined),
      'the recording goes on',
    );
    expect((await rest('/rtsp/terminate', { uri })).status).toBe(200);
    expect((await rest('/rtsp/terminate', { uri })).status).toBe(404);
    const records = await server!.recordsFinished(2);
    for (const name of records) expect(await decodeErrors(join(server!.recordsDir, name))).toBe('');
    const parts = server!.allLogged('part finished');
    expect(parts.map((part) => part['stopReason'])).toEqual(['gap', 'publisher-left']);
    expect(new Set(parts.map((part) => part['recordingId'])).size).toBe(1);
    expect(stream?.mediaSessionId).toBe(parts[0]!['mediaSessionId']);
    const gap = server!.logged('capture goes on after a gap');
    expect(Number(gap?.['gapMs'])).toBeGreaterThan(0);
    const [before, after] = await reportsOf(server!, 2);
    expect(before?.incidents).toEqual([]);
    expect(after?.incidents).toMatchObject([{ cause: 'source-lost', lostMs: gap?.['gapMs'] }]);
  });

  test('record_reconnect=same: one file with a hole', async () => {
    camera = await Camera.start({ mounts, shared: true });
    await start({ record_reconnect: 'same' });
    const uri = camera.uri('/cam');
    await server!.rest('/rtsp/startup', { uri, toStream: 'door' });
    await found({ status: 'PLAYING' });
    await recordedFor('door', 1_500);
    await camera.kill();
    await found({ status: 'RECONNECTING' });
    camera = await Camera.start({ mounts, shared: true, port: camera.port });
    await found({ status: 'PLAYING' });
    await recordedFor('door', 4_000);
    await server!.rest('/rtsp/terminate', { uri });
    const [name = ''] = await server!.recordsFinished(1);
    expect(await decodeErrors(join(server!.recordsDir, name))).toBe('');
    expect(server!.records()).toEqual(['door.mp4']);
    const [report] = await reportsOf(server!, 1);
    const { gapMs } = server!.logged('capture goes on after a gap')!;
    expect(report?.incidents).toMatchObject([{ cause: 'source-lost', lostMs: gapMs }]);
  });

  test('declared in the settings: it starts with the server; its password is nowhere to be seen', async () => {
    camera = await Camera.start({ mounts, shared: true, auth });
    const running = await start({ captures: `${camera.uri('/cam', `admin:${password}`)} -> door` });
    expect(await found({ status: 'PLAYING' })).toMatchObject({ uri: camera.uri('/cam'), toStream: 'door' });
    await recordedFor('door', 500);
    // Those of the test's own processes hold it: the server's settings as flags, and the camera's as JSON.
    expect(childCommandLines(running.pid)).toContain('concat');
    expect(childCommandLines(running.pid)).not.toMatch(/p%40ss|p@ss/);
    await server!.rest('/rtsp/terminate', { uri: camera.uri('/cam') });
    await server!.recordsFinished(1);
    expect(JSON.stringify(server!.logs)).not.toMatch(/p%40ss|p@ss/);
    expect(server!.records()).toEqual(['door.mp4']);
  });

  test('a play of the Web SDK captures it, is told that nothing is played, and ends it some time later', async () => {
    camera = await Camera.start({ mounts, shared: true });
    await start({ rtsp_activity_timer: 1 });
    const uri = camera.uri('/cam');
    const client = new WebSocket(`ws://127.0.0.1:${server!.port('ws')}/`);
    const heard: { message: string; data: Record<string, unknown>[] }[] = [];
    client.on('message', (text: Buffer) => heard.push(JSON.parse(text.toString()) as (typeof heard)[number]));
    await new Promise((resolve) => client.once('open', resolve));
    const say = (message: string, body: unknown): void =>
      client.send(JSON.stringify({ message, data: [body] }));
    say('connection', { appKey: 'defaultApp', mediaProviders: ['WebRTC'] });
    say('playStream', { mediaSessionId: 'p1', name: uri, sdp: 'v=0' });
    const status = await eventually(
      () => heard.find(({ message }) => message === 'notifyStreamStatusEvent')?.data[0],
      'answer to the play',
    );
    expect(status).toMatchObject({ mediaSessionId: 'p1', name: uri, status: 'FAILED', published: false });
    expect(status['info']).toBe('Captured, but this server does not play streams');
    expect(await found({ uri })).toMatchObject({ status: 'PLAYING', toStream: uri });
    client.close();
    await eventually(
      async () =>
        (await server!.rest('/rtsp/find', { status: 'PLAYING' })).status === 404 ? true : undefined,
      'the end of the capture',
    );
    await server!.recordsFinished(1);
  });
});
