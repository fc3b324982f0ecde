import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** A name for 127.0.0.1 that browsers do not trust with a camera. */
export const OTHER_HOST = 'camera.example';

/** Tests in a browser are skipped where there is none; CI must run them. */
export const hasBrowser = existsSync(CHROMIUM);
if (!hasBrowser && process.env['CI'] === 'true') throw new Error(`CI must run every test: no ${CHROMIUM}`);

/** Debian's Chromium with a camera that shows a test picture. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      `--host-resolver-rules=MAP ${OTHER_HOST} 127.0.0.1`,
    ],
  });
}

/** Everything that a page complains about: console errors, uncaught exceptions, failed requests. */
export function complaints(page: Page): string[] {
  const found: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') found.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => void found.push(`exception: ${error.message}`));
  page.on('response', (response) => {
    if (response.status() >= 400) found.push(`${response.status()}: ${response.url()}`);
  });
  return found;
}
