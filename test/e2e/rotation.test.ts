import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import { expectSamePackets } from '../support/compare.ts';
import { eventually } from '../support/eventually.ts';
import { hookInto } from '../support/hook.ts';
import { decodeErrors, packetsOf, probe } from '../support/packets.ts';
import { publishFile } from '../support/publishers.ts';
import { TestServer } from '../support/server.ts';

const { bframesFlv } = inject('media');
let server: TestServer;

afterEach(async () => server.close());

async function record(settings: Record<string, string | number | boolean>): Promise<{ calls: string[][] }> {
  const hook = hookInto();
  server = await TestServer.start({
    record_flash_published_streams: true,
    stream_record_policy: 'streamName',
    on_record_hook_script: hook.script,
    ...settings,
  });
  expect(await publishFile(bframesFlv, server.rtmpUrl('cam')).ended).toEqual({ code: 0, stderr: '' });
  const calls = await eventually(() => {
    const seen = hook.calls();
    return server.logged('recording ended') !== undefined && seen.length === server.records().length
      ? seen
      : undefined;
  }, 'the hook ran for every part');
  return { calls };
}

async function expectWholeParts(files: readonly string[]): Promise<void> {
  await expectSamePackets(bframesFlv, files, 'v');
  await expectSamePackets(bframesFlv, files, 'a');
  for (const file of files) {
    expect(await decodeErrors(file)).toBe('');
    expect(Number((await probe(file)).format.start_time)).toBe(0);
  }
}

test('by time: every part begins with a key frame, their union is the source, the hook runs in order', async () => {
  const { calls } = await record({ record_rotation: 4 });
  const names = ['cam_1.mp4', 'cam_2.mp4', 'cam.mp4'];
  expect(calls).toEqual(names.map((name) => ['cam', join(server.recordsDir, name)]));
  const files = names.map((name) => join(server.recordsDir, name));
  await expectWholeParts(files);
  for (const file of files) expect((await packetsOf(file, 'v')).length).toBe(100);
});

test('by size: no part is larger than the limit', async () => {
  // The source has 2 s GOPs of about 0.2 MB: a limit of 1 MB makes two parts of its 1.2 MB.
  const { calls } = await record({ record_rotation: '1M' });
  const names = ['cam_1.mp4', 'cam.mp4'];
  expect(calls).toEqual(names.map((name) => ['cam', join(server.recordsDir, name)]));
  const files = names.map((name) => join(server.recordsDir, name));
  for (const file of files) expect(statSync(file).size).toBeLessThanOrEqual(1_048_576);
  await expectWholeParts(files);
});

test('a template with times names parts by their own times and does not number them', async () => {
  await record({
    record_rotation: 4,
    stream_record_policy: 'template',
    stream_record_policy_template: '{streamName}-{startTime}-{endTime}-{duration}',
  });
  const names = server
    .records()
    .map((name) => /^cam-(\d{13})-(\d{13})-(\d+)\.mp4$/.exec(name)!.slice(1).map(Number));
  expect(names.length).toBe(3);
  for (const [i, [start, end, duration]] of names.entries()) {
    expect(Math.abs(end! - start! - duration!)).toBeLessThanOrEqual(100);
    if (i > 0) expect(Math.abs(start! - names[i - 1]![1]!)).toBeLessThanOrEqual(100);
  }
});
