import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { decodeErrors, probe } from '../support/packets.ts';
import { TestServer } from '../support/server.ts';
import { TestBrowser } from '../support/webrtc/browser.ts';
import type { PublisherPage } from '../support/webrtc/publisherPage.ts';
import {
  expectClean,
  expectFramesSent,
  expectInStep,
  expectWhole,
  findStream,
  framesIn,
  recordUrl,
  recordedFor,
  sentBitsPerSecond,
  stopAndFind,
  wsUrl,
} from '../support/webrtc/recordings.ts';

const { chromium } = inject('peers');
const FPS = 25;
const seconds = (n: number): number => n * FPS;

describe.skipIf(chromium === null)('the official Web SDK in Chromium', () => {
  let browser: TestBrowser;
  let server: TestServer;
  let page: PublisherPage;

  beforeAll(async () => {
    browser = await TestBrowser.launch(chromium!);
  });

  afterAll(async () => browser.close());

  beforeEach(async () => {
    server = await TestServer.start();
    page = await browser.open();
    await page.connect(wsUrl(server));
  });

  afterEach(async () => {
    await page.close();
    await server.close();
  });

  describe('records what it publishes', () => {
    test.each([
      ['vp8', 'webm', ['vorbis', 'vp8']],
      ['h264', 'mp4', ['aac', 'h264']],
    ] as const)(
      '%s and Opus as %s: whole, in step, and it plays and seeks in the page',
      async (codec, type, codecs) => {
        await page.publish({ name: 'cam', record: true }, { codec });
        await page.untilSent('cam', seconds(5));
        const recorded = await stopAndFind(server, page, 'cam');
        const { recordName, mediaSessionId } = recorded.event;
        expect(recordName).toMatch(new RegExp(`^stream-${mediaSessionId}-.*\\.${type}$`));
        expect((await probe(recorded.file)).streams.map((stream) => stream.codec_name).sort()).toEqual(
          codecs,
        );
        await expectWhole(recorded);
        const { duration, stops, ...size } = await page.play(recordUrl(server, recordName!), [3, 1]);
        expect(size).toEqual({ videoWidth: 640, videoHeight: 360 });
        expect(duration).toBeGreaterThan(4.5);
        expect(duration).toBeLessThan(8);
        expect(stops.map(Math.floor)).toEqual([3, 1]);
        expect(page.errors).toEqual([]);
      },
    );

    test('two recordings one after the other in one session are two whole files', async () => {
      const names = new Set<string>();
      for (let n = 0; n < 2; n += 1) {
        await page.publish({ name: 'again', record: true }, { codec: 'h264' });
        await page.untilSent('again', seconds(3));
        const recorded = await stopAndFind(server, page, 'again');
        names.add(recorded.event.recordName!);
        await expectWhole(recorded);
      }
      expect(server.records().length).toBe(2);
      expect(names.size).toBe(2);
    });

    test('what was sent until the very stop is in the file', async () => {
      await page.publish({ name: 'tail', record: true }, { codec: 'h264' });
      await page.untilSent('tail', seconds(3));
      const sent = await page.counters('tail');
      const event = await page.stop('tail');
      const file = join(server.recordsDir, event.recordName!);
      await expectClean(file);
      await expectFramesSent({ server, file, event, sent: sent.video });
    });

    test('the whole bundle with the browser’s own devices, whose camera and microphone are switched', async () => {
      const plain = await browser.open({ sdk: 'flashphoner.js', source: null });
      await plain.connect(`${wsUrl(server)}/1a2b3c4d`);
      await plain.publish({ name: 'plain', record: true, constraints: { audio: true, video: true } });
      await plain.untilSent('plain', 30);
      expect(await plain.sdk('plain', 'switchCam')).toBeTypeOf('string');
      expect(await plain.sdk('plain', 'switchMic')).toBeTypeOf('string');
      await plain.untilSent('plain', 90);
      const sent = await plain.counters('plain');
      const event = await plain.stop('plain');
      expect(event.status).toBe('UNPUBLISHED');
      const file = join(server.recordsDir, event.recordName!);
      await expectClean(file);
      await expectFramesSent({ server, file, event, sent: sent.video });
      expect(plain.errors).toEqual([]);
      await plain.close();
    });
  });

  test('five streams of one session at once are five whole files', async () => {
    const many = await browser.open({ source: { width: 320, height: 180, detail: 0 } });
    await many.connect(wsUrl(server));
    const names = ['one', 'two', 'three', 'four', 'five'];
    for (const name of names) {
      const codec = names.indexOf(name) % 2 === 0 ? 'vp8' : 'h264';
      expect(await many.publish({ name, record: true }, { codec })).toMatchObject({ status: 'PUBLISHING' });
    }
    await many.untilSent('five', seconds(3));
    const sent = new Map([
      ...(await Promise.all(names.map(async (name) => [name, await many.freeze(name)] as const))),
    ]);
    const events = await Promise.all(names.map(async (name) => [name, await many.stop(name)] as const));
    for (const [name, event] of events) {
      expect(event.status).toBe('UNPUBLISHED');
      const file = join(server.recordsDir, event.recordName!);
      await expectClean(file);
      await expectFramesSent({ server, file, event, sent: sent.get(name)!.video });
      await expectInStep(file);
    }
    await many.close();
  });

  describe('records only what is asked for', () => {
    test('record:false is not recorded, until REST starts it', async () => {
      const { mediaSessionId } = await page.publish({ name: 'quiet', record: false });
      await page.untilSent('quiet', seconds(1));
      expect((await server.rest('/recorder/find_all')).status).toBe(404);
      expect((await server.rest('/stream/startRecording', { mediaSessionId })).status).toBe(200);
      await recordedFor(server, 'quiet', 2000);
      expect((await server.rest('/stream/stopRecording', { mediaSessionId })).status).toBe(200);
      expect(await page.stop('quiet')).toMatchObject({ status: 'UNPUBLISHED', recordName: null });
      const [name] = server.records();
      expect(server.records().length).toBe(1);
      await expectClean(join(server.recordsDir, name!));
      await expectInStep(join(server.recordsDir, name!), 1);
    });

    test('record_streams=false wins over record:true', async () => {
      const other = await TestServer.start({ record_streams: false });
      await page.connect(wsUrl(other));
      await page.publish({ name: 'never', record: true });
      await page.untilSent('never', seconds(1));
      expect((await other.rest('/recorder/find_all')).status).toBe(404);
      expect(await page.stop('never')).toMatchObject({ status: 'UNPUBLISHED', recordName: null });
      expect(other.records()).toEqual([]);
      await other.close();
    });
  });

  describe('ends that the page did not ask for', () => {
    test('REST terminate reaches the page, with the name of the file', async () => {
      const { mediaSessionId } = await page.publish({ name: 'ended', record: true }, { codec: 'h264' });
      await page.untilSent('ended', seconds(2));
      expect((await server.rest('/stream/terminate', { mediaSessionId })).status).toBe(200);
      const end = await page.until('ended', ['UNPUBLISHED', 'FAILED']);
      expect(end.info).toBe('Stopped by rest /terminate');
      expect(server.records()).toEqual([end.recordName]);
      const file = join(server.recordsDir, end.recordName!);
      await expectClean(file);
      expect(await framesIn(file)).toBeGreaterThan(seconds(1.5));
      expect((await page.play(recordUrl(server, end.recordName!), [1])).stops.length).toBe(1);
    });

    test('a killed tab leaves a whole file', async () => {
      const doomed = await browser.open();
      await doomed.connect(wsUrl(server));
      await doomed.publish({ name: 'doomed', record: true }, { codec: 'h264' });
      await doomed.untilSent('doomed', seconds(2));
      await doomed.crash();
      const [name] = await server.recordsFinished(1);
      await expectClean(join(server.recordsDir, name!));
      expect(await framesIn(join(server.recordsDir, name!))).toBeGreaterThan(seconds(1.5));
      expect(await findStream(server, 'doomed')).toBeUndefined();
      await doomed.close();
    });

    test('a killed server is told as a failure, its unfinished file decodes, and the next one takes the page', async () => {
      await page.publish({ name: 'orphan', record: true }, { codec: 'h264' });
      await page.untilSent('orphan', seconds(3));
      server.signal('SIGKILL');
      expect(await page.until('orphan', ['UNPUBLISHED', 'FAILED'])).toMatchObject({ status: 'FAILED' });
      expect((await page.sessionStatuses()).at(-1)).toMatch(/^(DISCONNECTED|FAILED)$/);
      await server.exited();
      const work = join(server.recordsDir, '.work');
      const [unfinished] = readdirSync(work, { recursive: true, encoding: 'utf8' }).filter((name) =>
        name.endsWith('.mp4'),
      );
      // FFmpeg outlives the server until it has read what it was given.
      await eventually(
        async () =>
          (await framesIn(join(work, unfinished!)).catch(() => 0)) > seconds(1) ? true : undefined,
        'what had been recorded',
      );
      expect(await decodeErrors(join(work, unfinished!))).toBe('');
      server = await TestServer.start({}, server.home);
      await page.connect(wsUrl(server));
      await page.publish({ name: 'orphan', record: true }, { codec: 'h264' });
      await page.untilSent('orphan', seconds(1));
      await expectClean((await stopAndFind(server, page, 'orphan')).file);
    });

    test('a server that shuts down finishes the file and tells the page', async () => {
      const event = await page.publish({ name: 'last', record: true }, { codec: 'h264' });
      await page.untilSent('last', seconds(2));
      const sent = await page.counters('last');
      // Counted as sent is also what still waits in the browser's queue.
      await page.untilSent('last', sent.video.framesSent + 2);
      server.signal('SIGTERM');
      const end = await page.until('last', ['UNPUBLISHED', 'FAILED']);
      expect((await server.exited()).code).toBe(0);
      const [name] = server.records();
      expect([null, name]).toContain(end.recordName);
      const file = join(server.recordsDir, name!);
      await expectClean(file);
      await expectFramesSent({ server, file, event, sent: sent.video });
    });
  });

  test('a name in use is refused, other questions are answered', async () => {
    await page.publish({ name: 'taken', record: false });
    const second = await browser.open({ source: { width: 320, height: 180 } });
    await second.connect(wsUrl(server));
    expect(await second.publish({ name: 'taken', record: true })).toMatchObject({
      status: 'FAILED',
      info: 'Stream name is already in use',
    });
    expect(await second.available('taken')).toBe(true);
    expect(await second.available('nobody')).toBeTypeOf('string');
    expect(await second.sendData({ any: ['thing', 1] })).toBe('ACCEPTED');
    const picture = await eventually(async () => {
      const { type, payload } = await second.snapshot('taken');
      return type === 'snapshotCompleted' ? Buffer.from(payload.snapshot!, 'base64') : undefined;
    }, 'snapshot');
    // Width and height of the PNG's header.
    expect([picture.readUInt32BE(16), picture.readUInt32BE(20)]).toEqual([640, 360]);
    expect((await second.snapshot('nobody')).type).toBe('snapshotFailed');
    expect(await page.stop('taken')).toMatchObject({ status: 'UNPUBLISHED' });
    expect(page.errors).toEqual([]);
    await second.close();
  });

  test('sessions and streams are listed', async () => {
    const { mediaSessionId } = await page.publish({ name: 'shown', record: true }, { codec: 'h264' });
    const stream = await findStream(server, 'shown');
    expect(stream).toMatchObject({ mediaSessionId, name: 'shown', status: 'PUBLISHING', published: true });
    const connections = (await server.rest('/connection/find_all')).json as { sessionId: string }[];
    expect(connections.map((each) => each.sessionId)).toContain(stream!['sessionId']);
    await page.stop('shown');
    await eventually(
      async () => ((await findStream(server, 'shown')) === undefined ? true : undefined),
      'gone',
    );
    await page.disconnect();
    await eventually(
      async () => ((await server.rest('/connection/find_all')).status === 404 ? true : undefined),
      'no connection',
    );
  });

  test.each(['vp8', 'h264'] as const)(
    'minBitrate and maxBitrate of the page take effect for %s',
    async (codec) => {
      const busy = await browser.open({ source: { detail: 1, flashes: false } });
      await busy.connect(wsUrl(server));
      /** What the browser aims at in the first moment and two seconds later, and sends then, in bits per second. */
      const rates = async (
        name: string,
        limits: object,
      ): Promise<Record<'first' | 'last' | 'sent', number>> => {
        const constraints = { audio: true, video: { width: 640, height: 360, ...limits } };
        expect(await busy.publish({ name, constraints }, { codec })).toMatchObject({ status: 'PUBLISHING' });
        await busy.untilSent(name, 5);
        const first = (await busy.counters(name)).video;
        await busy.untilSent(name, first.framesSent + seconds(2));
        const last = (await busy.counters(name)).video;
        await busy.stop(name);
        return { first: first.targetBitrate, last: last.targetBitrate, sent: sentBitsPerSecond(first, last) };
      };
      const low = await rates('low', { maxBitrate: 250 });
      expect(Math.max(low.first, low.last)).toBeLessThanOrEqual(250_000);
      expect(low.sent).toBeLessThan(300_000);
      // By itself the browser begins with 300 kbit/s. The limit is that of the connection, headers and sound included.
      const high = await rates('high', { minBitrate: 1200, maxBitrate: 1500 });
      expect(high.first).toBeGreaterThanOrEqual(700_000);
      expect(high.last).toBeLessThanOrEqual(1_500_000);
      expect(high.sent).toBeGreaterThan(600_000);
      await busy.close();
    },
  );
});
