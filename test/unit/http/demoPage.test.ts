import { copyFile, cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { complaints, hasBrowser, launchBrowser, OTHER_HOST } from './browser.ts';
import { ScriptedSignalling } from './scriptedSignalling.ts';
import { PACKAGE_DIR, Rest } from './support.ts';

const FOLDER = 'examples/demo/streaming/stream_recording';
const SDK_DIR = join(PACKAGE_DIR, 'node_modules/@flashphoner/websdk');
/** Any small MP4 will do. */
const SOME_MP4 = join(SDK_DIR, 'examples/demo/dependencies/media/preloader.mp4');

/** Waits until a value is, or a text contains, what is expected. */
async function seen<T>(look: () => T | Promise<T>, expected: NonNullable<T>): Promise<void> {
  await eventually(
    async () => {
      const value = await look();
      const isIt = typeof value === 'string' ? value.includes(String(expected)) : value === expected;
      return isIt || undefined;
    },
    String(expected),
    40_000,
  );
}

let browser: Browser;
let rest: Rest;
let signalling: ScriptedSignalling;
let home: string;
let page: Page;
let problems: string[];

describe.skipIf(!hasBrowser)('in a browser', { timeout: 60_000 }, () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'demo-'));
    await mkdir(join(home, 'records'));
    signalling = await new ScriptedSignalling().start();
    rest = await new Rest().start({
      home,
      recordsDir: join(home, 'records'),
      signallingPorts: () => ({ ws: signalling.port, wss: undefined }),
    });
    page = await browser.newPage();
    problems = complaints(page);
  });
  afterEach(async () => {
    await page.close();
    await Promise.all([rest.close(), signalling.close()]);
    await rm(home, { recursive: true });
  });

  const open = async () => {
    await page.goto(rest.url('/demo'));
    await seen(() => page.inputValue('#url'), `ws://127.0.0.1:${signalling.port}`);
  };
  const status = () => page.textContent('#status');

  describe('our page', () => {
    test('shows the camera, publishes, and gives the recording to play and to save', async () => {
      await copyFile(SOME_MP4, join(home, 'records', 'cam %41 "é".mp4'));
      signalling.recordName = () => 'cam %41 "é".mp4';
      await open();
      await page.fill('#streamName', 'cam');
      await page.click('#publishBtn');
      await seen(status, 'Publishing and recording');
      expect(signalling.published).toMatchObject([
        { name: 'cam', record: true, published: true, hasVideo: true, hasAudio: true },
      ]);
      await seen(
        () =>
          page.evaluate<boolean>(
            "document.querySelector('.preview video')?.videoWidth > 0 && document.querySelector('.preview video').currentTime > 0",
          ),
        true,
      );
      await page.click('#publishBtn');
      await seen(status, 'Done');
      await seen(
        () => page.evaluate<boolean>("document.querySelector('.recording video').readyState >= 1"),
        true,
      );
      await page.evaluate("document.querySelector('.recording video').play()");
      const [download] = await Promise.all([page.waitForEvent('download'), page.click('.download')]);
      expect(await readFile(await download.path())).toEqual(await readFile(SOME_MP4));
      expect(await page.isVisible('.preview')).toBe(false);
      expect(problems).toEqual([]);
    });

    test('publishes several streams at once, and again without a new session', async () => {
      await copyFile(SOME_MP4, join(home, 'records', 'many.mp4'));
      signalling.recordName = () => 'many.mp4';
      await open();
      await page.fill('#streamName', 'many');
      await page.fill('#countStreams', '5');
      for (const round of [1, 2]) {
        await page.click('#publishBtn');
        await seen(() => signalling.published.length, 5 * round);
        await page.click('#publishBtn');
        await seen(status, 'Done');
        expect(await page.locator('.recording video').count()).toBe(5);
      }
      const names = signalling.published.map(({ name }) => String(name));
      expect(new Set(names)).toEqual(new Set([1, 2, 3, 4, 5].map((i) => `many-${i}`)));
      expect(problems).toEqual([]);
    });

    test('tells why the server refused a stream', async () => {
      signalling.answer = { status: 'FAILED', info: 'Stream name is already in use' };
      await open();
      await page.click('#publishBtn');
      await seen(status, 'Failed');
      expect(await page.textContent('.card .message')).toContain('Choose another one');
      expect(await page.textContent('.card .message')).toContain('Stream name is already in use');
      expect(await page.textContent('#publishBtn')).toBe('Start');
    });

    test('tells that the connection was lost, and that there is none', async () => {
      await open();
      await page.click('#publishBtn');
      await seen(status, 'Publishing and recording');
      signalling.cut();
      await seen(status, 'Failed');
      expect(await page.textContent('.card .message')).toContain('connection to the server was lost');
      await page.fill('#url', 'ws://127.0.0.1:1');
      await page.click('#publishBtn');
      await seen(() => page.textContent('#info'), 'No connection to ws://127.0.0.1:1');
    });

    test('tells that the camera was refused', async () => {
      await open();
      await page.evaluate(
        "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError')); 0",
      );
      await page.click('#publishBtn');
      await seen(() => page.textContent('#info'), 'Allow both for this page');
      expect(signalling.published).toEqual([]);
    });

    test('says on plain http of another host that there can be no camera', async () => {
      await page.goto(`http://${OTHER_HOST}:${rest.port}/demo`);
      await seen(() => page.textContent('#info'), `came by http from ${OTHER_HOST}`);
      expect(await page.isDisabled('#publishBtn')).toBe(true);
    });

    test('asks for what is missing', async () => {
      await open();
      await page.fill('#streamName', '  ');
      await page.fill('#countStreams', '99');
      await page.click('#publishBtn');
      expect(await page.textContent('#info')).toBe('Please check: Stream name, Streams.');
      expect(await page.getAttribute('#streamName', 'aria-invalid')).toBe('true');
      expect(signalling.published).toEqual([]);
    });

    test.each([320, 1200])('fits a window of %i pixels', async (width) => {
      await page.setViewportSize({ width, height: 800 });
      await open();
      await page.fill('#countStreams', '3');
      await page.click('#publishBtn');
      await seen(() => signalling.published.length, 3);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    });
  });

  test.each([
    ['stream_recording', 'recording.html'],
    ['several_streams_recording', 'several_streams_recording.html'],
  ])('the vendor’s %s, dropped into client2, loads without a complaint', async (folder, file) => {
    const demo = join(home, 'client2/examples/demo');
    await cp(join(SDK_DIR, 'examples/demo/dependencies'), join(demo, 'dependencies'), { recursive: true });
    await cp(join(SDK_DIR, 'examples/demo/streaming', folder), join(demo, 'streaming', folder), {
      recursive: true,
    });
    await page.goto(rest.url(`/client2/examples/demo/streaming/${folder}/${file}`), { waitUntil: 'load' });
    // Its own script has run: it always takes port 8080.
    await seen(() => page.inputValue('#url'), 'ws://127.0.0.1:8080');
    expect(await page.textContent('#publishBtn')).toBe('Start');
    expect(await page.evaluate('typeof Flashphoner')).toBe('object');
    expect(problems).toEqual([]);
  });

  test('the vendor’s page works in place of ours in the package as well', async () => {
    const packageDir = join(home, 'package');
    const web = join(packageDir, 'web/client2/examples/demo');
    await cp(join(SDK_DIR, 'examples/demo/dependencies'), join(web, 'dependencies'), { recursive: true });
    await cp(join(PACKAGE_DIR, 'web'), join(packageDir, 'web'), { recursive: true });
    await cp(join(SDK_DIR, FOLDER), join(packageDir, 'web/client2', FOLDER), { recursive: true });
    await copyFile(join(SDK_DIR, 'flashphoner.js'), join(packageDir, 'web/client2/flashphoner.js'));
    await rest.close();
    rest = await new Rest().start({ home, packageDir });
    await page.goto(rest.url('/demo'), { waitUntil: 'load' });
    await seen(() => page.inputValue('#url'), 'ws://127.0.0.1:8080');
    expect(problems).toEqual([]);
  });
});
