import { execFileSync } from 'node:child_process';
import type { Socket } from 'node:dgram';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { measureAvSync } from '../support/webrtc/avSync.ts';
import type { LineOptions } from '../support/webrtc/udpRelay.ts';
import { UdpRelay } from '../support/webrtc/udpRelay.ts';

// The instruments of the WebRTC tests measure what they are said to measure.

describe('flash and beep', () => {
  const folder = mkdtempSync(join(tmpdir(), 'recorderd-avsync-'));
  const ffmpeg = inject('ffmpeg');

  afterAll(() => rmSync(folder, { recursive: true }));

  /** White for the first 120 ms of each second, and a beep that begins `beepAt` after the second. */
  function makeFile(
    name: string,
    beepAtMs: number,
    codecs: readonly string[],
    filters: readonly string[] = [],
  ) {
    const file = join(folder, name);
    const luma = "geq=lum='if(lt(mod(T,1),0.119),235,60)':cb=128:cr=128";
    const phase = `mod(t-${beepAtMs / 1000}+2,1)`;
    const sound = `aevalsrc='if(lt(${phase},0.1),0.7*sin(2*PI*1000*t),0)':s=48000:d=6`;
    execFileSync(ffmpeg, [
      ...['-v', 'error', '-nostdin', '-y', '-f', 'lavfi', '-i', `color=black:s=320x180:r=25:d=6,${luma}`],
      ...['-f', 'lavfi', '-i', sound, '-pix_fmt', 'yuv420p', ...codecs, ...filters, file],
    ]);
    return file;
  }

  const MP4 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac', '-b:a', '96k'];
  const WEBM = [
    '-c:v',
    'libvpx',
    '-deadline',
    'realtime',
    '-cpu-used',
    '8',
    '-b:v',
    '500k',
    '-c:a',
    'libvorbis',
  ];

  test.each([
    ['in-step.mp4', 0, MP4],
    ['late.mp4', 80, MP4],
    ['early.mp4', -120, MP4],
    ['late.webm', 80, WEBM],
    ['early.webm', -120, WEBM],
  ])('%s is found to have its sound %i ms late', async (name, offsetMs, codecs) => {
    const sync = await measureAvSync(makeFile(name, offsetMs, codecs));
    expect(sync.pairs.length).toBeGreaterThanOrEqual(4);
    for (const { offsetMs: found } of sync.pairs) expect(Math.abs(found - offsetMs)).toBeLessThanOrEqual(5);
  });

  test('sound that begins later than the picture, and pictures at uneven distances, are seen where they are', async () => {
    const uneven = [
      '-vf',
      "select='not(eq(mod(n,25),12)+eq(mod(n,25),19))'",
      '-fps_mode',
      'vfr',
      '-af',
      'atrim=start=1.5',
    ];
    const sync = await measureAvSync(makeFile('uneven.mkv', 40, MP4, uneven));
    for (const { offsetMs: found } of sync.pairs) expect(Math.abs(found - 40)).toBeLessThanOrEqual(5);
    expect(sync.beeps[0]).toBeGreaterThan(1.5);
  });
});

describe('bad line', () => {
  let relay: UdpRelay;
  let server: Socket;
  let client: Socket;
  let received: number[];

  async function connect(options: LineOptions): Promise<void> {
    relay = await UdpRelay.open(options);
    relay.towards('127.0.0.1', server.address().port);
    received = [];
  }

  beforeAll(async () => {
    [server, client] = [createSocket('udp4'), createSocket('udp4')];
    server.bind(0, '127.0.0.1');
    client.bind(0, '127.0.0.1');
    await Promise.all([once(server, 'listening'), once(client, 'listening')]);
    for (const socket of [server, client]) socket.setRecvBufferSize(1 << 21);
    server.on('message', (data, from) => {
      received.push(data.readUInt32BE(0));
      server.send(data, from.port, from.address);
    });
  });

  afterEach(async () => relay.close());

  afterAll(() => {
    server.close();
    client.close();
  });

  function handledUp(): number {
    const { passed, lost, overflowed } = relay.counters.up;
    return passed + lost + overflowed;
  }

  /** Sends numbered packets, `perTick` every few milliseconds, and waits until the line is empty. */
  async function send(count: number, bytes = 100, perTick = 20): Promise<void> {
    const handled = handledUp() + count;
    for (let n = 0; n < count; n += 1) {
      const packet = Buffer.alloc(bytes);
      packet.writeUInt32BE(n);
      client.send(packet, relay.port, '127.0.0.1');
      if (n % perTick === perTick - 1) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const { up, down } = relay.counters;
    await eventually(() => {
      const isAllAnswered = received.length === up.passed && down.passed + down.lost === up.passed;
      return handledUp() === handled && isAllAnswered ? true : undefined;
    }, 'empty line');
  }

  test('a good line passes everything in order, both ways', async () => {
    await connect({});
    await send(500);
    expect(received).toEqual(Array.from({ length: 500 }, (_, n) => n));
    expect(relay.counters.down).toEqual({ passed: 500, lost: 0, overflowed: 0, reordered: 0 });
  });

  test('loses the given share, the same packets for the same seed', async () => {
    const lost: number[][] = [];
    for (const seed of [7, 7, 8]) {
      if (lost.length > 0) await relay.close();
      await connect({ loss: 0.1, seed });
      await send(2000);
      const got = new Set(received);
      lost.push(Array.from({ length: 2000 }, (_, n) => n).filter((n) => !got.has(n)));
    }
    expect(lost[0]).toEqual(lost[1]);
    expect(lost[0]).not.toEqual(lost[2]);
    expect(lost[0]!.length / 2000).toBeCloseTo(0.1, 1);
    expect(relay.counters.down.lost).toBeGreaterThan(0);
  });

  test('jitter reorders without losing', async () => {
    await connect({ jitterMs: 30, delayMs: 10 });
    await send(500);
    expect(received.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, n) => n));
    expect(relay.counters.up.reordered).toBeGreaterThan(100);
  });

  test('the uplink passes its rate, queues for a while and drops the rest', async () => {
    await connect({ uplinkBitsPerSecond: 1_000_000, uplinkQueueMs: 200 });
    const begin = performance.now();
    await send(200, 1250, 200);
    const seconds = (performance.now() - begin) / 1000;
    const { passed, overflowed } = relay.counters.up;
    expect(overflowed).toBe(200 - passed);
    expect(passed).toBeGreaterThanOrEqual(20);
    expect(passed).toBeLessThanOrEqual(23);
    expect((passed * 10_000) / seconds).toBeLessThan(1_100_000);
  });

  test('nothing passes while it is dark', async () => {
    await connect({});
    await send(10);
    relay.isDark = true;
    await send(20);
    expect(received.length).toBe(10);
    relay.isDark = false;
    await send(30);
    expect(received.length).toBe(40);
  });
});
