import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { RequestCounts } from '../../../src/http/requestCounts.ts';
import { parseExposition, valueOf } from '../../support/exposition.ts';
import { frame, keyFrame, programThat, Studio, VIDEO } from '../recorder/support.ts';
import { observation } from './support.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const read = (page: string): string => readFileSync(join(ROOT, page), 'utf8');
const SUFFIX = /_(bucket|sum|count)$/;
const namesIn = (text: string): string[] =>
  [...text.matchAll(/\b(?:recorderd|process)_[a-z0-9_]+[a-z0-9]/g)].map(([name]) => name);

/** With something of every kind in it. */
async function scraped(studio: Studio) {
  const requests = new RequestCounts();
  requests.know('/readyz');
  requests.add('/readyz', 503, 'SHUTTING_DOWN');
  requests.add('/nothing/here', 404, 'NOT_FOUND');
  return parseExposition(await observation(studio, { requests }).metrics());
}

async function recording(studio: Studio, name: string): Promise<void> {
  const stream = studio.publish(name);
  stream.setTrack(VIDEO);
  for (const sample of [keyFrame(0, 1000), frame(40, 500)]) stream.push(sample);
  await studio.logged('child started');
}

test('docs/metrics.md tells of all metrics and of no others', async () => {
  const studio = await Studio.open({ trackWaitMs: 0 });
  const served = [...(await scraped(studio)).keys()];
  const tables = read('docs/metrics.md')
    .split('\n')
    .filter((line) => /^\| `(recorderd|process)_[a-z0-9_]+`/.test(line));
  const told = tables.flatMap((line) => namesIn(line.split('|')[1]!));
  expect(told.sort()).toEqual(served.sort());
});

test('the dashboard and the alerts ask for metrics that there are', async () => {
  const served = await scraped(await Studio.open());
  const dashboard = JSON.parse(read('conf/grafana/recorderd.json')) as {
    panels: { title: string; targets?: { expr: string }[] }[];
  };
  const asked = dashboard.panels.flatMap(({ targets }) => (targets ?? []).map(({ expr }) => expr));
  expect(asked.length).toBeGreaterThan(20);
  const alerts = read('docs/metrics.md').split('## What to be woken by')[1]!;
  for (const expression of [...asked, alerts]) {
    const names = namesIn(expression).map((name) => (served.has(name) ? name : name.replace(SUFFIX, '')));
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !served.has(name))).toEqual([]);
  }
});

test('recordings are told of one by one up to the bound, and all in their number', async () => {
  const studio = await Studio.open({ trackWaitMs: 0 });
  for (const name of ['a', 'b', 'c']) await recording(studio, name);
  const families = await scraped(studio);
  expect(valueOf(families, 'recorderd_recordings_active')).toBe(3);
  const listed = families.get('recorderd_recording_media_bytes')!.samples;
  expect(listed.map(({ labels }) => labels['stream'])).toEqual(['a', 'b']);
  expect(listed[0]!.value).toBeGreaterThanOrEqual(1500);
  await studio.recordings.close();
  const after = await scraped(studio);
  expect(valueOf(after, 'recorderd_recordings_ended_total', { reason: 'shutdown' })).toBe(3);
  expect(valueOf(after, 'recorderd_parts_finished_total', { reason: 'shutdown' })).toBe(3);
  expect(after.get('recorderd_recording_media_bytes')!.samples).toEqual([]);
});

test('streams count what they bring while they live and when they have ended', async () => {
  const studio = await Studio.open({}, false);
  const [one, two] = [studio.publish('one'), studio.publish('two')];
  for (const stream of [one, two]) {
    stream.setTrack(VIDEO);
    stream.push(keyFrame(0, 1000));
    stream.push(frame(40, 500));
  }
  one.packets = () => ({ received: 30, lost: 2 });
  const rtmp = { protocol: 'rtmp' };
  for (const live of [2, 1, 0]) {
    const families = await scraped(studio);
    expect(valueOf(families, 'recorderd_streams', rtmp)).toBe(live);
    expect(valueOf(families, 'recorderd_received_bytes_total', rtmp)).toBe(3000);
    expect(valueOf(families, 'recorderd_received_samples_total', rtmp)).toBe(4);
    expect(valueOf(families, 'recorderd_rtp_packets_lost_total', rtmp)).toBe(2);
    studio.streams.unpublish(studio.streams.all()[0] ?? one);
  }
  studio.publish('one');
  expect(() => studio.publish('one')).toThrow('already in use');
  const refused = { code: 'STREAM_NAME_IN_USE' };
  expect(valueOf(await scraped(studio), 'recorderd_streams_refused_total', refused)).toBe(1);
});

test('answers are counted by paths that are served, and together for the rest', async () => {
  const families = await scraped(await Studio.open());
  expect(valueOf(families, 'recorderd_http_requests_total', { path: '/readyz', status: '503' })).toBe(1);
  expect(valueOf(families, 'recorderd_http_errors_total', { path: 'other', code: 'NOT_FOUND' })).toBe(1);
  const build = { version: '1.2.3', node: process.version, ffmpeg: '5.1 "x"\\' };
  expect(valueOf(families, 'recorderd_build_info', build)).toBe(1);
});

test('a program that fails is counted by how, and its last words are in the report', async () => {
  const program = programThat('echo "broken pipe of $$" >&2; echo "cannot mux" >&2; cat > "$part"; exit 7');
  const studio = await Studio.open({ ffmpegPath: program, trackWaitMs: 0 });
  await recording(studio, 'cam');
  await studio.recordings.close();
  const families = await scraped(studio);
  expect(valueOf(families, 'recorderd_ffmpeg_exits_total', { reason: 'failed' })).toBeGreaterThanOrEqual(1);
  expect(valueOf(families, 'recorderd_incidents_total', { cause: 'child-died' })).toBeGreaterThanOrEqual(1);
  const [first] = studio.evidence;
  expect(first!.ffmpeg.exitCode).toBe(7);
  expect(first!.ffmpeg.lastLines).toEqual([expect.stringMatching(/^broken pipe of \d+$/), 'cannot mux']);
  const died = first!.incidents.find(({ cause }) => cause === 'child-died');
  expect(died?.detail).toMatch(/^exit code 7; .*; it said: cannot mux$/);
  // The log has them, too, under the id of the recording.
  const failed = studio.said('child failed')[0]!;
  expect(failed.fields['lastLines']).toContain('cannot mux');
});

test('promtool finds nothing to complain about', async ({ skip }) => {
  const tool = join(ROOT, 'vendor/promtool/promtool');
  if (spawnSync(tool, ['--version']).status !== 0) skip('promtool is missing (scripts/vendor-promtool.sh)');
  const text = await observation(await Studio.open()).metrics();
  const { status, stdout, stderr } = spawnSync(tool, ['check', 'metrics'], { input: text, encoding: 'utf8' });
  expect([status, stdout, stderr]).toEqual([0, '', '']);
});
