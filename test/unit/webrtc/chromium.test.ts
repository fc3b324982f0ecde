import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { holdPort } from '../../../src/ingest/webrtc/port.ts';
import type { WebRtcOptions } from '../../../src/ingest/webrtc/server.ts';
import type { TrackStatistics } from '../../../src/ingest/rtp/trackReceiver.ts';
import type { WebRtcPublication } from '../../../src/streams/contracts.ts';
import { eventually } from '../../support/eventually.ts';
import { PublishingBrowser, hasChromium } from './browser.ts';
import type { PageCounts, PageWish } from './browser.ts';
import { Relay } from './relay.ts';
import type { Line } from './relay.ts';
import { Setup, sdk } from './support.ts';

const VIDEO = 1;
const AUDIO = 2;

let browser: PublishingBrowser;
let setup: Setup | undefined;
let page: Page | undefined;
let relay: Relay | undefined;

beforeAll(async () => {
  if (hasChromium) browser = await PublishingBrowser.launch();
}, 60_000);
afterAll(async () => {
  if (hasChromium) await browser.close();
}, 60_000);
afterEach(async () => {
  await page?.close();
  await setup?.server.close();
  relay?.close();
  relay = undefined;
}, 60_000);

/** A line between the pages and a server on the loopback interface, which `published` then uses. */
async function badLine(line: Line): Promise<Partial<WebRtcOptions>> {
  const held = await holdPort(0, '127.0.0.1');
  held.release();
  const { port } = held;
  relay = await Relay.open(port, line);
  return { bindAddress: '127.0.0.1', port };
}

interface Published {
  readonly setup: Setup;
  readonly page: Page;
  readonly publication: WebRtcPublication;
}

/** A page that publishes; resolves when its offer was answered. */
async function published(
  wish: PageWish,
  options: Partial<WebRtcOptions> = {},
  edit: { readonly offer?: (sdp: string) => string; readonly answer?: (sdp: string) => string } = {},
): Promise<Published> {
  const own = (setup = await new Setup(options).start());
  let publication: WebRtcPublication | undefined;
  browser.answer = async (sdp) => {
    publication = await own.publish(edit.offer?.(sdp) ?? sdp);
    const answer = relay?.redirect(publication.answer) ?? publication.answer;
    return edit.answer?.(answer) ?? answer;
  };
  page = await browser.page();
  await page.evaluate((each) => globalThis.publish(each), wish);
  if (publication === undefined) throw new Error('the page sent no offer');
  return { setup: own, page, publication };
}

async function samplesReach(own: Setup, trackId: number, count: number): Promise<void> {
  await eventually(
    () => (own.samples(trackId).length >= count ? true : undefined),
    `${count} samples`,
    30_000,
  );
}

async function ended(own: Setup, withinMs = 15_000): Promise<string> {
  return await eventually(() => own.events.find((event) => event.startsWith('ended: ')), 'the end', withinMs);
}

/** Stops the page's media, then the publication as signalling does, and returns what the page says it sent. */
async function stopped({ setup: own, page: publisher, publication }: Published): Promise<PageCounts> {
  const counts = await publisher.evaluate(() => globalThis.finish());
  publication.end('Stopped by publisher stop');
  await publisher.evaluate(() => globalThis.pc.close());
  expect(await ended(own)).toBe('ended: Stopped by publisher stop');
  return counts;
}

describe.skipIf(!hasChromium)('Chromium publishes', { timeout: 90_000 }, () => {
  it.each([
    ['video/VP8', 'audio/opus', 'vp8', 'opus'],
    ['video/H264', 'audio/opus', 'h264', 'opus'],
    ['video/VP8', 'audio/PCMA', 'vp8', 'pcma'],
    ['video/H264', 'audio/PCMU', 'h264', 'pcmu'],
  ])('%s and %s, and every frame sent becomes a sample', async (video, audio, videoCodec, audioCodec) => {
    const all = await published({ video, audio });
    const own = all.setup;
    await samplesReach(own, VIDEO, 60);
    await samplesReach(own, AUDIO, 100);
    expect(all.publication.stream.status).toBe('PUBLISHING');
    const counts = await stopped(all);

    const videos = own.samples(VIDEO);
    const audios = own.samples(AUDIO);
    const tracks = own.items.flatMap((item) => ('track' in item ? [item.track] : []));
    expect(tracks.find(({ id }) => id === VIDEO)).toMatchObject({
      codec: videoCodec,
      width: 640,
      height: 360,
    });
    expect(tracks.find(({ id }) => id === AUDIO)).toMatchObject({ codec: audioCodec });
    expect(videos[0]?.key).toBe(true);
    expect(videos.length).toBe(counts.framesSent);
    // Audio before the first sender reports may be as little as nothing, but nothing is lost between.
    expect(audios.length).toBe(counts.audioPackets);
    for (const samples of [videos, audios]) {
      const times = samples.map(({ dts }) => dts);
      expect(times).toEqual([...times].sort((a, b) => a - b));
    }
    expect(own.events).toEqual(['publishing', 'stream ended', 'ended: Stopped by publisher stop']);
    expect(own.streams.all()).toEqual([]);
    expect(own.log.find('webrtc stream ended')).toMatchObject({
      strays: { malformed: 0, unknownPayloadType: 0, unknownSsrc: 0 },
      video: { givenUp: 0 },
      audio: { givenUp: 0 },
    });
  });

  it('audio alone and video alone', async () => {
    const audio = await published({ audio: 'audio/opus' });
    await samplesReach(audio.setup, AUDIO, 25);
    const sent = await stopped(audio);
    expect(audio.setup.samples(AUDIO).length).toBe(sent.audioPackets);
    await page?.close();
    await setup?.server.close();
    const video = await published({ video: 'video/VP8' });
    await samplesReach(video.setup, VIDEO, 25);
    expect((await stopped(video)).framesSent).toBe(video.setup.samples(VIDEO).length);
  });

  it('to a server on the loopback interface', async () => {
    const all = await published({ video: 'video/VP8' }, { bindAddress: '127.0.0.1' });
    await samplesReach(all.setup, VIDEO, 10);
  });

  it('to a server with a port for each publisher', async () => {
    const all = await published({ video: 'video/VP8' }, { portRange: { from: 39_200, to: 39_210 } });
    await samplesReach(all.setup, VIDEO, 10);
    expect(all.publication.answer).toMatch(/ (?:39200|3920[1-9]|39210) typ host/);
  });

  it('as fast as it is allowed, because it learns what arrives', async () => {
    // VP8 at this size would be limited by the encoder's CPU time on a small machine.
    const wish = { video: 'video/H264', audio: 'audio/opus', width: 960, height: 540, maxBitrate: 2_500_000 };
    const all = await published(wish);
    const estimate = async (): Promise<number> =>
      (await all.page.evaluate(() => globalThis.counts())).available;
    await eventually(
      async () => ((await estimate()) >= 1_800_000 ? true : undefined),
      'an estimate of 1.8 Mbit/s',
      45_000,
    );
    // It is not taken back.
    await samplesReach(all.setup, VIDEO, all.setup.samples(VIDEO).length + 90);
    expect(await estimate()).toBeGreaterThan(1_500_000);
  });

  it.each(['video/VP8', 'video/H264'])(
    '%s within the bitrates that the SDK writes into the answer',
    async (video) => {
      const limits = (sdp: string): string => sdk.SDP.setPublishingBitrate(sdp, 1_500, 1_800);
      const all = await published({ video }, {}, { answer: limits });
      await samplesReach(all.setup, VIDEO, 10);
      const counts = await all.page.evaluate(() => globalThis.counts());
      expect(counts.codec).toBe(video);
      expect(counts.fmtp).toContain('x-google-max-bitrate=1800;x-google-min-bitrate=1500');
      // An estimate begins at 300 kbit/s without a lower limit.
      expect(counts.available).toBeGreaterThanOrEqual(1_500_000);
      expect(counts.targetBitrate).toBeLessThanOrEqual(1_800_000);
    },
  );

  it.each(['video/VP8', 'video/H264'])(
    '%s over a line that loses every twentieth packet and reorders, without loss',
    async (video) => {
      const options = await badLine({ loss: 0.05, delayMs: 10, jitterMs: 30 });
      const all = await published({ video, audio: 'audio/opus' }, options);
      await samplesReach(all.setup, VIDEO, 150);
      const counts = await stopped(all);
      const end = all.setup.log.find('webrtc stream ended') as unknown as Record<
        'audio' | 'video',
        TrackStatistics
      >;
      expect(end.video.lost + end.audio.lost).toBeGreaterThan(10);
      expect(end.video.recovered + end.audio.recovered).toBeGreaterThan(10);
      // Nothing follows the last packets that would show their loss.
      expect(counts.framesSent - all.setup.samples(VIDEO).length).toBeOneOf([0, 1, 2]);
      expect(counts.audioPackets - all.setup.samples(AUDIO).length).toBeOneOf([0, 1, 2]);
    },
  );

  it('undisturbed by a flood of foreign datagrams', async () => {
    const all = await published({ video: 'video/VP8', audio: 'audio/opus' });
    await samplesReach(all.setup, VIDEO, 10);
    await flood(all.setup.port, 20_000);
    await samplesReach(all.setup, VIDEO, all.setup.samples(VIDEO).length + 30);
    const counts = await stopped(all);
    expect(all.setup.samples(VIDEO).length).toBe(counts.framesSent);
    expect(all.setup.samples(AUDIO).length).toBe(counts.audioPackets);
  });
});

describe.skipIf(!hasChromium)('a publication ends', { timeout: 90_000 }, () => {
  it('when the page closes its connection', async () => {
    const { setup: own, page: publisher } = await published({ video: 'video/VP8' });
    await samplesReach(own, VIDEO, 5);
    await publisher.evaluate(() => globalThis.pc.close());
    expect(await ended(own)).toBe('ended: Stopped by publisher stop');
  });

  it('when its media stops', async () => {
    const { setup: own, page: publisher } = await published({ video: 'video/VP8' }, { idleTimeoutMs: 1_000 });
    await samplesReach(own, VIDEO, 5);
    await publisher.evaluate(() => globalThis.pc.getSenders()[0]?.replaceTrack(null));
    expect(await ended(own)).toBe('ended: Failed by RTP activity');
  });

  it('when the line is cut', async () => {
    const options = await badLine({ loss: 0, delayMs: 0, jitterMs: 0 });
    const { setup: own } = await published({ video: 'video/VP8' }, options);
    await samplesReach(own, VIDEO, 5);
    if (relay !== undefined) relay.line.loss = 1;
    expect(await ended(own, 45_000)).toBe('ended: Failed by ICE keep alive');
  });

  it('when the certificate is not the one that was named', async () => {
    const forged = (sdp: string): string =>
      sdp.replaceAll(
        /(a=fingerprint:sha-256 )(..)/g,
        (_, name: string, byte: string) => name + (byte === '00' ? '01' : '00'),
      );
    const { setup: own } = await published({ video: 'video/VP8' }, {}, { offer: forged });
    expect(await ended(own, 30_000)).toBe('ended: Failed by DTLS fingerprint error');
    expect(own.samples(VIDEO)).toEqual([]);
    expect(own.events).not.toContain('publishing');
  });
});

/** Noise, STUN requests and what looks like DTLS and RTP, to every address of the port. */
async function flood(port: number, count: number): Promise<void> {
  const socket = createSocket('udp4');
  const own = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const addresses = own.filter(({ family }) => family === 'IPv4').map(({ address }) => address);
  for (let n = 0; n < count; n++) {
    const data = randomBytes(20 + (n % 1_200));
    // First bytes tell STUN, DTLS and RTP apart (RFC 7983, 7).
    if (n % 4 === 1) Buffer.from([0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]).copy(data);
    if (n % 4 === 2) Buffer.from([22, 254, 253]).copy(data);
    if (n % 4 === 3) Buffer.from([0x80, 96]).copy(data);
    await new Promise((resolve) => socket.send(data, port, addresses[n % addresses.length], resolve));
  }
  socket.close();
}
