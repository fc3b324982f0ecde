import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { hookInto } from '../support/hook.ts';
import { publishFile } from '../support/publishers.ts';
import { TestServer } from '../support/server.ts';
import type { LogLine } from '../support/server.ts';

const { hdFlv } = inject('media');
let home: string;
let server: TestServer;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'recorderd-reload-'));
  mkdirSync(join(home, 'conf'));
});
afterEach(async () => server.close());

function write(settings: Readonly<Record<string, string | number | boolean>>): void {
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`);
  writeFileSync(join(home, 'conf/flashphoner.properties'), lines.join(''));
}

/** Writes the file, sends SIGHUP and waits for the line that tells of it. */
async function reload(settings: Readonly<Record<string, string | number | boolean>>): Promise<LogLine> {
  const told = (): LogLine[] =>
    server.logs.filter(({ msg }) =>
      ['settings are read again', 'settings are wrong, the old ones stay'].includes(msg),
    );
  const before = told().length;
  write(settings);
  server.signal('SIGHUP');
  return eventually(() => told()[before], 'the reload is told');
}

const restStatus = async (headers: Record<string, string> = {}): Promise<[number, string | null]> => {
  const url = `http://127.0.0.1:${server.port('http')}/rest-api/stream/find_all`;
  const { status, headers: answered } = await fetch(url, { headers });
  return [status, answered.get('access-control-allow-origin')];
};

test('SIGHUP applies what is live to what begins after it, and names what needs a restart', async () => {
  const RECORD_ALL = { record_flash_published_streams: true, stream_record_policy: 'streamName' };
  write({ on_record_hook_script: '' });
  server = await TestServer.start({}, home);
  await publishFile(hdFlv, server.rtmpUrl('unrecorded'), { fast: true }).ended;

  const { script, calls } = hookInto();
  const told = await reload({
    ...RECORD_ALL,
    on_record_hook_script: script,
    record_formats: 'h264-mkv',
    rtmp_chunk_size: 8192,
  });
  expect(told['applied']).toEqual([
    'record_flash_published_streams',
    'record_formats',
    'stream_record_policy',
    'on_record_hook_script',
  ]);
  expect(server.logged('settings that changed need a restart')).toMatchObject({
    level: 'warn',
    keys: ['rtmp_chunk_size'],
  });
  await publishFile(hdFlv, server.rtmpUrl('one'), { fast: true }).ended;
  expect(await server.recordsFinished(1)).toEqual(['one.mkv']);
  await eventually(() => (calls().length > 0 ? true : undefined), 'the hook');
  expect(calls()).toEqual([['one', join(server.recordsDir, 'one.mkv')]]);

  // Without a template of its own the next reload is back at the default, with names by it.
  await reload({
    ...RECORD_ALL,
    stream_record_policy: 'template',
    stream_record_policy_template: 'of-{streamName}',
  });
  await publishFile(hdFlv, server.rtmpUrl('two'), { fast: true }).ended;
  expect(await server.recordsFinished(2)).toEqual(['of-two.mp4', 'one.mkv']);
});

test('a reload changes who may use REST and publish, how many, and what is logged', async () => {
  write({});
  server = await TestServer.start({ record_flash_published_streams: true }, home);
  expect(await restStatus()).toEqual([404, '*']);
  await eventually(() => server.logged('request answered'), 'a line of the request');

  const access = { rest_token: 't0ken', cors_origin: 'https://a.example', publish_secrets: '*=s3cr3t' };
  await reload(access);
  expect(await restStatus()).toEqual([401, 'https://a.example']);
  expect(await restStatus({ authorization: 'Bearer t0ken' })).toEqual([404, 'https://a.example']);
  await publishFile(hdFlv, server.rtmpUrl('cam'), { fast: true }).ended;
  await publishFile(hdFlv, server.rtmpUrl('cam?key=s3cr3t'), { fast: true }).ended;
  expect(await server.recordsFinished(1)).toHaveLength(1);

  await reload({ max_recordings: 1, rest_allow: '192.0.2.1' });
  expect((await restStatus())[0]).toBe(403);
  await publishFile(hdFlv, server.rtmpUrl('open'), { fast: true }).ended;
  expect(await server.recordsFinished(2)).toHaveLength(2);
});

test('a wrong file leaves everything as it was and says what is wrong', async () => {
  write({ stream_record_policy: 'streamName', record_flash_published_streams: true });
  server = await TestServer.start({}, home);
  const told = await reload({ record_flash_published_streams: false, record_rotation: 'often' });
  expect(told).toMatchObject({ level: 'error', msg: 'settings are wrong, the old ones stay' });
  expect(JSON.stringify(told['problems'])).toContain(
    'flashphoner.properties:2: record_rotation: \\"often\\"',
  );
  await publishFile(hdFlv, server.rtmpUrl('still'), { fast: true }).ended;
  expect(await server.recordsFinished(1)).toEqual(['still.mp4']);
});

test('retention begins and ends with its settings, and metrics count what it deletes', async () => {
  const RECORD_ALL = { record_flash_published_streams: true, stream_record_policy: 'streamName' };
  const NO_HOOK = { ...RECORD_ALL, on_record_hook_script: '' };
  write(NO_HOOK);
  server = await TestServer.start({}, home);
  const metrics = async (): Promise<string> =>
    (await fetch(`http://127.0.0.1:${server.port('http')}/metrics`)).text();
  for (const name of ['cam', 'kept']) await publishFile(hdFlv, server.rtmpUrl(name), { fast: true }).ended;
  await server.recordsFinished(2);
  const { json: nothing } = await server.rest('/catalogue/retention/run', {});
  expect(nothing).toEqual({ dryRun: false, bytes: 0, files: [] });
  // No disk is as free as that.
  const told = await reload({
    ...NO_HOOK,
    retention_free: '99%',
    retention_keep: 'kept',
    retention_interval: 1,
  });
  expect(told['applied']).toEqual(['retention_free', 'retention_keep', 'retention_interval']);
  const line = await eventually(() => server.logged('file is deleted by retention'), 'a deletion');
  expect(line).toMatchObject({
    file: 'cam.mp4',
    reason: 'free-space',
  });
  expect(server.records()).toEqual(['kept.mp4']);
  expect(await metrics()).toMatch(/^recorderd_retention_deleted_files_total\{reason="free-space"\} 1$/m);
  expect(await metrics()).toMatch(/^recorderd_catalogue_files 1$/m);
  await reload({ ...NO_HOOK, retention_free: '99%', retention_dry_run: true });
  await server.rest('/catalogue/retention/run', {});
  expect(server.records()).toEqual(['kept.mp4']);
});

test('captures that come into the settings start, those that leave them end', async () => {
  write({ captures: 'rtsp://127.0.0.1:9/a -> a rtsp://user:old@127.0.0.1:9/b -> b' });
  server = await TestServer.start({}, home);
  const names = async (): Promise<unknown> => {
    const { json } = await server.rest('/rtsp/find_all');
    return (json as { localStreamName: string }[]).map((each) => each.localStreamName).sort();
  };
  expect(await names()).toEqual(['a', 'b']);
  const [kept] = server.allLogged('capture started');
  await reload({ captures: 'rtsp://127.0.0.1:9/a -> a rtsp://user:new@127.0.0.1:9/b -> c' });
  expect(await names()).toEqual(['a', 'c']);
  expect(server.allLogged('capture ended').map((line) => line['streamName'])).toEqual(['b']);
  expect(server.allLogged('capture started').filter((line) => line['streamName'] === 'a')).toEqual([kept]);
  await reload({});
  expect((await server.rest('/rtsp/find_all')).status).toBe(404);
});

test('the log level follows', async () => {
  write({});
  server = await TestServer.start({ log_level: undefined }, home);
  await restStatus();
  expect(server.logged('request answered')).toBeUndefined();
  await reload({ log_level: 'debug' });
  await restStatus();
  await eventually(() => server.logged('request answered'), 'a line of debug');
});
