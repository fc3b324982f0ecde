import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Sample, Track } from '../../../src/domain/media.ts';
import { MediaSynchroniser, type SynchroniserOptions } from '../../../src/ingest/rtp/clock.ts';
import type { Loss } from '../../../src/ingest/rtp/loss.ts';
import { parseRtp, type RtpPacket } from '../../../src/ingest/rtp/packet.ts';
import type { SenderReport } from '../../../src/ingest/rtp/rtcp.ts';
import { TrackReceiver, type TrackReceiverInit } from '../../../src/ingest/rtp/trackReceiver.ts';
import { ffmpeg } from '../media/support/ffmpeg.ts';

export interface PacketFields {
  readonly sequence: number;
  readonly timestamp: number;
  readonly payload: Buffer;
  readonly marker?: boolean;
  readonly payloadType?: number;
  readonly ssrc?: number;
  readonly csrcs?: readonly number[];
  readonly extension?: { readonly profile: number; readonly data: Buffer };
  readonly padding?: number;
}

/** An RTP packet as bytes. */
export function rtpBytes(fields: PacketFields): Buffer {
  const { csrcs = [], extension, padding = 0 } = fields;
  const head: Buffer = Buffer.alloc(12 + csrcs.length * 4);
  head[0] = 0x80 | (padding > 0 ? 0x20 : 0) | (extension === undefined ? 0 : 0x10) | csrcs.length;
  head[1] = (fields.marker === true ? 0x80 : 0) | (fields.payloadType ?? 96);
  head.writeUInt16BE(fields.sequence & 0xffff, 2);
  head.writeUInt32BE(((fields.timestamp % 2 ** 32) + 2 ** 32) % 2 ** 32, 4);
  head.writeUInt32BE(fields.ssrc ?? 0x1234, 8);
  csrcs.forEach((csrc, i) => head.writeUInt32BE(csrc, 12 + i * 4));
  const parts: Buffer[] = [head];
  if (extension !== undefined) {
    const words = Math.ceil(extension.data.length / 4);
    const block = Buffer.alloc(4 + words * 4);
    block.writeUInt16BE(extension.profile, 0);
    block.writeUInt16BE(words, 2);
    extension.data.copy(block, 4);
    parts.push(block);
  }
  parts.push(fields.payload);
  if (padding > 0) parts.push(Buffer.concat([Buffer.alloc(padding - 1), Buffer.of(padding)]));
  return Buffer.concat(parts);
}

export function rtp(fields: PacketFields): RtpPacket {
  return parseRtp(rtpBytes(fields))!;
}

export const SYNC: SynchroniserOptions = { syncWaitMs: 3000, maxHeldBytes: 8 << 20 };

/** A receiver, and everything it told and asked. */
export class Reception {
  readonly receiver: TrackReceiver;
  readonly synchroniser: MediaSynchroniser;
  readonly tracks: Track[] = [];
  readonly samples: Sample[] = [];
  readonly losses: Loss[] = [];
  /** Tracks, samples and losses in order: `track`, the dts or `loss`. */
  readonly order: ('track' | number | 'loss')[] = [];
  readonly nacked: number[] = [];
  keyFrameRequests = 0;

  constructor(
    init: Partial<TrackReceiverInit> & Pick<TrackReceiverInit, 'codec' | 'clockRate'>,
    synchroniser = new MediaSynchroniser({ ...SYNC, syncWaitMs: 0 }),
  ) {
    this.synchroniser = synchroniser;
    this.receiver = new TrackReceiver(
      {
        ...{ trackId: 1, synchroniser, lossWaitMs: 1000, canNack: true },
        ...{ maxHeldPackets: 1024, maxAccessUnitBytes: 4 << 20 },
        ...init,
      },
      {
        onTrack: (track) => {
          this.tracks.push(track);
          this.order.push('track');
        },
        onSample: (sample) => {
          this.samples.push(sample);
          this.order.push(sample.dts);
        },
        onLoss: (loss) => {
          this.losses.push(loss);
          this.order.push('loss');
        },
        nack: (sequences) => {
          this.nacked.push(...sequences);
        },
        keyFrame: () => {
          this.keyFrameRequests++;
        },
      },
    );
  }

  push(fields: PacketFields, arrivalMs: number): void {
    this.receiver.push(rtp(fields), arrivalMs);
  }

  check(nowMs: number): void {
    this.receiver.check(nowMs);
    this.synchroniser.check(nowMs);
  }

  end(): void {
    this.receiver.flush();
    this.synchroniser.flush();
  }
}

export function senderReport(ntpMs: number, rtpTimestamp: number, ssrc = 0x1234): SenderReport {
  const wrapped = ((Math.round(rtpTimestamp) % 2 ** 32) + 2 ** 32) % 2 ** 32;
  return { type: 'senderReport', ssrc, ntpMs, ntpMiddle: 1, rtpTimestamp: wrapped };
}

/** A packet that FFmpeg sent, and when it came. */
export interface Arrival {
  readonly data: Buffer;
  readonly arrivalMs: number;
}

async function socketOn(port: number): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

/** RTP and RTCP of `ffmpeg <args> -f rtp`, with the rtpmap's clock, the fmtp and the payload type of its SDP. */
export async function captureRtp(args: readonly string[]): Promise<{
  readonly rtp: readonly Arrival[];
  readonly rtcp: readonly Arrival[];
  readonly fmtp: string;
  readonly clockRate: number;
}> {
  const media = await socketOn(0);
  const { port } = media.address();
  const control = await socketOn(port + 1);
  const [rtpArrivals, rtcp]: [Arrival[], Arrival[]] = [[], []];
  media.on('message', (data) => void rtpArrivals.push({ data, arrivalMs: performance.now() }));
  control.on('message', (data) => void rtcp.push({ data, arrivalMs: performance.now() }));
  try {
    const sdp = await ffmpeg(...args, '-f', 'rtp', `rtp://127.0.0.1:${port}?pkt_size=1200`);
    // What is in the socket's buffer when FFmpeg has ended is read before this datagram.
    const last = createSocket('udp4');
    const isLast = (data: Buffer) => data.length === 1;
    const ended = new Promise<void>((resolve) => {
      media.on('message', (data) => {
        if (isLast(data)) resolve();
      });
    });
    last.send(Buffer.of(0), port, '127.0.0.1');
    await ended;
    last.close();
    const fmtp = /a=fmtp:\d+ (.*)/.exec(sdp)?.[1]?.trim() ?? '';
    // Static payload types 0 and 8 have no rtpmap.
    const clockRate = Number(/a=rtpmap:\d+ [^/]+\/(\d+)/.exec(sdp)?.[1] ?? 8000);
    return { rtp: rtpArrivals.filter(({ data }) => !isLast(data)), rtcp, fmtp, clockRate };
  } finally {
    media.close();
    control.close();
  }
}

/** NAL units of a sample with four-byte lengths. */
export function nalUnits(data: Buffer): Buffer[] {
  const units: Buffer[] = [];
  for (let at = 0; at < data.length;) {
    const end = at + 4 + data.readUInt32BE(at);
    if (end > data.length) throw new Error('a length goes past the sample');
    units.push(data.subarray(at + 4, end));
    at = end;
  }
  return units;
}

/** Deterministic numbers in [0, 1). */
export function random(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
