import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { complaints, hasBrowser, launchBrowser } from './browser.ts';
import { Rest } from './support.ts';

let browser: Browser;
let rest: Rest;
let page: Page;
let problems: string[];

describe.skipIf(!hasBrowser)('the page of the REST interface in a browser', { timeout: 60_000 }, () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    rest = await new Rest().start();
    page = await browser.newPage();
    problems = complaints(page);
    await page.goto(rest.url('/api'));
    await page.waitForSelector('#postStreamFind');
  });
  afterEach(async () => {
    await page.close();
    await rest.close();
  });

  test('lists what the server has, finds a path, and follows a link to an answer', async () => {
    expect(await page.textContent('#title')).toBe('recorderd 1.2.3');
    const all = await page.locator('.operation:visible').count();
    expect(all).toBeGreaterThan(30);
    await page.fill('#search', 'snapshot');
    expect(await page.locator('.operation:visible').count()).toBe(1);
    await page.click('#postStreamSnapshot > summary');
    expect(await page.innerText('#postStreamSnapshot')).toContain('streamName');
    await page.click('#postStreamSnapshot a');
    await page.locator('#schema-Snapshot[open]').waitFor();
    expect(problems).toEqual([]);
  });

  test('sends a request and shows the answer', async () => {
    rest.publish('cam <b>1</b>');
    await page.click('#postStreamFind > summary');
    await page.fill('#body-postStreamFind', '{"published":true}');
    await page.click('#postStreamFind button');
    const answer = page.locator('#postStreamFind pre', { hasText: /^200/ });
    await answer.waitFor();
    expect(await answer.innerText()).toContain('"name": "cam <b>1</b>"');
    expect(problems).toEqual([]);
  });
});
