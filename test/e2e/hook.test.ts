import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
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
