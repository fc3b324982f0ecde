import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { TestServer } from '../support/server.ts';

const main = inject('main');
const blocker = createServer();
const home = mkdtempSync(join(tmpdir(), 'recorderd-cli-'));

beforeAll(() => new Promise<void>((resolve) => blocker.listen(0, () => resolve())));
afterAll(() => void blocker.close());

function run(...args: string[]): { code: number | null; out: string; err: string } {
  const result = spawnSync(process.execPath, [main, '--home', home, ...args], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { code: result.status, out: result.stdout, err: result.stderr };
}

test('--help, --version and a wrong flag', () => {
  expect(run('--help')).toMatchObject({
    code: 0,
    err: '',
    out: expect.stringContaining('--check-config') as string,
  });
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  expect(run('--version')).toEqual({ code: 0, err: '', out: `recorderd ${version}\n` });
  expect(run('--wrong').code).toBe(2);
});

test('--check-config lists all problems with their lines and starts nothing', () => {
  const file = join(home, 'bad.properties');
  writeFileSync(file, 'rtmp.port=70000\nrecord_rotation=10X\nrecord_stream=true\n');
  const { code, err } = run('--check-config', '--config', file);
  expect(code).toBe(78);
  expect(err).toContain(`${file}:1: rtmp.port`);
  expect(err).toContain(`${file}:2: record_rotation`);
  expect(err).toMatch(/bad\.properties:3.*record_stream.*record_streams/);
  expect(run('--config', file).code).toBe(78);
});

test('a WCS file with foreign keys starts as it is', () => {
  mkdirSync(join(home, 'conf'), { recursive: true });
  const file = join(home, 'conf/flashphoner.properties');
  writeFileSync(file, 'ip = 127.0.0.1\nmedia_port_from=31001\nrecord_streams = false\nhttps.port=8444\n');
  const { code, out } = run('--print-config');
  expect(code).toBe(0);
  expect(out).toMatch(/record_streams\s*=\s*false/);
});

test('exit 69 says what is missing: a taken port, no FFmpeg, a folder that is a file', () => {
  const doors = ['--set', 'http.port=0', '--set', 'rtmp.port=0', '--set', 'log_format=json'];
  const port = String((blocker.address() as AddressInfo).port);
  const taken = run(...doors, '--set', `rtmp.port=${port}`);
  expect(taken.code).toBe(69);
  expect(taken.out).toContain(`rtmp.port: cannot listen on port ${port}`);
  const noFfmpeg = run(...doors, '--set', 'ffmpeg_path=/nonexistent/ffmpeg');
  expect(noFfmpeg.code).toBe(69);
  expect(noFfmpeg.out).toContain('/nonexistent/ffmpeg');
  writeFileSync(join(home, 'file'), '');
  // /proc exists, but no folder can be made in it.
  for (const folder of ['file', '/proc/records']) {
    const noFolder = run(...doors, '--set', `record_dir=${folder}`);
    expect(noFolder.code).toBe(69);
    expect(noFolder.out).toContain('record_dir');
  }
});

test('a certificate that is none ends the start with 69 and names the settings', () => {
  writeFileSync(join(home, 'not.pem'), 'not a certificate');
  const tls = ['tls_certificate', 'tls_key'].flatMap((key) => ['--set', `${key}=not.pem`]);
  const { code, out } = run(...tls, '--set', 'rtmp.port=', '--set', 'rtmps.port=0', '--set', 'http.port=0');
  expect(code).toBe(69);
  expect(out).toContain('tls_certificate and tls_key cannot be used');
});

test('SIGHUP ends nothing and says so', async () => {
  const server = await TestServer.start();
  server.signal('SIGHUP');
  const told = await eventually(() => server.logged('settings are read again'), 'the log line');
  expect(told['applied']).toEqual([]);
  await server.close();
});

test('healthz and readyz answer, the second with named checks', async () => {
  const server = await TestServer.start();
  const base = `http://127.0.0.1:${server.port('http')}`;
  expect((await fetch(`${base}/healthz`)).status).toBe(200);
  const ready = await fetch(`${base}/readyz`);
  expect(ready.status).toBe(200);
  expect(JSON.stringify(await ready.json())).toContain('record_dir');
  await server.close();
});

test('the legacy ports can be switched on', async () => {
  const server = await TestServer.start({ 'http.legacy.port': 0 });
  expect(server.port('http.legacy')).not.toBe(server.port('http'));
  expect(
    (await fetch(`http://127.0.0.1:${server.port('http.legacy')}/rest-api/stream/find_all`)).status,
  ).toBe(404);
  await server.close();
});
