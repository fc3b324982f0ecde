import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { hookInto } from '../support/hook.ts';
import { flvTags } from '../support/flvTags.ts';
import { publishFile } from '../support/publishers.ts';
import { RtmpClient } from '../support/rtmpClient.ts';
import { TestServer } from '../support/server.ts';

const { bframesFlv, hdFlv } = inject('media');
const RECORD_ALL = { record_flash_published_streams: true, stream_record_policy: 'streamName' };
let server: TestServer;

afterEach(async () => server.close());

/** A home folder whose scripts/on_record_hook.sh has this text: the default value of on_record_hook_script finds it. */
function homeWithHook(text: (home: string) => string): string {
  const home = mkdtempSync(join(tmpdir(), 'recorderd-test-'));
  mkdirSync(join(home, 'scripts'));
  writeFileSync(join(home, 'scripts/on_record_hook.sh'), text(home), { mode: 0o755 });
  return home;
}

test('the sample script of the WCS manual copies the record', async () => {
  // As the page prints it, without a first line; only its two folders are this test's.
  const home = homeWithHook(
    (folder) => `STREAM_NAME=$1
SRC_FILE=$2
SRC_DIR="${folder}/records/"
REPLACE_STR="${folder}/html/stream_records/$STREAM_NAME-"
DST_FILE="\${SRC_FILE/$SRC_DIR/$REPLACE_STR}"
cp $SRC_FILE $DST_FILE
`,
  );
  mkdirSync(join(home, 'html/stream_records'), { recursive: true });
  server = await TestServer.start({ record_flash_published_streams: true }, home);
  await publishFile(hdFlv, server.rtmpUrl('stream_ffmpeg'), { fast: true }).ended;
  const [name] = await server.recordsFinished(1);
  expect(name).toMatch(/^stream-[0-9a-f-]{36}-[A-Za-z0-9]{20}\.mp4$/);
  const copy = join(home, 'html/stream_records', `stream_ffmpeg-${name!}`);
  await eventually(() => (existsSync(copy) ? true : undefined), 'the copy');
  await eventually(() => server.logged('record hook finished'), 'the log line of the hook');
  expect(readFileSync(copy)).toEqual(readFileSync(join(server.recordsDir, name!)));
});

test('a failing and a missing script are log lines and leave the record alone', async () => {
  const home = homeWithHook(() => '#!/bin/sh\necho "cannot copy" >&2\nexit 7\n');
  server = await TestServer.start(RECORD_ALL, home);
  await publishFile(hdFlv, server.rtmpUrl('one'), { fast: true }).ended;
  const failed = await eventually(() => server.logs.find((line) => line['exitCode'] === 7), 'the failure');
  expect(JSON.stringify(failed)).toContain('cannot copy');
  expect(await server.recordsFinished(1)).toEqual(['one.mp4']);
});

test('a script that asks to be run again is, then its run is parked, and REST runs it once it is mended', async () => {
  const home = homeWithHook(
    (folder) => `#!/bin/bash
echo "$2" >> '${folder}/runs'
[ -e '${folder}/go' ] || { echo 'no room at the other end'; exit 75; }
`,
  );
  const runs = (): string[] => readFileSync(join(home, 'runs'), 'utf8').trim().split('\n');
  const retry = { on_record_hook_retries: 1, on_record_hook_retry_delay: 1 };
  server = await TestServer.start({ ...RECORD_ALL, ...retry }, home);
  expect((await server.rest('/hooks/find_all')).status).toBe(404);
  await publishFile(hdFlv, server.rtmpUrl('cam'), { fast: true }).ended;
  await eventually(() => server.logged('record hook run is parked'), 'the end of the tries');
  expect(runs()).toHaveLength(2);
  const listed = await server.rest('/hooks/find_all');
  expect(listed.json).toMatchObject([
    { state: 'parked', streamName: 'cam', fileName: 'cam.mp4', tries: 2, exitCode: 75 },
  ]);
  const [{ id, output }] = listed.json as [{ id: string; output: string }];
  expect(output).toBe('no room at the other end\n');
  writeFileSync(join(home, 'go'), '');
  expect(await server.rest('/hooks/run', { id })).toMatchObject({ status: 200, text: '' });
  await eventually(() => server.logged('record hook finished'), 'the run');
  expect(runs()).toEqual(Array(3).fill(join(server.recordsDir, 'cam.mp4')));
  await eventually(
    async () => ((await server.rest('/hooks/find_all')).status === 404 ? true : undefined),
    'an empty list',
  );
  expect((await server.rest('/hooks/run', { id })).json).toMatchObject({ code: 'HOOK_NOT_FOUND' });
});

test('kill -9 of the server while the hook runs: it runs again, before the next one of its stream', async () => {
  const home = homeWithHook(
    (folder) => `#!/bin/bash
echo "start $(basename "$2") $$" >> '${folder}/runs'
until [ -e '${folder}/go' ]; do sleep 0.05; done
echo "end $(basename "$2")" >> '${folder}/runs'
`,
  );
  const runs = (): string[] =>
    existsSync(join(home, 'runs')) ? readFileSync(join(home, 'runs'), 'utf8').trim().split('\n') : [];
  server = await TestServer.start(RECORD_ALL, home);
  for (const count of [1, 2]) {
    await publishFile(hdFlv, server.rtmpUrl('cam'), { fast: true }).ended;
    await server.recordsFinished(count);
  }
  const owed = (): string[] =>
    readdirSync(join(server.recordsDir, '.work/hooks')).filter((name) => name.endsWith('.json'));
  await eventually(() => (owed().length === 2 && runs().length === 1 ? true : undefined), 'the first run');
  server.signal('SIGKILL');
  await server.exited();
  // The script goes on without its server, until the next one ends it.
  const left = Number(runs()[0]?.split(' ').at(-1));
  expect(process.kill(left, 0)).toBe(true);
  server = await TestServer.start(RECORD_ALL, home);
  expect(server.logged('record hook of an earlier process still runs and is ended')?.['pid']).toBe(left);
  writeFileSync(join(home, 'go'), '');
  await eventually(() => (server.allLogged('record hook finished').length === 2 ? true : undefined), 'both');
  expect(runs().map((line) => line.replace(/ \d+$/, ''))).toEqual([
    'start cam.mp4',
    'start cam.mp4',
    'end cam.mp4',
    'start cam-2.mp4',
    'end cam-2.mp4',
  ]);
  await eventually(() => (owed().length === 0 ? true : undefined), 'nothing is owed');
});

test('names with spaces, quotes and $() reach the script as they are and the file stays in its folder', async () => {
  const hook = hookInto();
  server = await TestServer.start({ ...RECORD_ALL, on_record_hook_script: hook.script });
  const name = `a b'"$(touch x)/../ü`;
  // ffmpeg cuts such a name at its first blank.
  const client = await RtmpClient.publishing(server.port('rtmp'), name);
  for (const tag of flvTags(hdFlv)) client[tag.kind](tag.timeMs, tag.body);
  client.end();
  const [record] = await server.recordsFinished(1);
  expect(await eventually(() => (hook.calls().length > 0 ? hook.calls() : undefined), 'the hook')).toEqual([
    [name, join(server.recordsDir, record!)],
  ]);
  expect(record).not.toContain('/');
});

test('SIGTERM in mid-stream: the file is finished, the hook runs, exit 0', async () => {
  const hook = hookInto();
  server = await TestServer.start({ ...RECORD_ALL, on_record_hook_script: hook.script });
  const publisher = publishFile(bframesFlv, server.rtmpUrl('cam'));
  await eventually(async () => {
    const answer = await server.rest('/stream/find_all');
    const [stream] =
      answer.status === 200 ? (answer.json as { streamInfo: { recordTimestamp: number } }[]) : [];
    return (stream?.streamInfo.recordTimestamp ?? 0) > 2500 ? true : undefined;
  }, 'two seconds are recorded');
  server.signal('SIGTERM');
  expect(await server.exited()).toEqual({ code: 0, signal: null });
  await publisher.ended;
  expect(server.records()).toEqual(['cam.mp4']);
  expect(hook.calls()).toEqual([['cam', join(server.recordsDir, 'cam.mp4')]]);
});
