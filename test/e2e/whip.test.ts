import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { packetsOf, probe } from '../support/packets.ts';
import { TestServer } from '../support/server.ts';
import { TestBrowser } from '../support/webrtc/browser.ts';
import type { PublisherPage } from '../support/webrtc/publisherPage.ts';
import {
  expectClean,
  expectInStep,
  findStream,
  framesIn,
  soundSpanMs,
} from '../support/webrtc/recordings.ts';
import { UdpRelay } from '../support/webrtc/udpRelay.ts';
import type { WhipClientOptions } from '../support/webrtc/whipClient.ts';
import { WhipClient } from '../support/webrtc/whipClient.ts';
import { openWhipProxy } from '../support/webrtc/whipProxy.ts';

const { chromium, gstPython } = inject('peers');
const TOKEN = 'of-the-test';
/** One frame of AAC at 44.1 kHz. */
const AUDIO_FRAME_MS = 1024 / 44.1;
let server: TestServer;

beforeEach(async () => {
  server = await TestServer.start({ stream_record_policy: 'streamName', record_webm_audio: 'opus' });
});

afterEach(async () => server.close());

const whipUrl = (name: string, of: TestServer = server): string =>
  `http://127.0.0.1:${of.port('http')}/whip/${name}`;

const published = async (name: string, of: TestServer): Promise<true> =>
  eventually(
    async () => ((await findStream(of, name))?.['status'] === 'PUBLISHING' ? true : undefined),
    `${name} published`,
  );

function outerAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)!.address;
}

describe.skipIf(gstPython === null)('GStreamer’s webrtcbin publishes by WHIP', () => {
  /** Publishes and records; everything that was sent is in the file. */
  async function record(name: string, options: WhipClientOptions): Promise<string> {
    const client = new WhipClient(gstPython!, `${whipUrl(name)}?record=true`, { seconds: 4, ...options });
    const sent = await client.seen('sent');
    await client.seen('deleted');
    expect((await client.ended()).code).toBe(0);
    const [file] = (await server.recordsFinished(1)).map((each) => join(server.recordsDir, each));
    await expectClean(file!);
    expect(await framesIn(file!)).toBe(sent['frames']);
    if (options.codec === 'vp8') expect((await packetsOf(file!, 'a')).length).toBe(sent['sounds']);
    // Its sender reports move while it starts, and the clock follows them by 5 % at most.
    const soundMs = Number(sent['sounds']) * 20;
    expect(Math.abs((await soundSpanMs(file!)) - soundMs)).toBeLessThan(soundMs * 0.05 + AUDIO_FRAME_MS);
    expect(await findStream(server, name)).toBeUndefined();
    return file!;
  }

  test.each([
    ['h264', 'mp4', ['aac', 'h264']],
    ['vp8', 'webm', ['opus', 'vp8']],
  ] as const)('%s and Opus as %s, every frame', async (codec, type, codecs) => {
    const file = await record('gst', { codec });
    expect(file).toBe(join(server.recordsDir, `gst.${type}`));
    expect((await probe(file)).streams.map((stream) => stream.codec_name).sort()).toEqual(codecs);
  });

  test('payload types the other way round than browsers have them, no retransmission, mono', async () => {
    await record('odd', { codec: 'vp8', videoPt: 111, audioPt: 96, rtx: false, channels: 1, seconds: 2 });
  });

  test('without the query nothing is recorded, and a client that just goes away ends its stream', async () => {
    const impatient = await TestServer.start({ rtp_activity_detecting: 'true,5' });
    const client = new WhipClient(gstPython!, whipUrl('brief', impatient), { seconds: 60, deletes: false });
    await client.seen('connected');
    await published('brief', impatient);
    expect((await impatient.rest('/recorder/find_all')).status).toBe(404);
    client.kill('SIGKILL');
    await eventually(
      async () => ((await findStream(impatient, 'brief')) === undefined ? true : undefined),
      'end of the stream',
    );
    expect(impatient.records()).toEqual([]);
    await impatient.close();
  });

  test('only the bearer of the token may publish and delete', async () => {
    const guarded = await TestServer.start({ whip_token: TOKEN, stream_record_policy: 'streamName' });
    for (const token of [undefined, 'wrong']) {
      const refused = new WhipClient(
        gstPython!,
        whipUrl('mine', guarded),
        token === undefined ? {} : { token },
      );
      const { code, stderr } = await refused.ended();
      expect(code).toBe(1);
      expect(stderr).toContain('POST answered 401');
    }
    const url = `${whipUrl('mine', guarded)}?record=true`;
    const client = new WhipClient(gstPython!, url, { token: TOKEN, seconds: 3 });
    const { location } = await client.seen('answered');
    await client.seen('connected');
    const resource = new URL(String(location), url);
    expect((await fetch(resource, { method: 'DELETE' })).status).toBe(401);
    await client.seen('deleted');
    expect(await guarded.recordsFinished(1)).toEqual(['mine.webm']);
    const headers = { authorization: `Bearer ${TOKEN}` };
    expect((await fetch(resource, { method: 'DELETE', headers })).status).toBe(404);
    await guarded.close();
  });

  test('two seconds of darkness in which the sequence numbers wrap: the recording goes on', async () => {
    const relay = await UdpRelay.open({ address: outerAddress() });
    const proxy = await openWhipProxy(`http://127.0.0.1:${server.port('http')}`, relay);
    // 50 packets of sound and some 28 of picture a second, from the start of the client: both wrap after about five.
    const client = new WhipClient(gstPython!, `${proxy.origin}/whip/wrap?record=true`, {
      codec: 'vp8',
      seconds: 10,
      videoSeqnum: 65_536 - 140,
      audioSeqnum: 65_536 - 250,
    });
    await Promise.race([client.seen('near-wrap', 'video'), client.seen('near-wrap', 'audio')]);
    const isLight = relay.darkFor(2000).then(() => 'light');
    const wrapped = Promise.all([client.seen('wrapped', 'video'), client.seen('wrapped', 'audio')]);
    expect(await Promise.race([wrapped.then(() => 'wrapped'), isLight])).toBe('wrapped');
    await isLight;
    const sent = await client.seen('sent');
    expect((await client.ended()).code).toBe(0);
    const file = join(server.recordsDir, (await server.recordsFinished(1))[0]!);
    await expectClean(file);
    // Lost are the dark seconds and what is left of the second before the next key frame.
    const frames = await framesIn(file);
    expect(frames).toBeGreaterThan(Number(sent['frames']) - 25 * 4.5);
    const last = (await packetsOf(file, 'v')).at(-1)!.pts;
    expect(last).toBeGreaterThan(Number(sent['frames']) * 40 - 500);
    await proxy.close();
    await relay.close();
  });
});

describe.skipIf(chromium === null)('unusual but legal offers of a browser', () => {
  let browser: TestBrowser;
  let page: PublisherPage;

  beforeAll(async () => {
    browser = await TestBrowser.launch(chromium!);
    page = await browser.open({ sdk: null });
  });

  afterAll(async () => browser.close());

  async function post(name: string, sdp: string): Promise<{ answer: string; resource: URL }> {
    const url = `${whipUrl(name)}?record=true`;
    const headers = { 'content-type': 'application/sdp' };
    const response = await fetch(url, { method: 'POST', headers, body: sdp });
    expect(response.status).toBe(201);
    return { answer: await response.text(), resource: new URL(response.headers.get('location')!, url) };
  }

  async function publish(name: string, sdp: string): Promise<string> {
    const { answer, resource } = await post(name, sdp);
    await page.answer(name, answer);
    await page.untilSent(name, 75);
    const sent = await page.freeze(name);
    expect((await fetch(resource, { method: 'DELETE' })).status).toBe(200);
    await page.thaw();
    await page.closeConnection(name);
    const [record] = await server.recordsFinished(1);
    const file = join(server.recordsDir, record!);
    await expectClean(file);
    expect(await framesIn(file)).toBe(sent.video.framesSent);
    await expectInStep(file);
    return answer;
  }

  const ports = (answer: string): number[] =>
    [...answer.matchAll(/^m=\S+ (\d+)/gm)].map(([, port]) => Number(port));

  test('media sections that are not wanted are refused one by one', async () => {
    const answer = await publish('more', await page.offer('more', { extra: ['data', 'video'] }));
    const [sound, picture, ...others] = ports(answer);
    expect([sound! > 0, picture! > 0]).toEqual([true, true]);
    expect(others).toEqual([0, 0]);
  });

  test('no retransmission stream, only one codec', async () => {
    const answer = await publish(
      'plain',
      await page.offer('plain', { options: { codec: 'vp8', withoutRtx: true } }),
    );
    expect(answer).not.toContain('rtx');
  });

  test('lines that end with LF alone', async () => {
    const offer = await page.offer('lf', { options: { codec: 'h264' } });
    await publish('lf', offer.replaceAll('\r\n', '\n'));
  });

  test('the SDK’s stripCodecs, which leaves LF line ends and orphaned retransmission', async () => {
    const sdk = await browser.open();
    await sdk.connect(`ws://127.0.0.1:${server.port('ws')}`);
    await sdk.publish({ name: 'strip', record: true, stripCodecs: 'VP8,VP9,AV1,G722,PCMA' });
    await sdk.untilSent('strip', 50);
    const sent = await sdk.freeze('strip');
    expect(await sdk.stop('strip')).toMatchObject({ status: 'UNPUBLISHED', recordName: 'strip.mp4' });
    await expectClean(join(server.recordsDir, 'strip.mp4'));
    expect(await framesIn(join(server.recordsDir, 'strip.mp4'))).toBe(sent.video.framesSent);
    await sdk.close();
  });

  test.each([
    ['nonsense', 'this is no SDP'],
    ['no media', 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n'],
  ])('%s is refused as a bad request', async (_what, body) => {
    const headers = { 'content-type': 'application/sdp' };
    const response = await fetch(whipUrl('none'), { method: 'POST', headers, body });
    expect(response.status).toBe(400);
  });
});
