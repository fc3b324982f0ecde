import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RecorderdError } from '../../../src/domain/errors.ts';
import { AddressList } from '../../../src/tcp/addressList.ts';
import { PACKAGE_DIR, Rest } from './support.ts';

const FOLDER = join(PACKAGE_DIR, 'web/operator');
const FILES = readdirSync(FOLDER).filter((name) => name !== 'index.html');
let rest: Rest;

beforeEach(() => (rest = new Rest()));
afterEach(() => rest.close());

test('the page and all that it loads are less than 60 kB', () => {
  const bytes = readdirSync(FOLDER).map((name) => statSync(join(FOLDER, name)).size);
  expect(bytes.length).toBeGreaterThan(10);
  expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(60_000);
});

test('it is served at / under a strict policy, and needs nothing from elsewhere', async () => {
  await rest.start();
  const page = await rest.get('/');
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  const policy = page.headers.get('content-security-policy');
  expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain('unsafe');
  expect(await page.text()).not.toMatch(/https?:|<script>|<style|style=|\son\w+=/);
  for (const name of FILES) {
    const file = await rest.get(`/operator/${name}`);
    expect([name, file.status, file.headers.get('cache-control')]).toEqual([name, 200, 'no-cache']);
    // Names of XML are no addresses.
    expect((await file.text()).replace('http://www.w3.org/2000/svg', '')).not.toMatch(
      /https?:|innerHTML|eval\(/,
    );
  }
});

test('there is nothing else beside it', async () => {
  await rest.start();
  for (const path of [
    '/?action=dance',
    '/operator',
    '/operator/',
    '/operator/none.js',
    '/operator/..%2Fapi%2Fapi.js',
  ])
    expect([path, (await rest.get(path)).status]).toEqual([path, 404]);
  expect((await rest.get('/?from=a-bookmark')).status).toBe(200);
});

test('it is guarded as REST is', async () => {
  await rest.start({ rest: { allow: new AddressList('loopback'), users: ['ops:secret'], token: '' } });
  for (const path of ['/', '/operator/main.js', '/rest-api/catalogue/picture?recordingId=a&partIndex=1']) {
    const answer = await rest.get(path);
    expect([path, answer.status]).toEqual([path, 401]);
    expect(answer.headers.get('www-authenticate')).toContain('Basic');
  }
  const headers = { Authorization: `Basic ${Buffer.from('ops:secret').toString('base64')}` };
  expect((await fetch(rest.url('/'), { headers })).status).toBe(200);
});

test('a picture has its type, and may be kept for a while; what is wrong is told', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'recorderd-picture-'));
  writeFileSync(join(folder, '1-a'), '<svg/>');
  rest.pictures = {
    of: ({ recordingId, partIndex }) =>
      recordingId === 'a'
        ? Promise.resolve({ folder, fileName: `${partIndex}-a`, type: 'image/svg+xml' })
        : Promise.reject(new RecorderdError('PICTURE_FAILED', 'none')),
  };
  await rest.start();
  const picture = (query: string): Promise<Response> => rest.get(`/rest-api/catalogue/picture?${query}`);
  const found = await picture('recordingId=a&partIndex=1');
  expect(found.headers.get('content-type')).toBe('image/svg+xml');
  expect(found.headers.get('cache-control')).toBe('private, max-age=3600');
  expect(await found.text()).toBe('<svg/>');
  expect((await picture('recordingId=a&partIndex=2')).status).toBe(404);
  expect(await (await picture('recordingId=b&partIndex=1')).json()).toMatchObject({ code: 'PICTURE_FAILED' });
  for (const query of [
    '',
    'recordingId=a',
    'recordingId=a&partIndex=0',
    'recordingId=a&recordingId=b&partIndex=1',
  ])
    expect([query, (await picture(query)).status]).toEqual([query, 400]);
  rmSync(folder, { recursive: true });
});
