import { readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { PublisherPage } from './publisherPage.ts';
import type { PageOptions } from './publisherPage.ts';

const FOLDERS = {
  page: join(import.meta.dirname, 'page'),
  sdk: resolve('node_modules/@flashphoner/websdk'),
} as const;
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
};
const FLAGS = [
  '--no-sandbox',
  '--headless=new',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-fake-device-for-media-stream=device-count=2',
  '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
  // Pages in the background keep their clocks.
  '--disable-background-timer-throttling',
  '--disable-renderer-backgrounding',
  '--disable-backgrounding-occluded-windows',
];

/** One headless Chromium and the server its pages come from; localhost is a secure context. */
export class TestBrowser {
  readonly #browser: Browser;
  readonly #pages: Server;

  private constructor(browser: Browser, pages: Server) {
    this.#browser = browser;
    this.#pages = pages;
  }

  static async launch(executablePath: string): Promise<TestBrowser> {
    const pages = createServer((request, response) => {
      serve(request.url ?? '/').then(
        ({ body, type }) => response.writeHead(200, { 'content-type': type }).end(body),
        () => response.writeHead(404).end(),
      );
    });
    await new Promise<void>((done) => pages.listen(0, '127.0.0.1', done));
    const browser = await chromium.launch({ executablePath, args: FLAGS });
    return new TestBrowser(browser, pages);
  }

  /** A page of its own browser context with the SDK loaded. */
  async open(options: PageOptions = {}): Promise<PublisherPage> {
    const context = await this.#browser.newContext({ permissions: ['camera', 'microphone'] });
    const { port } = this.#pages.address() as AddressInfo;
    return PublisherPage.open(await context.newPage(), `http://localhost:${port}/page/publish.html`, options);
  }

  /** A page of the server's own, in a browser context of its own. */
  async visit(url: string): Promise<Page> {
    const page = await (await this.#browser.newContext()).newPage();
    await page.goto(url);
    return page;
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await new Promise((done) => {
      this.#pages.close(done);
      this.#pages.closeAllConnections();
    });
  }
}

async function serve(url: string): Promise<{ body: Buffer; type: string }> {
  const [, folder, name] = /^\/(page|sdk)\/([\w.-]+)$/.exec(url) ?? [];
  if (folder === undefined || name === undefined) throw new Error('no such page');
  const body = await readFile(join(FOLDERS[folder as keyof typeof FOLDERS], name));
  return { body, type: TYPES[extname(name)] ?? 'application/octet-stream' };
}
