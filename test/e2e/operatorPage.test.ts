import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { publishFile } from '../support/publishers.ts';
import type { PublisherProcess } from '../support/publishers.ts';
import { TestServer } from '../support/server.ts';
import { TestBrowser } from '../support/webrtc/browser.ts';
import { wsUrl } from '../support/webrtc/recordings.ts';

const { bframesFlv, hdFlv } = inject('media');
const { chromium } = inject('peers');
const NAMED = { stream_record_policy: 'streamName', on_record_hook_script: '' };
const RECORD_ALL = { ...NAMED, record_flash_published_streams: true };
/** Everything in the header of the page, the search and a row can be reached by so many steps. */
const MAX_TABS = 40;

/** What a page must not do: break its policy, or throw. Refusals of REST are no fault of it. */
function faultsOf(page: Page): string[] {
  const faults: string[] = [];
  page.on('pageerror', (error) => void faults.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      faults.push(message.text());
  });
  return faults;
}

/** Goes on by Tab until the element with this label has the focus. */
async function tabTo(page: Page, label: string): Promise<void> {
  const focused = 'document.activeElement.ariaLabel ?? document.activeElement.textContent';
  for (let i = 0; i < MAX_TABS; i++) {
    await page.keyboard.press('Tab');
    if (String(await page.evaluate(focused)).startsWith(label)) return;
  }
  throw new Error(`${label} is not reached by Tab`);
}

const video = <T>(page: Page, expression: string): Promise<T> =>
  page.evaluate<T>(`(() => { const video = document.getElementById('video'); return ${expression}; })()`);

/** Waits until the player has come so far, seconds. */
const played = (page: Page, seconds: number): Promise<boolean> =>
  eventually(
    async () => (await video<number>(page, 'video.currentTime')) >= seconds || undefined,
    `played ${seconds} s`,
  );

describe.skipIf(chromium === null)('the operator page in Chromium', () => {
  let browser: TestBrowser;
  let server: TestServer;
  let page: Page;
  let faults: string[];
  let publisher: PublisherProcess | undefined;

  beforeAll(async () => {
    browser = await TestBrowser.launch(chromium!);
  });
  afterEach(async () => {
    publisher?.kill('SIGKILL');
    publisher = undefined;
    await page.context().close();
    await server.close();
  });
  afterAll(async () => browser.close());

  async function open(settings: Parameters<typeof TestServer.start>[0], home?: string): Promise<void> {
    server = await TestServer.start(settings, home);
    page = await browser.visit(`http://127.0.0.1:${server.port('http')}/`);
    faults = faultsOf(page);
    await page.reload();
  }

  const button = (name: string | RegExp): Locator => page.getByRole('button', { name });
  const row = (name: string): Locator => page.locator('#recordings > li', { hasText: name });
  const stream = (name: string): Locator => page.locator('#streams > li', { hasText: name });
  const shows = (place: Locator, text: string | RegExp): Promise<void> =>
    place.filter({ hasText: text }).first().waitFor();

  test('live streams appear; one is recorded, stopped, found, played and sought', async () => {
    await open(NAMED);
    await page.locator('#no-recordings:visible').waitFor();
    publisher = publishFile(bframesFlv, server.rtmpUrl('cam'), { loop: 20 });
    const sdk = await browser.open({ source: { width: 320, height: 180, detail: 0 } });
    await sdk.connect(wsUrl(server));
    await sdk.publish({ name: 'sdk' }, { codec: 'vp8' });
    await shows(stream('cam'), /RTMP · H264 \+ AAC · 640 × 360/);
    await shows(stream('sdk'), /WebRTC · VP8 \+ opus · \d+ × \d+/);
    await shows(stream('sdk'), /Loss0\.00 %/);
    await shows(stream('cam'), /bit\/s.*Not recorded/s);
    await button('Record cam').click();
    await shows(page.locator('#notices'), 'cam is being recorded.');
    await shows(stream('cam'), /0:(?!0[0-2])\d\d · \d+(\.\d)? [kM]B.*written/s);
    await button('Stop recording cam').click();
    await shows(page.locator('#notices'), 'The recording of cam is finished.');
    await shows(row('cam'), 'H264 + AAC');
    await sdk.close();
    await row('cam').locator('img:visible').waitFor();
    await button(/^Play cam/).click();
    await played(page, 0.5);
    expect(await video(page, '[video.videoWidth, video.duration > 2.5]')).toEqual([640, true]);
    await video(page, 'void (video.currentTime = 0.1)');
    await eventually(
      async () => (await video<number>(page, 'video.currentTime')) < 1 || undefined,
      'sought back',
    );
    await played(page, 1);
    await video(page, 'void (video.currentTime = 2.4)');
    await played(page, 2.5);
    await page.keyboard.press('Escape');
    expect(await page.locator('dialog:visible').count()).toBe(0);
    expect(faults).toEqual([]);
  });

  test('all of it by keyboard alone, without losing the focus', async () => {
    await open(NAMED);
    publisher = publishFile(bframesFlv, server.rtmpUrl('cam'), { loop: 20 });
    await stream('cam').waitFor();
    await tabTo(page, 'Record cam');
    await page.keyboard.press('Enter');
    await shows(stream('cam'), /0:(?!0[01])\d\d · \d/);
    // It has the focus still, though it is another button by now.
    expect(await page.evaluate('document.activeElement.ariaLabel')).toBe('Stop recording cam');
    await page.keyboard.press('Space');
    await row('cam').waitFor();
    await tabTo(page, 'Play cam');
    await page.keyboard.press('Enter');
    await played(page, 0.2);
    for (let i = 0; (await page.evaluate('document.activeElement.id')) !== 'video'; i++) {
      expect(i).toBeLessThan(MAX_TABS);
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Space');
    await eventually(async () => (await video<boolean>(page, 'video.paused')) || undefined, 'paused');
    await page.keyboard.press('Home');
    await eventually(
      async () => (await video<number>(page, 'video.currentTime')) === 0 || undefined,
      'sought',
    );
    await page.keyboard.press('Escape');
    expect(await page.evaluate('document.activeElement.ariaLabel')).toMatch(/^Play cam/);
    await tabTo(page, 'Delete cam');
    await page.keyboard.press('Space');
    await tabTo(page, 'Delete');
    await page.keyboard.press('Enter');
    await row('cam').waitFor({ state: 'detached' });
    expect(server.records()).toEqual([]);
    expect(faults).toEqual([]);
  });

  test('hostile names do nothing; a hook that failed is run again; what it owes is not deleted at once', async () => {
    const evil = '<img src=x onerror=hacked=1>';
    const home = mkdtempSync(join(tmpdir(), 'recorderd-test-'));
    mkdirSync(join(home, 'scripts'));
    const script = `#!/bin/bash\necho '${evil}'\n[ -e ${home}/go ]\n`;
    writeFileSync(join(home, 'scripts/on_record_hook.sh'), script, { mode: 0o755 });
    await open({ ...NAMED, on_record_hook_script: 'on_record_hook.sh' }, home);
    const sdk = await browser.open({ source: { width: 320, height: 180, detail: 0 } });
    await sdk.connect(wsUrl(server));
    await sdk.publish({ name: evil, record: true }, { codec: 'vp8' });
    await shows(stream(evil), /0:(?!0[01])\d\d · /);
    await sdk.stop(evil);
    await sdk.close();
    await shows(row(evil), 'hook failed');
    await button(`Details of ${evil}`).click();
    await shows(page.locator('#details pre'), evil);
    await shows(page.locator('#details'), 'Everything that was received is in the file.');
    await page.keyboard.press('Escape');
    await button(`Delete ${evil}`).click();
    await page.locator('#confirm-go').click();
    await button('Delete anyway').waitFor();
    await button('Cancel').click();
    writeFileSync(join(home, 'go'), '');
    await button(`Run hook again for ${evil}`).click();
    await shows(row(evil), 'hook done');
    expect(existsSync(join(server.recordsDir, server.records()[0]!))).toBe(true);
    await button(`Delete ${evil}`).click();
    await page.locator('#confirm-go').click();
    await row(evil).waitFor({ state: 'detached' });
    expect(server.records()).toEqual([]);
    expect(await page.evaluate('globalThis.hacked')).toBeUndefined();
    expect(faults).toEqual([]);
  });

  test('several parts play one after another; a search finds; a lost connection is shown and comes back', async () => {
    await open({ ...RECORD_ALL, record_rotation: 4 });
    await publishFile(bframesFlv, server.rtmpUrl('court'), { fast: true }).ended;
    const radio = { fast: true, extra: ['-vn'] };
    await publishFile(hdFlv, server.rtmpUrl('radio'), radio).ended;
    await shows(row('court'), '3 parts');
    await row('radio').locator('img:visible').waitFor();
    await page.getByLabel('Stream name').fill('cou');
    await row('radio').waitFor({ state: 'detached' });
    expect(await page.locator('#range').textContent()).toBe('1 – 1 of 1');
    await page.getByLabel('From').fill('2001-01-01T00:00');
    await page.getByLabel('To', { exact: true }).fill('2001-01-02T00:00');
    await shows(page.locator('#no-recordings'), 'No recording fits this search.');
    await page.getByLabel('To', { exact: true }).fill('');
    await row('court').waitFor();
    await button(/^Play court/).click();
    await played(page, 0.1);
    await video(page, 'void (video.currentTime = video.duration - 0.3)');
    const part = "document.getElementById('part').selectedIndex";
    await eventually(async () => (await page.evaluate(part)) === 1 || undefined, 'the second part');
    await played(page, 0.1);
    await page.keyboard.press('Escape');
    const { home } = server;
    const port = server.port('http');
    server.signal('SIGTERM');
    await server.exited();
    await shows(page.locator('#connection'), 'Connection lost');
    server = await TestServer.start({ ...RECORD_ALL, 'http.port': port }, home);
    await shows(page.locator('#connection'), 'Live');
    await page.getByLabel('Stream name').fill('');
    await row('radio').waitFor();
    expect(faults).toEqual([]);
  });
});
