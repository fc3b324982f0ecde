import { afterEach, describe, expect, test } from 'vitest';
import { expectSamePackets } from '../support/compare.ts';
import { eventually } from '../support/eventually.ts';
import { hasNginxRtmp, NginxRtmp } from '../support/nginxRtmp.ts';
import { decodeErrors, packetsOf } from '../support/packets.ts';
import { publishFile } from '../support/publishers.ts';
import type { PublisherProcess } from '../support/publishers.ts';
import { PullRig } from '../support/pullRig.ts';
import { H264_AAC, testSource } from '../support/rtsp/media.ts';
import { tlsFront } from '../support/tlsFront.ts';

if (!hasNginxRtmp && process.env.CI === 'true')
  throw new Error('CI must run every test: nginx-rtmp is missing');

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function origin(port = 0): Promise<NginxRtmp> {
  const server = await NginxRtmp.start(port);
  closers.push(() => server.stop().catch(() => undefined));
  return server;
}

async function rig(...args: Parameters<typeof PullRig.start>): Promise<PullRig> {
  const started = await PullRig.start(...args);
  closers.push(() => started.close());
  return started;
}

function publish(file: string, uri: string, loop?: number): PublisherProcess {
  const publisher = publishFile(file, uri, loop === undefined ? {} : { loop });
  closers.push(() => {
    publisher.kill('SIGKILL');
    return publisher.ended;
  });
  return publisher;
}

describe.skipIf(!hasNginxRtmp)('a stream of another RTMP server', () => {
  test('every packet is in the file, with its times; it counts as published by RTMP', async () => {
    const file = testSource(6, H264_AAC);
    const server = await origin();
    const pull = await rig({ reconnect: false, stallTimeoutMs: 3_000 });
    pull.captures.start({ uri: server.uri('cam'), name: 'copy', protocol: 'rtmp', origin: 'rest' });
    await eventually(() => (pull.commandLines().length > 0 ? true : undefined), 'child');
    publish(file, server.uri('cam'));
    await pull.status('PLAYING');
    const [pulled] = pull.pulled;
    expect(pulled?.stream.init).toMatchObject({ name: 'copy', publisher: { mediaProvider: 'Flash' } });
    await pull.status('FAILED');
    const [record = ''] = await pull.recorded(1);
    expect(await decodeErrors(record)).toBe('');
    await expectSamePackets(file, [record], 'v');
    const video = pulled!.samples.filter((sample) => sample.trackId === 1);
    const source = await packetsOf(file, 'v');
    expect(video.map(({ dts, pts }) => Math.round((pts - dts) / 1000))).toEqual(
      source.map(({ dts, pts }) => Math.round(pts - dts)),
    );
    expect(video.map(({ dts }) => Math.round((dts - video[0]!.dts) / 1000))).toEqual(
      source.map(({ dts }) => Math.round(dts - source[0]!.dts)),
    );
    const audio = pulled!.samples.filter((sample) => sample.trackId === 2);
    // The server says nothing of the end: FFmpeg still has the newest packet then.
    expect(audio.length).toBeGreaterThanOrEqual((await packetsOf(file, 'a')).length - 1);
  });

  test('stopped and started again: the stream goes on', async () => {
    const file = testSource(6, H264_AAC);
    const first = await origin();
    const pull = await rig({ stallTimeoutMs: 5_000 });
    pull.captures.start({ uri: first.uri('cam'), name: 'copy', protocol: 'rtmp', origin: 'rest' });
    const publisher = publish(file, first.uri('cam'), 20);
    await pull.samples(100);
    await first.stop();
    publisher.kill('SIGKILL');
    await pull.status('RECONNECTING');
    const before = pull.pulled[0]!.samples.length;
    const second = await origin(first.port);
    publish(file, second.uri('cam'), 20);
    await pull.samples(before + 100);
    expect(pull.pulled).toHaveLength(1);
    expect(pull.gaps).toHaveLength(1);
    const { samples } = pull.pulled[0]!;
    for (const id of [1, 2]) {
      const times = samples.filter((sample) => sample.trackId === id).map((sample) => sample.dts);
      expect(times).toEqual([...times].sort((a, b) => a - b));
    }
    pull.captures.terminate({ name: 'copy' }, 'Stopped by rest /terminate');
    const [record = ''] = await pull.recorded(1);
    expect(await decodeErrors(record)).toBe('');
  });

  test('by RTMPS, every packet too', async () => {
    const file = testSource(6, H264_AAC);
    const server = await origin();
    const front = await tlsFront(server.port);
    closers.push(() => front.close());
    const pull = await rig({ reconnect: false, stallTimeoutMs: 3_000 });
    const uri = `rtmps://127.0.0.1:${front.port}/live/cam`;
    pull.captures.start({ uri, protocol: 'rtmp', origin: 'rest' });
    // Whoever comes to a live stream later gets less of it.
    await eventually(() => (front.hasSent('play') ? true : undefined), 'the child asks for the stream');
    publish(file, server.uri('cam'));
    await pull.status('PLAYING');
    await pull.status('FAILED');
    const [record = ''] = await pull.recorded(1);
    await expectSamePackets(file, [record], 'v');
  });

  test('a secret in the URL is in no process list and no log', async () => {
    const server = await origin();
    const pull = await rig();
    const uri = server.uri('cam').replace('rtmp://', 'rtmp://user:topsecret@');
    const capture = pull.captures.start({ uri, protocol: 'rtmp', origin: 'rest' });
    publish(testSource(6, H264_AAC), server.uri('cam'), 5);
    await pull.samples(25);
    const shown = JSON.stringify([pull.commandLines(), pull.log.lines, capture.info]);
    expect(shown).not.toContain('topsecret');
    expect(pull.commandLines()).toHaveLength(1);
  });
});

describe('an RTMP server that does not answer', () => {
  test('nothing listens', async () => {
    const pull = await rig();
    const capture = pull.captures.start({
      uri: 'rtmp://127.0.0.1:9/live/x',
      protocol: 'rtmp',
      origin: 'rest',
    });
    await expect(capture.whenPlaying()).rejects.toThrow('Failed to connect to origin stream');
  });
});
