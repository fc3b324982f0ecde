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
  const sizes = stdout.split('\n').map((line) => line.replace(/,$/, ''));
  return sizes.filter((size, n) => size !== '' && size !== sizes[n - 1]);
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
      let sent = 2 * FPS;
      await page.untilSent('sizes', sent);
      for (const scaleResolutionDownBy of [2, 4, 1]) {
        await page.encode('sizes', { scaleResolutionDownBy });
        sent = (await page.counters('sizes')).video.framesSent + 2 * FPS;
        await page.untilSent('sizes', sent);
      }
      const recorded = await stopAndFind(server, page, 'sizes');
      await expectWhole(recorded);
      expect(await sizesIn(recorded.file)).toEqual(['640,360', '320,180', '160,90', '640,360']);
      const played = await page.play(recordUrl(server, recorded.event.recordName!), [5, 3, 1]);
      expect(played.stops.map(Math.floor)).toEqual([5, 3, 1]);
    },
  );
});
