import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { TestServer } from '../support/server.ts';
import { TestBrowser } from '../support/webrtc/browser.ts';
import type { PublisherPage } from '../support/webrtc/publisherPage.ts';
import { expectWhole, recordUrl, stopAndFind, wsUrl } from '../support/webrtc/recordings.ts';

const { chromium } = inject('peers');
const run = promisify(execFile);
const FPS = 25;

/** H.264 of 4:2:0 has even sizes only (7.4.2.1.1), though the browser tells the size it was asked for. */
const evenSize = (width: number, height: number): string => `${width & ~1},${height & ~1}`;

/** Sizes of the pictures of a file, one after the other. */
async function sizesIn(file: string): Promise<string[]> {
  const args = [
    '-v',
    'error',
    '-select_streams',
    'v',
    '-show_entries',
    'frame=width,height',
    '-of',
    'csv=p=0',
    file,
  ];
  const { stdout } = await run('ffprobe', args, { maxBuffer: 1 << 26 });
  const lines = stdout.split('\n').filter((line) => line !== '');
  const sizes = lines.map((line) => evenSize(...(line.split(',').map(Number) as [number, number])));
  return sizes.filter((size, n) => size !== sizes[n - 1]);
}

describe.skipIf(chromium === null)('the size of the picture changes', () => {
  let browser: TestBrowser;
  let server: TestServer;
  let page: PublisherPage;

  beforeAll(async () => {
    browser = await TestBrowser.launch(chromium!);
    server = await TestServer.start();
  });

  afterAll(async () => {
    await browser.close();
    await server.close();
  });

  beforeEach(async () => {
    page = await browser.open();
    await page.connect(wsUrl(server));
  });

  afterEach(async () => page.close());

  test.each(['vp8', 'h264'] as const)(
    '%s: down and up again, whole and in step in one file',
    async (codec) => {
      await page.publish({ name: 'sizes', record: true }, { codec });
      const sizes: string[] = [];
      for (const scaleResolutionDownBy of [1, 2, 4, 1]) {
        await page.encode('sizes', { scaleResolutionDownBy });
        const { framesSent } = (await page.counters('sizes')).video;
        await page.untilSent('sizes', framesSent + 2 * FPS);
        const { frameWidth, frameHeight } = (await page.counters('sizes')).video;
        sizes.push(evenSize(frameWidth, frameHeight));
      }
      const recorded = await stopAndFind(server, page, 'sizes');
      await expectWhole(recorded);
      // On a busy machine the browser scales down further by itself, at times of its own.
      const [full, half, quarter, again] = sizes.map((size) => parseInt(size));
      expect(half).toBeLessThan(full!);
      expect(quarter).toBeLessThan(half!);
      expect(again).toBeGreaterThan(quarter!);
      let seen = 0;
      for (const size of await sizesIn(recorded.file)) if (size === sizes[seen]) seen++;
      expect(seen, `${sizes.join(' ')} one after the other`).toBe(sizes.length);
      const played = await page.play(recordUrl(server, recorded.event.recordName!), [5, 3, 1]);
      expect(played.stops.map(Math.floor)).toEqual([5, 3, 1]);
    },
  );
});
