import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { json, PACKAGE_DIR, Rest } from './support.ts';

const DEMO = '/client2/examples/demo/streaming/stream_recording/recording.html';

let rest: Rest;
let home: string;
let records: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'site-'));
  records = join(home, 'records');
  await mkdir(join(records, '.work'), { recursive: true });
  await writeFile(join(records, 'a.mp4'), 'abcdefghij');
  rest = await new Rest().start({ home, recordsDir: records });
});
afterEach(async () => {
  await rest.close();
  await rm(home, { recursive: true });
});

/** As a browser asks again: `fetch` alone would add `no-cache` to a condition. */
const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(rest.url(path), { headers: { 'Cache-Control': 'max-age=0', ...headers } });

async function expect404(response: Response): Promise<void> {
  expect([response.status, (await json(response))['code']]).toEqual([404, 'NOT_FOUND']);
  expect(response.headers.get('Cache-Control')).toBe('no-store');
}

describe('/client/records', () => {
  test.each([
    ['b.mp4', 'video/mp4'],
    ['b.webm', 'video/webm'],
    ['b.mkv', 'video/x-matroska'],
    ['b.ts', 'video/mp2t'],
    ['B.MP4', 'video/mp4'],
  ])('%s is served as %s', async (name, type) => {
    await writeFile(join(records, name), 'media');
    const response = await get(`/client/records/${name}`);
    expect([response.status, await response.text()]).toEqual([200, 'media']);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': type,
      'content-length': '5',
      'accept-ranges': 'bytes',
      'cache-control': 'private, no-cache',
      'x-content-type-options': 'nosniff',
    });
    expect(response.headers.get('Content-Disposition')).toBeNull();
  });

  test.each([
    ['bytes=0-3', 206, 'abcd', 'bytes 0-3/10'],
    ['bytes=4-', 206, 'efghij', 'bytes 4-9/10'],
    ['bytes=-2', 206, 'ij', 'bytes 8-9/10'],
    ['bytes=8-99', 206, 'ij', 'bytes 8-9/10'],
    ['bytes=0-', 206, 'abcdefghij', 'bytes 0-9/10'],
    ['bytes=0-1,4-5', 200, 'abcdefghij', null],
    ['lines=1-2', 200, 'abcdefghij', null],
    ['bytes=-99', 206, 'abcdefghij', 'bytes 0-9/10'],
    ['bytes= -11', 206, 'abcdefghij', 'bytes 0-9/10'],
    ['bytes=-10', 206, 'abcdefghij', 'bytes 0-9/10'],
    ['bytes=a-b', 200, 'abcdefghij', null],
    ['bytes=', 200, 'abcdefghij', null],
  ])('Range %s answers %i with %s', async (range, status, body, contentRange) => {
    const response = await get('/client/records/a.mp4', { Range: range });
    expect([response.status, await response.text()]).toEqual([status, body]);
    expect(response.headers.get('Content-Range')).toBe(contentRange);
  });

  test('a range behind the end answers 416 with the size', async () => {
    const response = await get('/client/records/a.mp4?download', { Range: 'bytes=10-' });
    expect([response.status, response.headers.get('Content-Range')]).toEqual([416, 'bytes */10']);
    expect(response.headers.get('Content-Type')).toMatch(/^application\/json/);
    expect(response.headers.get('Content-Disposition')).toBeNull();
    expect(await json(response)).toMatchObject({ code: 'RANGE_NOT_SATISFIABLE', status: 416 });
  });

  test.each(['bytes=10-', 'bytes=-0', 'bytes=3-2', 'bytes=99999999999999999999-'])(
    '%s cannot be satisfied',
    async (range) => {
      for (const method of ['GET', 'HEAD']) {
        const response = await fetch(rest.url('/client/records/a.mp4'), {
          method,
          headers: { Range: range },
        });
        expect([response.status, response.headers.get('Content-Range')]).toEqual([416, 'bytes */10']);
      }
    },
  );

  test('a thousand ranges that overlap cost one answer of the file', async () => {
    const range = `bytes=${Array.from({ length: 1000 }, (_, i) => `${i % 5}-`).join()}`;
    const response = await get('/client/records/a.mp4', { Range: range });
    expect([response.status, await response.text()]).toEqual([206, 'abcdefghij']);
  });

  test('HEAD with a range gives the headers that GET would', async () => {
    const headers = { Range: 'bytes=2-4' };
    const response = await fetch(rest.url('/client/records/a.mp4'), { method: 'HEAD', headers });
    expect([response.status, await response.text()]).toEqual([206, '']);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-length': '3',
      'content-range': 'bytes 2-4/10',
    });
  });

  test('HEAD gives the headers alone', async () => {
    const response = await fetch(rest.url('/client/records/a.mp4'), { method: 'HEAD' });
    expect([response.status, response.headers.get('Content-Length')]).toEqual([200, '10']);
    expect(await response.text()).toBe('');
    expect((await fetch(rest.url('/client/records/x.mp4'), { method: 'HEAD' })).status).toBe(404);
  });

  test('the entity tag is strong and answers 304, 412 and If-Range', async () => {
    const etag = (await get('/client/records/a.mp4')).headers.get('ETag')!;
    expect(etag).toMatch(/^"[^"]+"$/);
    const same = await get('/client/records/a.mp4', { 'If-None-Match': etag });
    expect([same.status, same.headers.get('ETag'), await same.text()]).toEqual([304, etag, '']);
    const other = await get('/client/records/a.mp4', { 'If-Match': '"x"' });
    expect([other.status, (await json(other))['code']]).toEqual([412, 'PRECONDITION_FAILED']);
    const part = { Range: 'bytes=0-0', 'If-Range': etag };
    expect((await get('/client/records/a.mp4', part)).status).toBe(206);
    // Another file of the same size and time takes the name.
    const when = new Date(1_700_000_000_000);
    await utimes(join(records, 'a.mp4'), when, when);
    const before = (await get('/client/records/a.mp4')).headers.get('ETag');
    await writeFile(join(records, 'new.mp4'), 'ABCDEFGHIJ');
    await utimes(join(records, 'new.mp4'), when, when);
    await rename(join(records, 'new.mp4'), join(records, 'a.mp4'));
    expect((await get('/client/records/a.mp4')).headers.get('ETag')).not.toBe(before);
    expect((await get('/client/records/a.mp4', part)).status).toBe(200);
  });

  test('download names the file to save', async () => {
    await writeFile(join(records, 'эфир "1" %41.mp4'), 'media');
    const response = await get(`/client/records/${encodeURIComponent('эфир "1" %41.mp4')}?download`);
    expect([response.status, response.headers.get('Content-Type')]).toEqual([200, 'video/mp4']);
    const disposition = response.headers.get('Content-Disposition')!;
    expect(disposition).toMatch(/^attachment; /);
    expect(disposition).toContain("filename*=UTF-8''%D1%8D%D1%84%D0%B8%D1%80%20%221%22%20%2541.mp4");
  });

  test.each(['a b.mp4', 'a?b#c.mp4', '%2e%2e%2fx.mp4', 'a\\b.mp4', 'a\nb.mp4', '-rf.mp4', '😀.mp4'])(
    'a name may hold anything: %j',
    async (name) => {
      await writeFile(join(records, name), 'media');
      const response = await get(`/client/records/${encodeURIComponent(name)}`);
      expect([response.status, await response.text()]).toEqual([200, 'media']);
    },
  );

  test.each([
    '/client/records',
    '/client/records/',
    '/client/records/a.mp4/',
    '/client/records/a.mp4/b.mp4',
    '/client/records/missing.mp4',
    '/client/records/folder.mp4',
    '/client/records/folder/b.mp4',
    '/client/records/folder%2fb.mp4',
    '/client/records/notes.txt',
    '/client/records/page.html',
    '/client/records/a.mp4.part',
    '/client/records/.hidden.mp4',
    '/client/records/.work/w.mp4',
    '/client/records/.work%2Fw.mp4',
    '/client/records/..%2fsecret.mp4',
    '/client/records/%2e%2e%2fsecret.mp4',
    '/client/records/..%5csecret.mp4',
    '/client/records/%252e%252e%252fsecret.mp4',
    '/client/records/%2e%2e',
    '/client/records/%2e',
    '/client/records/%2e%2e%5csecret.mp4',
    '/client/records/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd',
    '/client/records/%2fetc%2fpasswd',
    '/client/records/%2Fetc%2Fa.mp4',
    '/client/records/C:%5ca.mp4',
    '/client/records/folder%2f..%2f..%2fsecret.mp4',
    '/client/records/..%2frecords%2fa.mp4',
    '/client/records/.%2fa.mp4',
    '/client/records/a.mp4%2f',
    '/client/records/a.mp4%2e',
    '/client/records/..%00%2fsecret.mp4',
    '/client/records/%2ework%2fw.mp4',
    '/client/records/.work%5cw.mp4',
    '/client/records/.WORK%2fw.mp4',
    '/client/records/out%2fsecret.mp4',
    '/client/records/absolute.mp4',
    '/client/records/twice.mp4',
    '/client/records/a.mp4%00',
    '/client/records/a%00.mp4',
    '/client/records/%zz.mp4',
    '/client/records/%ff.mp4',
    '/client/records/%C0%AE%C0%AE%2fsecret.mp4',
    `/client/records/${'x'.repeat(300)}.mp4`,
    '/client/records/leaves.mp4',
    '/client/records/into-work.mp4',
    '/client/records/into-folder.mp4',
    '/client/records/loop.mp4',
    '/client/records/dangling.mp4',
    '/client/records/pipe.mp4',
  ])('%s is not there', async (path) => {
    await mkdir(join(records, 'folder.mp4'));
    await mkdir(join(records, 'folder'));
    for (const name of [
      'folder/b.mp4',
      'notes.txt',
      'page.html',
      'a.mp4.part',
      '.hidden.mp4',
      '.work/w.mp4',
    ]) {
      await writeFile(join(records, name), 'secret');
    }
    await writeFile(join(home, 'secret.mp4'), 'secret');
    await symlink('../secret.mp4', join(records, 'leaves.mp4'));
    await symlink(join(home, 'secret.mp4'), join(records, 'absolute.mp4'));
    await symlink('leaves.mp4', join(records, 'twice.mp4'));
    await symlink('..', join(records, 'out'));
    await symlink('.work/w.mp4', join(records, 'into-work.mp4'));
    await symlink('folder/b.mp4', join(records, 'into-folder.mp4'));
    await symlink('loop.mp4', join(records, 'loop.mp4'));
    await symlink('nothing.mp4', join(records, 'dangling.mp4'));
    execFileSync('mkfifo', [join(records, 'pipe.mp4')]);
    await expect404(await get(path));
    expect((await fetch(rest.url(path), { method: 'HEAD' })).status).toBe(404);
  });

  test.each([
    '/client/records/../secret.mp4',
    '/client/records/../../../../../etc/passwd',
    '/client/records//etc/passwd',
    '/client/records/..\\secret.mp4',
    '/client/records/../records/a.mp4',
    '/client/records/./a.mp4',
    '/client/records/.work/../../secret.mp4',
    '/client/records/%2e%2e/secret.mp4',
    '/client/records/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd',
    '/client/records/%252e%252e/secret.mp4',
    '/client/records/..;/secret.mp4',
    '/client/../client/records/a.mp4',
    'http://a/client/records/../secret.mp4',
    '/client2/../records/a.mp4',
    '/client2/../../etc/passwd',
    '/client2//etc/passwd',
  ])('%s as sent is not there', async (path) => {
    await writeFile(join(home, 'secret.mp4'), 'secret');
    await mkdir(join(home, 'client2'));
    const answer = await rest.raw(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    expect(answer).not.toContain('secret"');
  });

  test('links of the folder to itself are followed, and the folder may be one', async () => {
    await symlink('a.mp4', join(records, 'newest.mp4'));
    await symlink(records, join(home, 'linked'));
    await rest.close();
    rest = await new Rest().start({ home, recordsDir: join(home, 'linked') });
    expect(await (await get('/client/records/newest.mp4')).text()).toBe('abcdefghij');
  });

  test.each(['POST', 'PUT', 'DELETE'])('%s answers 405', async (method) => {
    const response = await fetch(rest.url('/client/records/a.mp4'), { method });
    expect([response.status, response.headers.get('Allow')]).toEqual([405, 'HEAD, GET']);
  });

  test('many ranges of a large file at once add up to it', async () => {
    const path = join(records, 'large.mp4');
    await writeFile(path, '');
    await truncate(path, 32 << 20);
    await writeFile(path, 'end of a sparse file', { flag: 'a' });
    const step = 4 << 20;
    const parts = await Promise.all(
      Array.from({ length: 9 }, async (_, i) => {
        const response = await get('/client/records/large.mp4', {
          Range: `bytes=${i * step}-${(i + 1) * step - 1}`,
        });
        return Buffer.from(await response.arrayBuffer());
      }),
    );
    const hash = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');
    expect(hash(Buffer.concat(parts))).toBe(hash(await readFile(path)));
  });

  test('a client that leaves in the middle disturbs nothing', async () => {
    const path = join(records, 'large.mp4');
    await writeFile(path, '');
    await truncate(path, 64 << 20);
    for (let i = 0; i < 5; i++) {
      const controller = new AbortController();
      const response = await fetch(rest.url('/client/records/large.mp4'), { signal: controller.signal });
      await response.body!.getReader().read();
      controller.abort();
    }
    expect((await get('/client/records/a.mp4')).status).toBe(200);
    expect(rest.log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('/client2', () => {
  test('/demo leads to the page, which is served with a strict policy', async () => {
    const redirect = await fetch(rest.url('/demo'), { redirect: 'manual' });
    expect([redirect.status, redirect.headers.get('Location')]).toEqual([302, DEMO]);
    const page = await get('/demo');
    expect([page.status, page.headers.get('Content-Type')]).toEqual([200, 'text/html; charset=utf-8']);
    const policy = page.headers.get('Content-Security-Policy')!;
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).not.toContain('unsafe');
    expect(page.headers.get('Cache-Control')).toBe('no-cache');
    const again = await get(DEMO, { 'If-None-Match': page.headers.get('ETag')! });
    expect(again.status).toBe(304);
  });

  test('the administrator’s files go before ours, without our policy', async () => {
    const folder = join(home, 'client2', 'examples/demo/streaming/stream_recording');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'recording.html'), '<body onload="init_page()">theirs');
    await writeFile(join(home, 'client2', 'flashphoner.js'), '// theirs');
    await writeFile(join(home, 'client2', 'index.html'), 'index');
    const page = await get(DEMO);
    expect(await page.text()).toContain('theirs');
    expect(page.headers.get('Content-Security-Policy')).toBeNull();
    expect(await (await get('/client2/flashphoner.js')).text()).toBe('// theirs');
    expect(await (await get('/client2/')).text()).toBe('index');
  });

  test.each([
    'flashphoner.js',
    'flashphoner.min.js',
    'flashphoner-webrtc-only.min.js',
    'flashphoner-room-api.js',
  ])('%s is the one of the npm package', async (name) => {
    const response = await get(`/client2/${name}`);
    expect(response.headers.get('Content-Type')).toBe('text/javascript; charset=utf-8');
    const installed = await readFile(join(PACKAGE_DIR, 'node_modules/@flashphoner/websdk', name));
    expect(Buffer.from(await response.arrayBuffer()).equals(installed)).toBe(true);
  });

  test('says clearly that the SDK is not installed', async () => {
    await rest.close();
    rest = await new Rest().start({ home, packageDir: home });
    const response = await get('/client2/flashphoner.js');
    expect([response.status, (await json(response))['message']]).toEqual([
      404,
      'flashphoner.js is missing: the npm package @flashphoner/websdk is not installed, nor is the file in client2',
    ]);
    expect(rest.log.lines.map(({ level, message }) => [level, message])).toContainEqual([
      'warn',
      'the Web SDK is not installed, the demo page cannot publish',
    ]);
  });

  test.each([
    '/client2',
    '/client2/',
    '/client2/package.json',
    '/client2/src/flashphoner-core.js',
    '/client2/examples',
    '/client2/examples/demo/streaming/stream_recording',
    '/client2/examples/demo/streaming/stream_recording/',
    '/client2/flashphoner-none.js',
    '/client2/.env',
    '/client2/sub/.git/config',
    '/client2/link/passwd',
    '/client2/%2e%2e/records/a.mp4',
    '/client2/..%2frecords%2fa.mp4',
    '/client2/%252e%252e/records/a.mp4',
    '/client2/%zz',
    '/client2/a%00b',
  ])('%s is not there', async (path) => {
    await mkdir(join(home, 'client2/sub/.git'), { recursive: true });
    await writeFile(join(home, 'client2/.env'), 'secret');
    await writeFile(join(home, 'client2/sub/.git/config'), 'secret');
    await symlink('/etc', join(home, 'client2/link'));
    await expect404(await get(path));
  });

  test('config.json tells the ports of the Web SDK as they are now', async () => {
    const ports: { ws: number; wss: number | undefined } = { ws: 18080, wss: undefined };
    await rest.close();
    rest = await new Rest().start({ home, signallingPorts: () => ports });
    expect(await (await get('/client2/config.json')).json()).toEqual({ ws: 18080, wss: null });
    ports.wss = 18443;
    const response = await get('/client2/config.json');
    expect(await response.json()).toEqual({ ws: 18080, wss: 18443 });
    expect(response.headers.get('Cache-Control')).toBe('no-store');
  });

  test.each([DEMO, '/client2/config.json', '/client2/flashphoner.js', '/demo'])(
    '%s takes no POST',
    async (path) => {
      const response = await fetch(rest.url(path), { method: 'POST' });
      expect([response.status, response.headers.get('Allow')]).toEqual([405, 'HEAD, GET']);
    },
  );
});
