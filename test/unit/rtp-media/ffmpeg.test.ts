import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Sample, VideoTrack } from '../../../src/domain/media.ts';
import type { RtpCodec } from '../../../src/ingest/rtp/createDepacketiser.ts';
import { parseRtp } from '../../../src/ingest/rtp/packet.ts';
import { parseRtcp } from '../../../src/ingest/rtp/rtcp.ts';
import { h264Sps } from '../../../src/media/sps.ts';
import { ffmpeg, hasEncoder, noFfmpeg } from '../media/support/ffmpeg.ts';
import { readIvf, readMp4Track } from '../media/support/sources.ts';
import { Reception, captureRtp, nalUnits, random } from './support.ts';

const dir = mkdtempSync(join(tmpdir(), 'rtp-media-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const PICTURE = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25:duration=4'];
const SOUND = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000:duration=4'];

async function make(name: string, ...args: string[]): Promise<string> {
  const path = join(dir, name);
  await ffmpeg(...args, path);
  return path;
}

type Capture = Awaited<ReturnType<typeof captureRtp>>;

/** Hands a capture to a receiver, one packet each 2 ms, through a network that `lose` makes. */
function receive(
  codec: RtpCodec,
  capture: Capture,
  options: { lossless?: boolean; extra?: object } = {},
): Reception {
  const { fmtp, clockRate } = capture;
  const reception = new Reception({ codec, clockRate, fmtp, ...options.extra });
  const sequences = capture.rtp.map(({ data }) => data.readUInt16BE(2));
  // Judge the transport of the test first: loopback lost nothing.
  sequences.slice(1).forEach((sequence, i) => expect(sequence).toBe((sequences[i]! + 1) & 0xffff));
  capture.rtp.forEach(({ data }, i) => {
    reception.receiver.push(parseRtp(data)!, i * 2);
    if (i % 5 === 0) reception.check(i * 2);
  });
  reception.check(capture.rtp.length * 2 + 20);
  reception.end();
  return reception;
}

/** Presentation times counted from the earliest one. */
function presented(samples: readonly Sample[]): number[] {
  const start = Math.min(...samples.map(({ pts }) => pts));
  return samples.map(({ pts }) => pts - start);
}

/** Times that came through a clock of 90 kHz are within half a tick of the file's. */
function expectTimes(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((time, i) => expect(Math.abs(time - expected[i]!)).toBeLessThanOrEqual(12));
}

function expectDecodeOrder(samples: readonly Sample[]): void {
  samples.forEach(({ dts, pts }, i) => {
    if (i > 0) expect(dts).toBeGreaterThan(samples[i - 1]!.dts);
    expect(pts).toBeGreaterThanOrEqual(dts);
  });
}

const isSet = {
  h264: (nal: Buffer) => [7, 8].includes(nal[0]! & 31),
  hevc: (nal: Buffer) => [32, 33, 34].includes((nal[0]! >> 1) & 63),
};
// FFmpeg's filter puts the SEI of an hvcC into every key frame.
const isIgnored = {
  h264: (nal: Buffer) => (nal[0]! & 31) === 9,
  hevc: (nal: Buffer) => [35, 39].includes((nal[0]! >> 1) & 63),
};

describe.skipIf(noFfmpeg)('what FFmpeg sends', () => {
  describe.each(
    [
      {
        name: 'x264 defaults: B-frames and a pyramid',
        codec: 'h264' as const,
        depth: 2,
        args: ['-c:v', 'libx264'],
      },
      {
        ...{ name: 'x264 with one B-frame and slices', codec: 'h264' as const, depth: 1 },
        args: ['-c:v', 'libx264', '-bf', '1', '-x264-params', 'b-pyramid=none:slices=4'],
      },
      {
        ...{ name: 'x264 zero latency', codec: 'h264' as const, depth: 0 },
        args: ['-c:v', 'libx264', '-tune', 'zerolatency', '-profile:v', 'baseline'],
      },
      {
        name: 'x265 defaults',
        codec: 'hevc' as const,
        depth: 2,
        args: ['-c:v', 'libx265', '-x265-params', 'log-level=none'],
      },
    ].filter(({ codec }) => hasEncoder(codec === 'h264' ? 'libx264' : 'libx265')),
  )('$name', ({ name, codec, depth, args }) => {
    let file: ReturnType<typeof readMp4Track>;
    let path: string;
    beforeAll(async () => {
      path = await make(
        `${name.replaceAll(/\W/g, '-')}.mp4`,
        ...PICTURE,
        '-pix_fmt',
        'yuv420p',
        '-g',
        '25',
        ...args,
      );
      file = readMp4Track(readFileSync(path), 1);
    });

    test.each([
      ['parameter sets in the SDP', []],
      ['parameter sets in the stream', ['-bsf:v', `${codec}_mp4toannexb`]],
    ])('%s: every access unit, exact times, a decode order', async (where, filter) => {
      const capture = await captureRtp(['-i', path, '-c', 'copy', ...filter]);
      const withoutSdp = where.endsWith('stream') ? { ...capture, fmtp: '' } : capture;
      const { samples, tracks, receiver } = receive(codec, withoutSdp);
      expect(receiver.statistics()).toMatchObject({ discarded: 0, givenUp: 0, keyFrameRequests: 0 });
      expect(samples.map(({ key }) => key)).toEqual(file.samples.map(({ key }) => key));
      samples.forEach(({ data, key }, i) => {
        const units = nalUnits(data);
        const expected = nalUnits(file.samples[i]!.data);
        const media = (nal: Buffer) => !isSet[codec](nal) && !isIgnored[codec](nal);
        expect(Buffer.concat(units.filter(media)).equals(Buffer.concat(expected.filter(media)))).toBe(true);
        if (key) expect(units.filter(isSet[codec]).length).toBeGreaterThanOrEqual(codec === 'h264' ? 2 : 3);
      });
      expectTimes(presented(samples), presented(file.samples));
      expectDecodeOrder(samples);
      if (depth === 0) for (const { dts, pts } of samples) expect(pts).toBe(dts);
      // Decode times are the presentation times, in order, as many frames later as the stream reorders.
      const sorted = samples.map(({ pts }) => pts).sort((x, y) => x - y);
      samples.forEach(({ dts }, i) => {
        if (i >= depth) expect(dts).toBe(sorted[i - depth]);
      });
      expect(tracks).toHaveLength(1);
      expect(tracks[0]).toMatchObject({ codec, width: 320, height: 180, inBandConfig: true });
      expect(samples[0]!.dts).toBe(0);
    });

    test('the configuration is what FFmpeg writes itself', async () => {
      const { tracks } = receive(codec, await captureRtp(['-i', path, '-c', 'copy']));
      const [track] = tracks as VideoTrack[];
      if (codec === 'h264') {
        expect(track!.config.equals(file.config)).toBe(true);
        const sps = track!.config.subarray(8, 8 + track!.config.readUInt16BE(6));
        expect(h264Sps(sps)).toMatchObject({ width: 320, height: 180, reorderDepth: depth });
      } else {
        // Version, profile, chroma and depths; FFmpeg adds its own SEI and completeness bits behind.
        expect(track!.config.subarray(0, 13).equals(file.config.subarray(0, 13))).toBe(true);
        expect(track!.config.subarray(16, 19).equals(file.config.subarray(16, 19))).toBe(true);
      }
    });

    test('5 % loss and reordering, asked for again: nothing is missing', async () => {
      const capture = await captureRtp(['-i', path, '-c', 'copy']);
      const whole = receive(codec, capture).samples;
      const { samples, receiver, nacked } = lossy(codec, capture, { loss: 0.05, retransmits: true });
      expect(samples.map(({ data }) => data.toString('latin1'))).toEqual(
        whole.map(({ data }) => data.toString('latin1')),
      );
      expect(receiver.statistics()).toMatchObject({ givenUp: 0, discarded: 0 });
      expect(nacked.length).toBeGreaterThan(0);
    });

    test('2 % loss for good: what is delivered is whole and starts with a key frame after each gap', async () => {
      const capture = await captureRtp(['-i', path, '-c', 'copy']);
      const whole = receive(codec, capture).samples.map(({ data }) => data.toString('latin1'));
      const { samples, receiver } = lossy(codec, capture, { loss: 0.02, retransmits: false });
      expect(receiver.statistics().givenUp).toBeGreaterThan(0);
      expect(receiver.statistics().keyFrameRequests).toBeGreaterThan(0);
      let next = -1;
      for (const { data, key } of samples) {
        const at = whole.indexOf(data.toString('latin1'), Math.max(0, next));
        expect(at).toBeGreaterThanOrEqual(0);
        if (at !== next) expect(key).toBe(true);
        next = at + 1;
      }
      expectDecodeOrder(samples);
    });
  });

  /** A network that loses and reorders, and a sender that may send again what is asked for. */
  function lossy(
    codec: RtpCodec,
    capture: Capture,
    network: { loss: number; retransmits: boolean },
  ): Reception {
    const next = random(42);
    const { fmtp, clockRate } = capture;
    const reception = new Reception({ codec, clockRate, fmtp, lossWaitMs: network.retransmits ? 1000 : 60 });
    const packets = capture.rtp.map(({ data }) => parseRtp(data)!);
    const bySequence = new Map(packets.map((packet) => [packet.sequence, packet]));
    // The first packet arrives: what is lost before it nobody can know.
    const due = packets.flatMap((packet, i) =>
      i > 0 && next() < network.loss ? [] : [{ packet, at: i * 2 + Math.floor(next() * 9) }],
    );
    let answered = 0;
    const end = packets.length * 2 + (network.retransmits ? 800 : 20);
    for (let now = 0; now < end; now++) {
      for (const arrived of due.filter(({ at }) => at <= now)) reception.receiver.push(arrived.packet, now);
      due.splice(0, due.length, ...due.filter(({ at }) => at > now));
      if (now % 10 === 0) reception.check(now);
      if (!network.retransmits) continue;
      for (; answered < reception.nacked.length; answered++) {
        const packet = bySequence.get(reception.nacked[answered]!);
        if (packet !== undefined && next() >= network.loss) due.push({ packet, at: now + 30 });
      }
    }
    reception.check(packets.length * 2 + 2000);
    reception.end();
    return reception;
  }

  test.skipIf(!hasEncoder('libvpx'))('VP8: every frame, size, exact times', async () => {
    const path = await make(
      'vp8.ivf',
      ...PICTURE,
      '-c:v',
      'libvpx',
      '-deadline',
      'realtime',
      '-b:v',
      '600k',
      '-g',
      '25',
    );
    const frames = readIvf(readFileSync(path), 1).filter(({ data }) => data.length > 0);
    const { samples, tracks } = receive('vp8', await captureRtp(['-i', path, '-c', 'copy']));
    expect(tracks).toMatchObject([{ codec: 'vp8', width: 320, height: 180 }]);
    expect(samples.map(({ data }) => data.toString('latin1'))).toEqual(
      frames.map(({ data }) => data.toString('latin1')),
    );
    expect(samples.map(({ key }) => key)).toEqual(frames.map(({ data }) => (data[0]! & 1) === 0));
    expectTimes(presented(samples), presented(frames));
    for (const { dts, pts } of samples) expect(pts).toBe(dts);
  });

  test.skipIf(!hasEncoder('libopus'))('Opus: mono and stereo by what is coded', async () => {
    for (const channels of [1, 2]) {
      const args = [...SOUND, '-c:a', 'libopus', '-b:a', '96k', '-ac', String(channels)];
      const capture = await captureRtp(args);
      const { samples, tracks } = receive('opus', capture);
      expect(tracks).toMatchObject([{ codec: 'opus', channels, sampleRate: 48_000 }]);
      expect(tracks[0]!.config.toString('latin1', 0, 8)).toBe('OpusHead');
      expect(samples.length).toBeGreaterThanOrEqual(200);
      samples.forEach(({ dts }, i) => expect(dts).toBe(i * 20_000));
    }
  });

  test.each([
    ['pcmu', 'pcm_mulaw'],
    ['pcma', 'pcm_alaw'],
  ] as const)('%s: every byte', async (codec, encoder) => {
    const source = [...SOUND, '-c:a', encoder, '-ar', '8000', '-ac', '1'];
    const path = await make(`${codec}.wav`, ...source);
    const raw = await make(
      `${codec}.raw`,
      '-i',
      path,
      '-c',
      'copy',
      '-f',
      encoder === 'pcm_mulaw' ? 'mulaw' : 'alaw',
    );
    const { samples, tracks } = receive(codec, await captureRtp(['-i', path, '-c', 'copy']));
    expect(tracks).toMatchObject([{ codec, sampleRate: 8000, channels: 1 }]);
    expect(Buffer.concat(samples.map(({ data }) => data)).equals(readFileSync(raw))).toBe(true);
    let bytes = 0;
    for (const { dts, data } of samples) {
      expect(dts).toBe(bytes * 125);
      bytes += data.length;
    }
  });

  test('AAC: every frame, exact times, several to a packet', async () => {
    const path = await make('aac.mp4', ...SOUND, '-c:a', 'aac', '-b:a', '32k', '-ac', '1');
    const file = readMp4Track(readFileSync(path), 1);
    const capture = await captureRtp(['-i', path, '-c', 'copy']);
    expect(capture.rtp.length).toBeLessThan(file.samples.length / 2);
    const { samples, tracks } = receive('aac', capture);
    expect(tracks).toMatchObject([{ codec: 'aac', sampleRate: 48_000, channels: 1 }]);
    // AAC-LC (2), 48 kHz (3), one channel.
    expect(tracks[0]!.config.subarray(0, 2).toString('hex')).toBe('1188');
    // FFmpeg does not send what it still gathers for a packet when its input ends.
    expect(samples.length).toBeGreaterThan(file.samples.length - 12);
    const sent = file.samples.slice(0, samples.length);
    expect(samples.map(({ data }) => data.toString('latin1'))).toEqual(
      sent.map(({ data }) => data.toString('latin1')),
    );
    samples.forEach(({ dts }, i) => expect(Math.abs(dts - (i * 1024 * 1e6) / 48_000)).toBeLessThanOrEqual(1));
  });

  test('AAC in LATM: every frame, exact times', async () => {
    const path = await make('latm.mp4', ...SOUND, '-c:a', 'aac', '-b:a', '32k', '-ac', '1');
    const file = readMp4Track(readFileSync(path), 1);
    const capture = await captureRtp(['-i', path, '-c', 'copy', '-rtpflags', 'latm']);
    expect(capture.fmtp).toContain('cpresent=0');
    const { samples, tracks } = receive('aac-latm', capture);
    expect(tracks).toMatchObject([{ codec: 'aac', sampleRate: 48_000, channels: 1 }]);
    expect(tracks[0]!.config.toString('hex')).toBe('1188');
    expect(samples.length).toBeGreaterThan(file.samples.length - 12);
    expect(samples.map(({ data }) => data.toString('latin1'))).toEqual(
      file.samples.slice(0, samples.length).map(({ data }) => data.toString('latin1')),
    );
    samples.forEach(({ dts }, i) => expect(Math.abs(dts - (i * 1024 * 1e6) / 48_000)).toBeLessThanOrEqual(1));
  });

  test('FFmpeg understands neither more nor less in its own sender reports', async () => {
    const capture = await captureRtp([
      '-re',
      ...SOUND,
      '-t',
      '1',
      '-c:a',
      'pcm_mulaw',
      '-ar',
      '8000',
      '-ac',
      '1',
    ]);
    const reports = capture.rtcp.flatMap(({ data }) => parseRtcp(data));
    const report = reports.find((part) => part.type === 'senderReport')!;
    const first = parseRtp(capture.rtp[0]!.data)!;
    expect(report.ssrc).toBe(first.ssrc);
    expect(Math.abs(report.ntpMs - 2_208_988_800_000 - Date.now())).toBeLessThan(60_000);
    expect((report.rtpTimestamp - first.timestamp) | 0).toBeGreaterThanOrEqual(0);
  });
});
