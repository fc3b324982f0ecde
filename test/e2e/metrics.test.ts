import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import type { LiveState } from '../../src/domain/liveState.ts';
import { eventually } from '../support/eventually.ts';
import { parseExposition, valueOf } from '../support/exposition.ts';
import { flvTags } from '../support/flvTags.ts';
import { packetsOf } from '../support/packets.ts';
import { publishFile } from '../support/publishers.ts';
import { RtmpClient } from '../support/rtmpClient.ts';
import { pushFile } from '../support/rtspPublishers.ts';
import { TestServer } from '../support/server.ts';

const { bframesFlv, hdFlv } = inject('media');
const { promtool } = inject('peers');
const RECORD_ALL = { record_flash_published_streams: true, stream_record_policy: 'streamName' };
const tags = flvTags(bframesFlv);
let server: TestServer;

afterEach(async () => server.close());

async function scrape(): Promise<{
  text: string;
  value: (name: string, labels?: Record<string, string>) => number | undefined;
}> {
  const response = await fetch(`http://127.0.0.1:${server.port('http')}/metrics`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const text = await response.text();
  const families = parseExposition(text);
  return { text, value: (name, labels) => valueOf(families, name, labels) };
}

/** A home whose hook fails for the stream `bad` and ends well for others. */
function homeWithHook(): string {
  const home = mkdtempSync(join(tmpdir(), 'recorderd-test-'));
  mkdirSync(join(home, 'scripts'));
  const script = join(home, 'scripts/on_record_hook.sh');
  writeFileSync(script, '#!/bin/sh\n[ "$1" != bad ]\n');
  chmodSync(script, 0o755);
  return home;
}

test('what is scraped is what was done', async () => {
  server = await TestServer.start({ ...RECORD_ALL, on_record_hook_retries: 0 }, homeWithHook());
  const before = await scrape();
  expect(before.value('recorderd_recordings_active')).toBe(0);
  expect(before.value('recorderd_recordings_ended_total', { reason: 'publisher-left' })).toBe(0);
  expect(before.value('recorderd_disk_state', { state: 'ok' })).toBe(1);

  await publishFile(hdFlv, server.rtmpUrl('cam'), { fast: true }).ended;
  await publishFile(hdFlv, server.rtmpUrl('bad'), { fast: true }).ended;
  await server.recordsFinished(2);
  await eventually(() => server.logged('record hook run is parked'), 'the parked run');
  await eventually(() => server.allLogged('recording ended')[1], 'both recordings ended');
  expect((await server.rest('/stream/terminate', { mediaSessionId: 'nobody' })).status).toBe(404);

  const { text, value } = await scrape();
  const files = server.records().map((name) => join(server.recordsDir, name));
  expect(value('recorderd_recordings_active')).toBe(0);
  expect(value('recorderd_recordings_finishing')).toBe(0);
  expect(value('recorderd_recordings_started_total')).toBe(2);
  expect(value('recorderd_recordings_ended_total', { reason: 'publisher-left' })).toBe(2);
  expect(value('recorderd_parts_finished_total', { reason: 'publisher-left' })).toBe(2);
  expect(value('recorderd_parts_bytes_total')).toBe(
    files.reduce((sum, file) => sum + statSync(file).size, 0),
  );
  expect(value('recorderd_parts_media_seconds_total')).toBeCloseTo(8, 0);
  expect(value('recorderd_part_finalise_seconds_count')).toBe(2);
  expect(value('recorderd_ffmpeg_exits_total', { reason: 'finished' })).toBe(2);
  expect(value('recorderd_ffmpeg_running')).toBe(0);
  expect(value('recorderd_hook_tries_total', { result: 'ok' })).toBe(1);
  expect(value('recorderd_hook_tries_total', { result: 'failed' })).toBe(1);
  expect(value('recorderd_hook_parked')).toBe(1);
  expect(value('recorderd_hook_queue')).toBe(0);
  expect(value('recorderd_streams_published_total', { protocol: 'rtmp' })).toBe(2);
  const packets = [...(await packetsOf(hdFlv, 'v')), ...(await packetsOf(hdFlv, 'a'))];
  expect(value('recorderd_received_samples_total', { protocol: 'rtmp' })).toBe(2 * packets.length);
  const error = { path: '/rest-api/stream/terminate', code: 'STREAM_NOT_FOUND' };
  expect(value('recorderd_http_errors_total', error)).toBe(1);
  expect(value('recorderd_http_requests_total', { path: '/metrics', status: '200' })).toBe(1);
  expect(value('recorderd_connections_accepted_total', { door: 'rtmp' })).toBe(2);
  expect(value('recorderd_disk_free_bytes')).toBeGreaterThan(0);
  expect(value('process_open_fds')).toBeGreaterThan(5);
  expect(value('process_resident_memory_bytes')).toBeGreaterThan(20e6);
  if (promtool !== null)
    expect(execFileSync(promtool, ['check', 'metrics'], { input: text, encoding: 'utf8' })).toBe('');
});

test('a running recording, a refused publisher, and a child that is killed show', async () => {
  server = await TestServer.start(RECORD_ALL, homeWithHook());
  const client = await RtmpClient.publishing(server.port('rtmp'), 'cam "1"\\');
  for (const tag of tags.filter(({ timeMs }) => timeMs < 6000)) client[tag.kind](tag.timeMs, tag.body);
  const child = await eventually(() => server.logged('child started'), 'the child');
  const labels = { recording_id: String(child['recordingId']), stream: 'cam "1"\\' };
  const running = await eventually(async () => {
    const found = await scrape();
    return (found.value('recorderd_recording_media_bytes', labels) ?? 0) > 100_000 ? found : undefined;
  }, 'media of the recording');
  expect(running.value('recorderd_recordings_active')).toBe(1);
  expect(running.value('recorderd_streams', { protocol: 'rtmp' })).toBe(1);
  expect(running.value('recorderd_sessions', { protocol: 'rtmp' })).toBe(1);
  expect(running.value('recorderd_connections', { door: 'rtmp' })).toBe(1);
  expect(running.value('recorderd_ffmpeg_running')).toBe(1);
  expect(running.value('recorderd_recording_last_write_age_seconds', labels)).toBeGreaterThanOrEqual(0);
  const other = await RtmpClient.publishing(server.port('rtmp'), 'other');
  expect((await publishFile(hdFlv, server.rtmpUrl('other')).ended).code).not.toBe(0);
  other.end();
  process.kill(Number(child['pid']), 'SIGKILL');
  await eventually(() => server.logged('child is replaced'), 'another child');
  for (const tag of tags.filter(({ timeMs }) => timeMs >= 6000)) client[tag.kind](tag.timeMs, tag.body);
  client.end();
  await eventually(() => server.allLogged('recording ended')[1], 'both ends');
  // Whatever the log says of the recording, of its children and of its hook, it says under its id.
  const parts = server.records();
  expect(parts.length).toBeGreaterThanOrEqual(1);
  await eventually(() => server.allLogged('record hook finished')[parts.length - 1], 'the hooks');
  const about = server.logs.filter(({ msg }) => /^(child|part|recording|record hook|publisher) /.test(msg));
  expect(about.length).toBeGreaterThan(8);
  expect(about.filter((line) => !line['recordingId'] || !line['mediaSessionId'])).toEqual([]);
  const { value } = await scrape();
  expect(value('recorderd_streams_refused_total', { code: 'STREAM_NAME_IN_USE' })).toBe(1);
  expect(value('recorderd_ffmpeg_exits_total', { reason: 'killed' })).toBe(1);
  expect(value('recorderd_ffmpeg_exits_total', { reason: 'finished' })).toBe(1);
  expect(value('recorderd_incidents_total', { cause: 'child-died' })).toBe(1);
  expect(value('recorderd_recording_media_bytes', labels)).toBeUndefined();
  expect(value('recorderd_recordings_last_write_age_max_seconds')).toBe(0);
});

test('RTP packets are counted, also of streams that have ended', async () => {
  server = await TestServer.start({ record_rtsp_streams: false });
  expect((await pushFile(hdFlv, server.rtspUrl('cam')).ended).code).toBe(0);
  const ended = await eventually(() => server.logged('rtsp stream ended'), 'the end of the stream');
  const told = [ended['video'], ended['audio']] as { received: number; samples: number }[];
  const sum = (count: (track: (typeof told)[number]) => number): number => count(told[0]!) + count(told[1]!);
  expect(told[0]!.samples).toBe((await packetsOf(hdFlv, 'v')).length);
  const { value } = await scrape();
  const rtsp = { protocol: 'rtsp' };
  expect(value('recorderd_streams', rtsp)).toBe(0);
  expect(value('recorderd_streams_published_total', rtsp)).toBe(1);
  expect(value('recorderd_rtp_packets_received_total', rtsp)).toBe(sum(({ received }) => received));
  expect(value('recorderd_rtp_packets_lost_total', rtsp)).toBe(0);
  expect(value('recorderd_received_samples_total', rtsp)).toBe(sum(({ samples }) => samples));
  expect(value('recorderd_ffmpeg_exits_total', { reason: 'finished' })).toBe(0);
});

test('events tell of what is recorded while somebody listens, and end with the server', async () => {
  server = await TestServer.start({ ...RECORD_ALL, events_max_listeners: 1 });
  const response = await fetch(`http://127.0.0.1:${server.port('http')}/rest-api/events`);
  expect((await server.rest('/events')).status).toBe(503);
  const client = await RtmpClient.publishing(server.port('rtmp'), 'cam');
  const early = tags.filter(({ timeMs }) => timeMs < 4000);
  for (const tag of early) client[tag.kind](tag.timeMs, tag.body);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const states = (): LiveState[] =>
    text
      .split('\n\n')
      .slice(0, -1)
      .map((event) => JSON.parse(event.replace('data: ', '')) as LiveState);
  const until = async (isIt: (state: LiveState) => boolean): Promise<LiveState> => {
    for (;;) {
      const found = states().find(isIt);
      if (found !== undefined) return found;
      const { done, value } = await reader.read();
      if (done) throw new Error(`the events ended: ${text}`);
      text += value;
    }
  };
  const media = early.filter(({ isHeader }) => !isHeader);
  const { streams, recordings } = await until(({ streams: [first] }) => first?.samples === media.length);
  expect(streams[0]).toMatchObject({ name: 'cam', mediaProvider: 'Flash', videoCodec: 'H264', width: 640 });
  expect(recordings[0]).toMatchObject({ streamName: 'cam', fileName: 'cam.mp4', parts: 0 });
  client.end();
  await until(
    ({ recordingsTotal, streamsTotal, finishing }) =>
      recordingsTotal + streamsTotal + finishing === 0 && text.includes('"cam"'),
  );
  // The first file of the catalogue, and its hook.
  const [first] = states();
  expect(first!.catalogueChanges).toBe(0);
  await until(({ catalogueChanges }) => catalogueChanges > 0);
  server.signal('SIGTERM');
  await eventually(async () => ((await reader.read()).done ? true : undefined), 'the end of the events');
});
