import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import { expectSamePackets } from '../support/compare.ts';
import { eventually } from '../support/eventually.ts';
import { hookInto } from '../support/hook.ts';
import { decodeErrors, packetsOf } from '../support/packets.ts';
import { publishFile } from '../support/publishers.ts';
import type { PublisherProcess } from '../support/publishers.ts';
import { TestServer } from '../support/server.ts';
import type { LogLine } from '../support/server.ts';

const { bframesFlv, hdFlv } = inject('media');
const RECORD_ALL = { record_flash_published_streams: true, stream_record_policy: 'streamName' };
let server: TestServer;

afterEach(async () => server.close());

const isLive = async (): Promise<true | undefined> =>
  (await server.rest('/recorder/find_all')).status === 200 ? true : undefined;

test('a second publisher of a live name is refused and the first is untouched', async () => {
  server = await TestServer.start(RECORD_ALL);
  const first = publishFile(bframesFlv, server.rtmpUrl('cam'));
  await eventually(isLive, 'the first is recorded');
  const second = await publishFile(hdFlv, server.rtmpUrl('cam'), { fast: true }).ended;
  expect(second.code).not.toBe(0);
  expect((await first.ended).code).toBe(0);
  expect(await server.recordsFinished(1)).toEqual(['cam.mp4']);
  await expectSamePackets(bframesFlv, [join(server.recordsDir, 'cam.mp4')], 'v');
});

/** A publisher of the 12 s file whose media has arrived: before, there would be nothing to record. */
async function recorded(name: string): Promise<PublisherProcess> {
  const publisher = publishFile(bframesFlv, server.rtmpUrl(name));
  const isRecorded = (line: LogLine): boolean => line.msg === 'child started' && line['stream'] === name;
  await eventually(() => server.logs.find(isRecorded), `${name} is recorded`);
  return publisher;
}

const ended = (name: string): LogLine | undefined =>
  server.logs.find((line) => line.msg === 'rtmp stream ended' && line['streamName'] === name);

test('a publisher that is frozen has its file, and its hook, soon after it is silent; one that is killed at once', async () => {
  const hook = hookInto();
  server = await TestServer.start({
    ...RECORD_ALL,
    on_record_hook_script: hook.script,
    rtmp_publisher_timeout: 2,
  });
  const frozen = await recorded('frozen');
  const killed = await recorded('killed');
  frozen.kill('SIGSTOP');
  killed.kill('SIGKILL');
  for (const name of ['killed', 'frozen']) {
    const file = join(server.recordsDir, `${name}.mp4`);
    await eventually(() => hook.calls().find(([each]) => each === name), `the hook of ${name}`);
    expect(hook.calls()).toContainEqual([name, file]);
    expect((await packetsOf(file, 'v')).length).toBeGreaterThan(0);
    expect(await decodeErrors(file)).toBe('');
    const end = server.logs.find((line) => line.msg === 'recording ended' && line['stream'] === name);
    expect(end).toMatchObject({ reason: 'publisher-left' });
  }
  frozen.kill('SIGKILL');
  expect(ended('frozen')).toMatchObject({ reason: 'publisher silent for 2000 ms' });
});

test('a publisher faster than its child is made to wait; nothing is lost', async () => {
  server = await TestServer.start({
    ...RECORD_ALL,
    record_buffer_max_bytes: 1_048_576,
    rtmp_publisher_timeout: 2,
  });
  const publisher = publishFile(bframesFlv, server.rtmpUrl('cam'));
  const started = await eventually(() => server.logged('child started'), 'the child');
  const child = Number(started['pid']);
  process.kill(child, 'SIGSTOP');
  // Many times what the child and the server may hold, at full speed, into the same server.
  const fast = publishFile(bframesFlv, server.rtmpUrl('fast'), { fast: true, loop: 40 });
  const second = await eventually(() => server.allLogged('child started')[1], 'the second child');
  process.kill(Number(second['pid']), 'SIGSTOP');
  await eventually(() => server.logged('publisher waits for its recording'), 'the publisher waits');
  process.kill(Number(second['pid']), 'SIGCONT');
  process.kill(child, 'SIGCONT');
  for (const each of [publisher, fast]) expect(await each.ended).toEqual({ code: 0, stderr: '' });
  expect(await server.recordsFinished(2)).toEqual(['cam.mp4', 'fast.mp4']);
  await expectSamePackets(bframesFlv, [join(server.recordsDir, 'cam.mp4')], 'v');
  expect((await packetsOf(join(server.recordsDir, 'fast.mp4'), 'v')).length).toBe(41 * 300);
});

test('the same name again gets a numbered suffix, logged; nothing is overwritten', async () => {
  server = await TestServer.start(RECORD_ALL);
  for (const count of [1, 2, 3]) {
    await publishFile(hdFlv, server.rtmpUrl('cam'), { fast: true }).ended;
    await server.recordsFinished(count);
  }
  expect(server.records()).toEqual(['cam-2.mp4', 'cam-3.mp4', 'cam.mp4']);
  // The line is written a moment after the file has its name.
  await eventually(
    () => (server.allLogged('record name is taken, a number is added').length === 2 ? true : undefined),
    'a line for each number',
  );
});

test('record_streams=false turns automatic recording off', async () => {
  server = await TestServer.start({ ...RECORD_ALL, record_streams: false });
  const publisher = await publishFile(hdFlv, server.rtmpUrl('cam'), { fast: true }).ended;
  expect(publisher.code).toBe(0);
  await eventually(() => server.logged('rtmp stream ended'), 'the stream ended');
  expect(server.logged('recording started')).toBeUndefined();
  expect(server.records()).toEqual([]);
});
