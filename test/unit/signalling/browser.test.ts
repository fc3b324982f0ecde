import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { RecorderdError } from '../../../src/domain/errors.ts';
import { eventually } from '../../support/eventually.ts';
import { Door } from './support.ts';

/** The SDK's calls and what became of them; run in the page, where the bundle defines `Flashphoner`. */
interface Sdk {
  readonly statuses: string[];
  readonly closed: string[];
}

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const BUNDLE = join(
  import.meta.dirname,
  '../../../node_modules/@flashphoner/websdk/flashphoner-webrtc-only.js',
);

/** Helpers of the page around the unmodified SDK. */
const PAGE = `<!doctype html><meta charset="utf-8"><div id="video"></div><script src="/sdk.js"></script><script>
  const { SESSION_STATUS, STREAM_STATUS, STREAM_EVENT } = Flashphoner.constants;
  const sdk = (window.sdk = { statuses: [], closed: [] });
  Flashphoner.init({});
  window.openSession = (urlServer, options = {}) =>
    new Promise((resolve, reject) => {
      Flashphoner.createSession({ urlServer, ...options })
        .on(SESSION_STATUS.ESTABLISHED, (session, config) => {
          window.session = session;
          resolve(config);
        })
        .on(SESSION_STATUS.DISCONNECTED, () => (sdk.closed.push('DISCONNECTED'), reject('DISCONNECTED')))
        .on(SESSION_STATUS.FAILED, () => (sdk.closed.push('FAILED'), reject('FAILED')));
    });
  window.makeStream = (name, options = {}) => {
    const stream = session.createStream({ name, display: document.getElementById('video'), ...options });
    for (const status of Object.values(STREAM_STATUS)) stream.on(status, () => sdk.statuses.push(status));
    return (window.stream = stream);
  };
</script>`;

describe.skipIf(!existsSync(CHROMIUM))('the unmodified SDK in Chromium', () => {
  let browser: Browser;
  let web: Server;
  let page: Page;
  let door: Door;

  beforeAll(async () => {
    const bundle = readFileSync(BUNDLE);
    web = createServer((request, response) => {
      const isSdk = request.url === '/sdk.js';
      response.setHeader('Content-Type', isSdk ? 'text/javascript' : 'text/html');
      response.end(isSdk ? bundle : PAGE);
    });
    await new Promise<void>((listening) => web.listen(0, '127.0.0.1', listening));
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
    });
  }, 60_000);

  afterAll(async () => {
    await browser.close();
    web.close();
  });

  beforeEach(async () => {
    door = await new Door({ keepAlive: { algorithm: 'HIGH_LEVEL', intervalMs: 200, probes: 5 } }).start();
    // The answer of a receiver that nobody can reach: the SDK's own offer, turned round.
    door.ingest.answerTo = ({ sdp }) =>
      sdp.replaceAll('a=sendonly', 'a=recvonly').replaceAll('a=setup:actpass', 'a=setup:passive');
    page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(web.address() as AddressInfo).port}/`);
  });

  afterEach(async () => {
    await page.close();
    await door.close();
  });

  const open = () => page.evaluate(`openSession('ws://127.0.0.1:${door.port}/1a2b3c4d')`);
  const sdk = () => page.evaluate<Sdk>('sdk');
  const reached = (status: string) =>
    eventually(async () => ((await sdk()).statuses.includes(status) ? true : undefined), status);
  /** `undefined` cannot cross over, so it comes as null. */
  const inPage = (expression: string) =>
    page.evaluate(`Promise.resolve(${expression}).then((x) => x ?? null)`);

  test('connects, answers pings, and hands the session to the page', async () => {
    const config = await open();
    const [connection] = door.connections.all();
    expect(config).toMatchObject({
      status: 'ESTABLISHED',
      authToken: connection?.sessionId,
      keepAlive: false,
    });
    expect(connection).toMatchObject({
      appKey: 'defaultApp',
      clientVersion: '2.0',
      mediaProviders: ['WebRTC'],
    });
    expect(await inPage('session.status()')).toBe('ESTABLISHED');
    // Longer than all the probes together: an SDK that did not answer would be gone.
    const listedAt = connection!.createdAt;
    await eventually(() => Date.now() - listedAt > 1_500 || undefined, 'time passed');
    expect(door.connections.all()).toHaveLength(1);
    await page.evaluate('session.disconnect()');
    await eventually(() => door.connections.all().length === 0 || undefined, 'unlisted');
    expect((await sdk()).closed).toEqual(['DISCONNECTED']);
  });

  test('publishes, reaches PUBLISHING once, stops and knows the name of its record', async () => {
    await open();
    await page.evaluate("makeStream('camera', { record: true }).publish()");
    await reached('PENDING');
    const [taken] = door.ingest.taken;
    expect(taken?.offer).toMatchObject({ name: 'camera', record: true, transport: 'UDP' });
    expect(taken?.offer.sdp).toMatch(/^v=0\r\n[^]*a=sendonly/);
    expect(await inPage('stream.id()')).toBe(taken?.offer.mediaSessionId);
    door.ingest.flow();
    await reached('PUBLISHING');
    await page.evaluate('stream.muteAudio()');
    await eventually(() => taken?.stream.muted.audio || undefined, 'mute seen');
    door.recordings.finals.set(taken!.offer.mediaSessionId, Promise.resolve('stream-camera.mp4'));
    await page.evaluate('stream.stop()');
    await reached('UNPUBLISHED');
    expect((await sdk()).statuses).toEqual(['PENDING', 'PUBLISHING', 'UNPUBLISHED']);
    expect(await inPage('stream.getRecordInfo()')).toBe('stream-camera.mp4');
    expect(await inPage('stream.getInfo()')).toBe('Stopped by user');
    expect(await inPage('session.status()')).toBe('ESTABLISHED');
  });

  test('is told why a publication is refused', async () => {
    await open();
    door.ingest.failure = new RecorderdError('NO_COMMON_CODECS', 'inside');
    await page.evaluate("makeStream('camera').publish()");
    await reached('FAILED');
    expect((await sdk()).statuses).toEqual(['FAILED']);
    expect(await inPage('stream.getInfo()')).toBe('No common codecs');
  });

  test('is told of a stop by REST, and of a lost stream with its record', async () => {
    await open();
    await page.evaluate("makeStream('camera', { record: true }).publish()");
    await reached('PENDING');
    const [taken] = door.ingest.taken;
    door.ingest.flow();
    await reached('PUBLISHING');
    door.recordings.finals.set(taken!.offer.mediaSessionId, Promise.resolve('x.webm'));
    door.streams.byName('camera')!.init.publisher.terminate('Stopped by rest /terminate');
    await reached('UNPUBLISHED');
    expect(await inPage('stream.getInfo()')).toBe('Stopped by rest /terminate');
    expect(await inPage('stream.getRecordInfo()')).toBe('x.webm');
  });

  test('settles sendData both ways', async () => {
    await open();
    expect(await inPage("session.sendData({ any: 'thing' })")).toMatchObject({ status: 'ACCEPTED' });
    const refused = "session.sendData({ command: 'join', options: {} }).catch((error) => error)";
    expect(await inPage(refused)).toMatchObject({ status: 'FAILED', info: 'Room API is not supported' });
  });

  test('settles available both ways', async () => {
    await open();
    const ask = "makeStream('camera').available().then(() => 'yes', (stream) => stream.getInfo())";
    expect(await inPage(ask)).toBe('Stream not found');
    const publisher = await door.connect();
    publisher.publish('a', { name: 'camera' });
    await publisher.status('a', 'PENDING');
    door.ingest.flow();
    expect(await inPage(ask)).toBe('yes');
  });

  test('is given snapshots by a stream object that was never published', async () => {
    await open();
    const ask = `new Promise((resolve) => {
      makeStream('camera').on(STREAM_EVENT, (event) => resolve(event)).snapshot();
    })`;
    expect(await inPage(ask)).toMatchObject({
      type: 'snapshotFailed',
      payload: { info: 'Stream not found' },
    });
    const publisher = await door.connect();
    publisher.publish('a', { name: 'camera' });
    await publisher.status('a', 'PENDING');
    door.snapshots.result = Buffer.from('PNG');
    const snapshot = Buffer.from('PNG').toString('base64');
    expect(await inPage(ask)).toMatchObject({ type: 'snapshotCompleted', payload: { snapshot } });
  });

  test('fails to play', async () => {
    await open();
    await page.evaluate("makeStream('nobody').play()");
    await reached('FAILED');
    expect(await inPage('stream.getInfo()')).toBe('Stream not found');
  });

  test('sees the server go: its stream FAILED with the record, its session DISCONNECTED', async () => {
    await open();
    await page.evaluate("makeStream('camera', { record: true }).publish()");
    await reached('PENDING');
    const [taken] = door.ingest.taken;
    door.ingest.flow();
    await reached('PUBLISHING');
    door.recordings.finals.set(taken!.offer.mediaSessionId, Promise.resolve('last.mp4'));
    await door.server.close(2_000);
    await reached('FAILED');
    expect(await inPage('stream.getRecordInfo()')).toBe('last.mp4');
    expect(await inPage('stream.getInfo()')).toBe('Requested stream shutdown');
    await eventually(async () => (await sdk()).closed[0], 'session closed');
    expect((await sdk()).closed).toEqual(['DISCONNECTED']);
  });
});
