import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hookEnvironment } from '../../../src/hooks/hookEnvironment.ts';
import { part } from './support.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const HOOKS = join(ROOT, 'scripts/hooks');
const has = (program: string): boolean => spawnSync('which', [program]).status === 0;

let folder: string;
let records: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cook book '));
  records = join(folder, 'records');
  mkdirSync(records);
  file = join(records, "it's one.mp4");
  writeFileSync(file, 'the media');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Ran {
  readonly code: number | null;
  readonly said: string;
}

/** Runs a script as the server does: its environment, and what the script's head would set. */
async function run(
  name: string,
  streamName: string,
  settings: Readonly<Record<string, string>>,
): Promise<Ran> {
  const told = part({ streamName, path: file, recordingId: 'rec-1' });
  const env = { ...hookEnvironment(told, { PATH: process.env['PATH'], HOME: folder }), ...settings };
  const child = spawn(join(HOOKS, name), [streamName, file], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise<number | null>((done) => child.on('exit', done));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { code, said: out + err };
}

const WELL = { code: 0, said: '' };

describe('copy.sh', () => {
  test('copies, again and again, whatever the stream is called', async () => {
    const to = join(folder, 'archive');
    for (const name of ['cam', 'cam', '../../etc', 'a b', '-n']) {
      expect(await run('copy.sh', name, { DST_DIR: to })).toEqual(WELL);
    }
    expect(readdirSync(to).sort()).toEqual(['-n', '_._.._etc', 'a b', 'cam']);
    expect(readdirSync(join(to, 'cam'))).toEqual(["it's one.mp4"]);
    expect(readFileSync(join(to, 'cam', "it's one.mp4"), 'utf8')).toBe('the media');
  });

  test('asks for another try when the folder cannot be used, and is done when the file is gone', async () => {
    expect((await run('copy.sh', 'cam', { DST_DIR: '/proc/archive' })).code).toBe(75);
    rmSync(file);
    expect(await run('copy.sh', 'cam', { DST_DIR: '/proc/archive' })).toEqual(WELL);
  });
});

describe.skipIf(!has('rclone'))('s3.sh', () => {
  const remote = (): Record<string, string> => ({
    RCLONE_CONFIG_ARCHIVE_TYPE: 'local',
    REMOTE: `archive:${join(folder, 'bucket')}`,
  });
  const uploaded = (): string => readFileSync(join(folder, "bucket/2019/07/22/it's one.mp4"), 'utf8');

  test('uploads under the day of the record, twice without harm, and keeps the file', async () => {
    for (let n = 0; n < 2; n++) expect((await run('s3.sh', 'cam', remote())).code).toBe(0);
    expect(uploaded()).toBe('the media');
    expect(existsSync(file)).toBe(true);
  });

  test('deletes what was uploaded when asked to, and is done when run again', async () => {
    for (let n = 0; n < 2; n++) expect((await run('s3.sh', 'cam', { ...remote(), KEEP: 'no' })).code).toBe(0);
    expect(uploaded()).toBe('the media');
    expect(existsSync(file)).toBe(false);
  });

  test('asks for another try when the store is away', async () => {
    expect((await run('s3.sh', 'cam', { REMOTE: 'nowhere:bucket', KEEP: 'no' })).code).toBe(75);
    expect(existsSync(file)).toBe(true);
  });
});

describe.skipIf(!has('ffmpeg'))('transcode.sh', () => {
  const make = (...input: readonly string[]): void => {
    const { status, stderr } = spawnSync('ffmpeg', ['-v', 'error', '-y', ...input, '-t', '1', file], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  };
  const streams = (path: string): string[] => {
    const show = ['-v', 'error', '-show_entries', 'stream=codec_name,height', '-of', 'csv=p=0', path];
    return spawnSync('ffprobe', show, { encoding: 'utf8' }).stdout.trim().split('\n');
  };

  test('makes a smaller file of a large picture, and leaves small ones as they are', async () => {
    for (const [size, height] of [
      ['1920x1080', 720],
      ['320x240', 240],
    ] as const) {
      make(
        '-f',
        'lavfi',
        '-i',
        `testsrc2=size=${size}:rate=10`,
        '-f',
        'lavfi',
        '-i',
        'sine',
        '-c:v',
        'libx264',
        '-preset',
        'ultrafast',
      );
      expect(await run('transcode.sh', 'cam', {})).toEqual(WELL);
      expect(streams(join(records, "small/it's one.mp4"))).toEqual([`h264,${height}`, 'aac']);
    }
    expect(readdirSync(join(records, 'small'))).toEqual(["it's one.mp4"]);
  });

  test('takes a record without video', async () => {
    make('-f', 'lavfi', '-i', 'sine', '-c:a', 'aac');
    expect(await run('transcode.sh', 'cam', { DST_DIR: join(folder, 'out') })).toEqual(WELL);
    expect(streams(join(folder, "out/it's one.mp4"))).toEqual(['aac']);
  });
});

describe.skipIf(!has('curl') || !has('jq'))('notify.sh', () => {
  test('posts what the server told, and asks for another try when it is not taken', async () => {
    const seen: unknown[] = [];
    let status = 200;
    const server = createServer((request, response) => {
      void text(request).then((body) => {
        seen.push([request.headers['idempotency-key'], JSON.parse(body)]);
        response.writeHead(status).end();
      });
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/recordings`;
    const name = 'a "b" \\ $(c)\n';
    expect(await run('notify.sh', name, { URL })).toEqual(WELL);
    const { index, last, durationMs, bytes, stopReason: reason } = part();
    const id = 'rec-1';
    expect(seen).toEqual([
      [`${id}-${index}`, { stream: name, file, id, part: index, last, durationMs, bytes, reason }],
    ]);
    status = 503;
    expect((await run('notify.sh', 'cam', { URL })).code).toBe(75);
    await new Promise((done) => server.close(done));
    expect((await run('notify.sh', 'cam', { URL })).code).toBe(75);
  });
});

test('all.sh runs the others in order and ends with the first that fails', async () => {
  const to = join(folder, 'archive');
  expect(await run('all.sh', 'cam', { HOOKS: 'copy.sh copy.sh', DST_DIR: to })).toEqual(WELL);
  expect((await run('all.sh', 'cam', { HOOKS: 'copy.sh notify.sh', DST_DIR: '/proc/x' })).code).toBe(75);
});

test('the page shows each script as it is, and those only', () => {
  const page = readFileSync(join(ROOT, 'docs/hook-cookbook.md'), 'utf8');
  const shown = [...page.matchAll(/^```bash\n([^]*?)^```$/gm)].map((match) => match[1]);
  const scripts = readdirSync(HOOKS).map((name) => readFileSync(join(HOOKS, name), 'utf8'));
  expect(shown.sort()).toEqual(scripts.sort());
  for (const name of readdirSync(HOOKS)) expect(page).toContain(`scripts/hooks/${name}`);
});
