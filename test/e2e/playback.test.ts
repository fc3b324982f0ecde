import { readFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { publishFile } from '../support/publishers.ts';
import { TestServer } from '../support/server.ts';
import { TestBrowser } from '../support/webrtc/browser.ts';

const { hdFlv } = inject('media');
const { chromium } = inject('peers');
const MINUTE = { seconds: 60, loop: 14 };
const STOPS = [0, 30, 50, 10];
/** Browsers ask for whole blocks of this size. */
const BLOCK_BYTES = 32 * 1024;

/** Stands between browser and server, and sees from which byte on each request asks. */
class Witness {
  readonly starts: number[] = [];
  readonly #server: Server;

  private constructor(port: number) {
    this.#server = createServer((request, response) => {
      const [, start] = /^bytes=(\d+)-/.exec(request.headers.range ?? '') ?? [];
      this.starts.push(Number(start ?? 0));
      const { url, headers } = request;
      const asked = get({ host: '127.0.0.1', port, path: url, headers }, (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      });
      asked.on('error', () => response.destroy());
      response.on('close', () => asked.destroy());
    });
  }

  static async before(port: number): Promise<Witness> {
    const witness = new Witness(port);
    await new Promise<void>((resolve) => witness.#server.listen(0, '127.0.0.1', resolve));
    return witness;
  }

  url(path: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Where the index of a plain MP4 begins, bytes from the start of the file. */
function indexOf(file: string): number {
  const bytes = readFileSync(file);
  for (let at = 0; at < bytes.length;) {
    const small = bytes.readUInt32BE(at);
    const size = small === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : small;
    if (bytes.toString('latin1', at + 4, at + 8) === 'moov') return at;
    at += size;
  }
  throw new Error(`${file} has no index`);
}

describe.skipIf(chromium === null)('a finished recording in Chromium', () => {
  let browser: TestBrowser;
  let server: TestServer;
  let witness: Witness;

  beforeAll(async () => {
    browser = await TestBrowser.launch(chromium!);
  });

  afterEach(async () => {
    await witness.close();
    await server.close();
  });

  afterAll(async () => browser.close());

  test('a minute of MP4 begins to play and seeks, forward and back, with at most two requests of its end', async () => {
    server = await TestServer.start({
      ...{ record_flash_published_streams: true, stream_record_policy: 'streamName' },
    });
    const { loop, seconds } = MINUTE;
    await publishFile(hdFlv, server.rtmpUrl('cam'), { fast: true, loop }).ended;
    await server.recordsFinished(1);
    const index = indexOf(join(server.recordsDir, 'cam.mp4'));
    // Enough that a browser does not simply read on to the end.
    expect(index).toBeGreaterThan(10_000_000);
    witness = await Witness.before(server.port('http'));
    const page = await browser.open({ sdk: null });
    const played = await page.play(witness.url('/client/records/cam.mp4'), STOPS);
    await page.close();
    expect(played).toMatchObject({ videoWidth: 1280, videoHeight: 720 });
    expect(played.duration).toBeCloseTo(seconds, 0);
    for (const [i, stop] of STOPS.entries()) {
      expect(played.stops[i]).toBeGreaterThan(stop);
      // A busy machine may let it play on for a while.
      expect(played.stops[i]).toBeLessThan(stop + 5);
    }
    expect(witness.starts[0]).toBe(0);
    const ofTheEnd = witness.starts.filter((start) => start >= index - BLOCK_BYTES);
    expect(ofTheEnd.length).toBeGreaterThan(0);
    expect(ofTheEnd.length).toBeLessThanOrEqual(2);
  });
});
