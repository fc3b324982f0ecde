import { spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { expectSamePackets } from '../support/compare.ts';
import { eventually } from '../support/eventually.ts';
import { decodeErrors, packetsOf } from '../support/packets.ts';
import type { Packet } from '../support/packets.ts';
import { publishFile } from '../support/publishers.ts';
import { PullRig } from '../support/pullRig.ts';
import { AAC, Camera, livePicture, playMp4 } from '../support/rtsp/camera.ts';
import { H264_AAC, testSource } from '../support/rtsp/media.ts';
import { SecondCamera } from '../support/rtsp/secondCamera.ts';
import { tlsFront } from '../support/tlsFront.ts';

const GST = ['-c', 'import gi; gi.require_version("GstRtspServer", "1.0")'];
const hasCamera = spawnSync('/usr/bin/python3', GST, { stdio: 'ignore' }).status === 0;
if (!hasCamera && process.env.CI === 'true')
  throw new Error('CI must run every test: gst-rtsp-server is missing');

const open: { close(): Promise<void> }[] = [];
const camerasOpen: Camera[] = [];
const camera = async (...args: Parameters<typeof Camera.start>): Promise<Camera> => {
  const started = await Camera.start(...args);
  camerasOpen.push(started);
  return started;
};
const rig = async (...args: Parameters<typeof PullRig.start>): Promise<PullRig> => {
  const started = await PullRig.start(...args);
  open.push(started);
  return started;
};

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
  await Promise.all(camerasOpen.splice(0).map((each) => each.kill()));
});

/** The camera falls silent at the end of its file. */
const once = { reconnect: false, stallTimeoutMs: 3_000 };

describe.skipIf(!hasCamera)('a camera over TCP', () => {
  test('B-frames and AAC: every packet is in the file, with its time', async () => {
    const file = testSource(6, H264_AAC);
    const cam = await camera({ mounts: { '/cam': playMp4(file, { audio: AAC }) } });
    const pull = await rig(once);
    pull.captures.start({ uri: cam.uri('/cam'), protocol: 'rtsp', origin: 'rest' });
    const stream = await pull.status('PLAYING');
    expect(stream).toMatchObject({ uri: cam.uri('/cam'), name: cam.uri('/cam'), info: null });
    expect(pull.pulled[0]?.stream.init.publisher.mediaProvider).toBe('RTSP');
    await pull.status('FAILED');
    const [record = ''] = await pull.recorded(1);
    await expectSamePackets(file, [record], 'v');
    // The MP4 tells the camera to leave out the encoder's first frame and what is beyond the end of the last one.
    const audio = (await packetsOf(file, 'a')).map((packet) => packet.md5);
    const received = (await packetsOf(record, 'a')).map((packet) => packet.md5);
    expect(received.length).toBeGreaterThan(audio.length - 4);
    expect(audio.join()).toContain(received.join());
    expect(await decodeErrors(record)).toBe('');
    const video = pull.pulled[0]!.samples.filter((sample) => sample.trackId === 1);
    const dts = (await packetsOf(file, 'v')).map((packet) => packet.dts);
    expect(video.map((sample) => Math.round((sample.dts - video[0]!.dts) / 1000))).toEqual(
      dts.map((ms) => Math.round(ms - dts[0]!)),
    );
  });

  test('by RTSPS, every picture too', async () => {
    const file = testSource(4, H264_AAC);
    const cam = await camera({ mounts: { '/cam': playMp4(file, { audio: AAC }) } });
    const front = await tlsFront(cam.port);
    open.push(front);
    const pull = await rig(once);
    const uri = `rtsps://127.0.0.1:${front.port}/cam`;
    pull.captures.start({ uri, protocol: 'rtsp', origin: 'rest' });
    await pull.status('PLAYING');
    await pull.status('FAILED');
    const [record = ''] = await pull.recorded(1);
    await expectSamePackets(file, [record], 'v');
  });

  test.each([
    ['hevc', undefined, ''],
    ['h264', 'pcma', 'alawenc ! rtppcmapay'],
    ['h264', 'pcmu', 'mulawenc ! rtppcmupay'],
    ['h264', 'opus', 'opusenc ! rtpopuspay'],
  ] as const)('%s with %s', async (video, audioCodec, payloader) => {
    const hevc = ['-c:v', 'libx265', '-x265-params', 'log-level=none', '-an'];
    const file = testSource(4, video === 'hevc' ? hevc : H264_AAC);
    const audio = `aacparse ! avdec_aac ! audioconvert ! audioresample ! ${payloader}`;
    const parts =
      audioCodec === undefined
        ? { video: 'h265parse ! rtph265pay' }
        : { video: 'h264parse ! rtph264pay', audio };
    const cam = await camera({ mounts: { '/cam': playMp4(file, parts) } });
    const pull = await rig(once);
    pull.captures.start({ uri: cam.uri('/cam'), protocol: 'rtsp', origin: 'rest' });
    await pull.status('PLAYING');
    await pull.status('FAILED');
    const codecs = pull.pulled[0]!.tracks.map((track) => track.codec);
    expect(codecs).toEqual(audioCodec === undefined ? [video] : [video, audioCodec]);
    const [record = ''] = await pull.recorded(1);
    expect(await decodeErrors(record)).toBe('');
    // GStreamer repeats the parameter sets of HEVC in every key frame, of which there is one each second.
    const isCompared = (_: unknown, i: number): boolean => video !== 'hevc' || i % 25 !== 0;
    const md5s = async (path: string) => (await packetsOf(path, 'v')).map((packet) => packet.md5);
    expect((await md5s(record)).filter(isCompared)).toEqual((await md5s(file)).filter(isCompared));
  });

  test('audio alone', async () => {
    const cam = await camera({
      mounts: {
        '/mic': 'audiotestsrc is-live=true num-buffers=20 ! audioconvert ! alawenc ! rtppcmapay name=pay0',
      },
    });
    const pull = await rig(once);
    pull.captures.start({ uri: cam.uri('/mic'), name: 'mic', protocol: 'rtsp', origin: 'rest' });
    await pull.status('FAILED');
    expect(pull.pulled[0]!.tracks).toMatchObject([
      { kind: 'audio', codec: 'pcma', sampleRate: 8000, channels: 1 },
    ]);
    const [record = ''] = await pull.recorded(1);
    expect(await decodeErrors(record)).toBe('');
  });
});

describe.skipIf(!hasCamera)('a camera over UDP', () => {
  test('plays', async () => {
    const cam = await camera({ mounts: { '/cam': livePicture() }, shared: true });
    const pull = await rig({ rtspTransport: 'udp' });
    pull.captures.start({ uri: cam.uri('/cam'), protocol: 'rtsp', origin: 'rest' });
    await pull.samples(50);
  });
});

describe.skipIf(!hasCamera)('a camera that asks for a password', () => {
  const password = "p@ss w:rd'%/é";
  const login = `ad%40min:${encodeURIComponent(password).replace("'", '%27')}`;

  test.each(['basic', 'digest'] as const)(
    '%s: it plays, and nobody can read the password',
    async (method) => {
      const mounts = { '/cam': livePicture() };
      const cam = await camera({ mounts, shared: true, auth: { method, user: 'ad@min', password } });
      const pull = await rig();
      const capture = pull.captures.start({ uri: cam.uri('/cam', login), protocol: 'rtsp', origin: 'rest' });
      await pull.samples(25);
      const lines = pull.commandLines();
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain('pipe:0');
      const shown = JSON.stringify([
        lines,
        capture.info,
        pull.log.lines,
        pull.streams.all().map((s) => s.init),
      ]);
      for (const secret of [login, password, 'ad%40min', 'ad@min', encodeURIComponent(password)]) {
        expect(shown).not.toContain(secret);
      }
      expect(capture.info.name).toBe(cam.uri('/cam'));
      expect(() => pull.captures.start({ uri: cam.uri('/cam'), protocol: 'rtsp', origin: 'rest' })).toThrow(
        expect.objectContaining({ code: 'CAPTURE_IN_USE' }),
      );
      pull.captures.terminate(
        { protocol: 'rtsp', uri: cam.uri('/cam', login) },
        'Stopped by rest /terminate',
      );
      expect(pull.pulled[0]!.ended).toBe(true);
      expect(pull.captures.find({})).toEqual([]);
    },
  );

  test.each(['', 'ad%40min:wrong'])('login "%s" is refused: restricted access', async (wrong) => {
    const auth = { method: 'digest', user: 'ad@min', password } as const;
    const cam = await camera({ mounts: { '/cam': livePicture() }, shared: true, auth });
    const pull = await rig();
    const capture = pull.captures.start({ uri: cam.uri('/cam', wrong), protocol: 'rtsp', origin: 'rest' });
    await expect(capture.whenPlaying()).rejects.toThrow('Restricted access');
    expect(await pull.status('FAILED')).toMatchObject({ info: 'Restricted access', uri: cam.uri('/cam') });
    expect(JSON.stringify(pull.log.lines)).not.toContain('wrong');
    expect(pull.streams.all()).toEqual([]);
  });
});

describe('another camera, of npm', () => {
  const GOP = 25;

  test('every picture from the first to the last that came is in the file, in order', async () => {
    const file = testSource(4, [...H264_AAC, '-bf', '0', '-g', String(GOP)]);
    const cam = await SecondCamera.start();
    const publisher = publishFile(file, cam.rtmpUrl('cam'), { loop: 20 });
    const pull = await rig();
    const stop = (): Promise<void> => {
      publisher.kill('SIGKILL');
      return cam.kill();
    };
    open.push({ close: stop });
    // Of the settings: it is tried until the encoder has begun.
    pull.captures.start({ uri: cam.uri('cam'), name: 'cam', protocol: 'rtsp', origin: 'settings' });
    await pull.samples(250);
    pull.captures.terminate({ name: 'cam' }, 'Stopped by rest /terminate');
    const [record = ''] = await pull.recorded(1);
    expect(await decodeErrors(record)).toBe('');
    const packets = await packetsOf(record, 'v');
    expect(packets).toHaveLength(pull.pulled[0]!.samples.filter(({ trackId }) => trackId === 1).length);
    // It puts the parameter sets before each key frame: those are compared by their places.
    const pictures = (all: readonly Packet[]): string =>
      all.map(({ md5 }, i) => (i % GOP === 0 ? 'key' : md5)).join();
    const source = pictures(await packetsOf(file, 'v'));
    expect([source, source, source, source].join().includes(pictures(packets))).toBe(true);
  });
});

describe.skipIf(!hasCamera)('a camera that goes', () => {
  test('killed and started again: the same stream and recording go on, the gap is reported', async () => {
    const mounts = { '/cam': livePicture() };
    const first = await camera({ mounts, shared: true });
    const pull = await rig();
    const capture = pull.captures.start({
      uri: first.uri('/cam'),
      name: 'door',
      protocol: 'rtsp',
      origin: 'rest',
    });
    await pull.samples(50);
    await first.kill();
    expect((await pull.status('RECONNECTING')).info).not.toBeNull();
    const before = pull.pulled[0]!.samples.length;
    const second = await camera({ mounts, shared: true, port: first.port });
    const returnedMs = performance.now();
    await pull.status('PLAYING');
    expect(performance.now() - returnedMs).toBeLessThan(3_000);
    await pull.samples(before + 50);
    expect(pull.pulled).toHaveLength(1);
    expect(capture.info.mediaSessionId).toBe(pull.pulled[0]!.stream.mediaSessionId);
    const [gap] = pull.gaps;
    const [reported] = pull.said('capture goes on after a gap');
    expect(reported).toMatchObject({ streamName: 'door', gapMs: gap!.to - gap!.from, cause: gap!.cause });
    const { samples } = pull.pulled[0]!;
    const holeMs = (samples[before]!.dts - samples[before - 1]!.dts) / 1000;
    expect(Math.abs(holeMs - (gap!.to - gap!.from))).toBeLessThan(1_000);
    expect(samples[before]!.key).toBe(true);
    pull.captures.terminate({ name: 'door' }, 'Stopped by rest /terminate');
    const [record = ''] = await pull.recorded(1);
    expect(await decodeErrors(record)).toBe('');
    expect(await packetsOf(record, 'v')).toHaveLength(samples.length);
    await second.kill();
  });

  test('frozen: it is left, and found again when it answers', async () => {
    const cam = await camera({ mounts: { '/cam': livePicture() }, shared: true });
    const pull = await rig({ stallTimeoutMs: 2_000, connectTimeoutMs: 3_000 });
    pull.captures.start({ uri: cam.uri('/cam'), protocol: 'rtsp', origin: 'rest' });
    await pull.samples(25);
    cam.freeze(true);
    expect((await pull.status('RECONNECTING')).info).toBe('Failed by RTP activity');
    cam.freeze(false);
    await pull.status('PLAYING');
    expect(pull.gaps).toHaveLength(1);
  });

  test('without reconnect the stream ends', async () => {
    const cam = await camera({ mounts: { '/cam': livePicture() }, shared: true });
    const pull = await rig(once);
    pull.captures.start({ uri: cam.uri('/cam'), protocol: 'rtsp', origin: 'rest' });
    await pull.samples(25);
    await cam.kill();
    await pull.status('FAILED');
    expect(pull.pulled[0]!.ended).toBe(true);
  });

  test('one of the settings is waited for from the start', async () => {
    const mounts = { '/cam': livePicture() };
    const cam = await camera({ mounts, shared: true });
    await cam.kill();
    const pull = await rig();
    pull.captures.declare([{ uri: cam.uri('/cam'), name: 'yard' }]);
    await eventually(() => pull.captures.find({ name: 'yard' })[0]?.info ?? undefined, 'first failure');
    expect(pull.captures.find({})).toMatchObject([
      { status: 'PENDING', origin: 'settings', info: 'Failed to connect to rtsp stream' },
    ]);
    await camera({ mounts, shared: true, port: cam.port });
    await pull.status('PLAYING');
    expect(pull.gaps).toEqual([]);
  });
});

describe.skipIf(!hasCamera)('one connection for all', () => {
  test('players share a capture, which ends some time after the last one', async () => {
    const cam = await camera({ mounts: { '/cam': livePicture() }, shared: true });
    const pull = await rig({ playerIdleMs: 300 });
    const request = { uri: cam.uri('/cam'), protocol: 'rtsp', origin: 'player' } as const;
    const first = pull.captures.start(request);
    const releases = [first.retain(), pull.captures.start(request).retain()];
    expect(pull.captures.start(request)).toBe(first);
    await first.whenPlaying();
    await pull.samples(25);
    expect(cam.clients).toBe(1);
    for (const release of releases) release();
    await eventually(() => (pull.pulled[0]!.ended ? true : undefined), 'end of the stream');
    expect(pull.captures.find({})).toEqual([]);
  });
});

describe('a source that does not play', () => {
  test('nothing listens', async () => {
    const pull = await rig();
    const capture = pull.captures.start({ uri: 'rtsp://127.0.0.1:9/cam', protocol: 'rtsp', origin: 'rest' });
    await expect(capture.whenPlaying()).rejects.toThrow('Failed to connect to rtsp stream');
  });

  test.skipIf(!hasCamera)('the camera does not know the path', async () => {
    const cam = await camera({ mounts: { '/cam': livePicture() } });
    const pull = await rig();
    const capture = pull.captures.start({ uri: cam.uri('/other'), protocol: 'rtsp', origin: 'rest' });
    await expect(capture.whenPlaying()).rejects.toThrow('Rtsp stream not found');
  });

  test('what answers is no camera, or says nothing', async () => {
    const rude = await answering('HTTP/1.1 200 OK\r\n\r\nhello');
    const silent = await answering(undefined);
    const pull = await rig({ connectTimeoutMs: 2_000 });
    const start = (server: Server) =>
      pull.captures.start({ uri: rtspUri(server), protocol: 'rtsp', origin: 'rest' }).whenPlaying();
    await expect(start(rude)).rejects.toThrow(/^(Rtsp has wrong format|Failed to connect to rtsp stream)$/);
    await expect(start(silent)).rejects.toThrow('Failed to connect to rtsp stream');
    for (const server of [rude, silent]) server.close();
  });

  test.skipIf(!hasCamera)('a redirect is followed', async () => {
    const cam = await camera({ mounts: { '/cam': livePicture() }, shared: true });
    const server = await answering(
      `RTSP/1.0 302 Moved Temporarily\r\nCSeq: 1\r\nLocation: ${cam.uri('/cam')}\r\n\r\n`,
    );
    const pull = await rig();
    pull.captures.start({ uri: rtspUri(server), protocol: 'rtsp', origin: 'rest' });
    await pull.samples(10);
    server.close();
  });
});

function rtspUri(server: Server): string {
  return `rtsp://127.0.0.1:${(server.address() as AddressInfo).port}/x`;
}

/** A server with one answer for everything; without one it only listens. */
async function answering(answer: string | undefined): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined).unref();
    socket.once('data', () => (answer === undefined ? undefined : socket.end(answer)));
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}
