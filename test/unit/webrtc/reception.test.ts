import { describe, expect, it } from 'vitest';
import { negotiate } from '../../../src/ingest/webrtc/negotiation.ts';
import { readOffer } from '../../../src/ingest/webrtc/offer.ts';
import { Reception } from '../../../src/ingest/webrtc/reception.ts';
import { Streams } from '../../../src/streams/streams.ts';
import type { Incident } from '../../../src/domain/incident.ts';
import type { Sample } from '../../../src/domain/media.ts';
import { captured, OPTIONS, PUBLISHER } from './support.ts';

const offer = captured('chromium-av');
const VP8 = 96;
const RTX = 97;
/** Of the captured offer. */
const [VIDEO_SSRC, RTX_SSRC] = (/ssrc-group:FID (\d+) (\d+)/.exec(offer) ?? []).slice(1).map(Number) as [
  number,
  number,
];

interface Wire {
  readonly payloadType: number;
  readonly sequence: number;
  readonly ssrc: number;
  readonly payload: Buffer;
  readonly timestamp?: number;
  /** Transport-wide sequence number. */
  readonly wide?: number;
}

/** One RTP packet with the marker; the extension's id 3 is that of the captured offer. */
function rtp({ payloadType, sequence, ssrc, payload, timestamp = 0, wide }: Wire): Buffer {
  const head = Buffer.alloc(wide === undefined ? 12 : 20);
  head.writeUInt8(wide === undefined ? 0x80 : 0x90, 0);
  head.writeUInt8(0x80 | payloadType, 1);
  head.writeUInt16BE(sequence, 2);
  head.writeUInt32BE(timestamp, 4);
  head.writeUInt32BE(ssrc, 8);
  if (wide !== undefined) {
    head.writeUInt32BE(0xbede0001, 12);
    head.writeUInt8(0x31, 16);
    head.writeUInt16BE(wide, 17);
  }
  return Buffer.concat([head, payload]);
}

/** RFC 7741: a descriptor that begins a partition, then a key frame of 16 by 16 or a frame between. */
const KEY_FRAME = Buffer.from([0x10, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 16, 0, 16, 0, 1, 2, 3]);
const BETWEEN = Buffer.from([0x10, 0x11, 0, 0, 1, 2, 3]);

function receiving(sdp = offer, keyFrameIntervalMs = 0) {
  const streams = new Streams(1e6);
  const stream = streams.publish({
    name: 'a',
    mediaSessionId: 'a',
    publisher: PUBLISHER,
    custom: {},
    createdAt: 0,
  });
  const samples: Sample[] = [];
  const incidents: Incident[] = [];
  stream.subscribe({
    onTrack: () => undefined,
    onSample: (sample) => samples.push(sample),
    onIncident: (incident) => incidents.push(incident),
    onEnd: () => undefined,
  });
  const sent: Buffer[] = [];
  const negotiated = negotiate(readOffer(sdp), { video: ['vp8'], audio: ['opus'] });
  const reception = new Reception(
    negotiated,
    stream,
    { ...OPTIONS, syncWaitMs: 0, keyFrameIntervalMs },
    (packet) => {
      sent.push(packet);
      return true;
    },
  );
  return { reception, samples, incidents, sent };
}

/** Type and format of the RTCP packets that one datagram begins with. */
function kinds(datagrams: readonly Buffer[]): string[] {
  return datagrams.map((data) => {
    const found: string[] = [];
    for (let at = 0; at + 4 <= data.length; at += (data.readUInt16BE(at + 2) + 1) * 4) {
      found.push(`${data.readUInt8(at + 1)}/${data.readUInt8(at) & 31}`);
    }
    return found.join(' ');
  });
}

const media = (sequence: number, payload = BETWEEN, ssrc = VIDEO_SSRC): Buffer =>
  rtp({ payloadType: VP8, sequence, ssrc, payload, timestamp: sequence * 3_000 });

describe('reception', () => {
  it('counts what belongs to nothing, and goes on', () => {
    const { reception, samples } = receiving();
    reception.receive(media(1, KEY_FRAME), 0);
    reception.receive(Buffer.from([1, 2, 3]), 1);
    reception.receive(rtp({ payloadType: 50, sequence: 1, ssrc: 9, payload: BETWEEN }), 2);
    reception.receive(media(2, BETWEEN, 77), 3);
    reception.receive(media(2), 4);
    reception.tick(50);
    reception.flush();
    expect(reception.strays).toEqual({ malformed: 1, unknownPayloadType: 1, unknownSsrc: 1 });
    expect(samples.map(({ key }) => key)).toEqual([true, false]);
  });

  it('takes a retransmission for what it repeats, and its padding for nothing', () => {
    const { reception, samples } = receiving();
    reception.receive(media(1, KEY_FRAME), 0);
    reception.receive(media(3), 20);
    const original = Buffer.concat([Buffer.from([0, 2]), BETWEEN]);
    reception.receive(
      rtp({ payloadType: RTX, sequence: 500, ssrc: RTX_SSRC, payload: original, timestamp: 6_000 }),
      40,
    );
    reception.receive(rtp({ payloadType: RTX, sequence: 501, ssrc: RTX_SSRC, payload: Buffer.alloc(0) }), 41);
    reception.tick(60);
    reception.flush();
    expect(samples).toHaveLength(3);
    expect(reception.statistics().video).toMatchObject({ recovered: 1, givenUp: 0 });
  });

  it('tells of packets that never came, though they were asked for, before the picture that goes on', () => {
    const { reception, samples, incidents } = receiving();
    for (const [i, payload] of [KEY_FRAME, BETWEEN, BETWEEN].entries())
      reception.receive(media(1 + i, payload), i * 33);
    reception.receive(media(6), 160);
    reception.receive(media(31, KEY_FRAME), 1_000);
    reception.tick(980 + OPTIONS.videoLossWaitMs);
    expect(incidents).toEqual([]);
    reception.tick(1_020 + OPTIONS.videoLossWaitMs);
    expect(samples).toHaveLength(4);
    // From the third picture to the 31st, less one step; 24 packets between the sixth and it.
    const lostMs = Math.round((27 * 1000) / 30);
    expect(incidents).toMatchObject([{ cause: 'packets-lost', trackId: 1, packets: 2 + 24, lostMs }]);
  });

  it('knows the source of a retransmission that comes before all media', () => {
    const { reception } = receiving();
    const original = Buffer.concat([Buffer.from([0, 1]), KEY_FRAME]);
    reception.receive(rtp({ payloadType: RTX, sequence: 1, ssrc: RTX_SSRC, payload: original }), 0);
    reception.receive(rtp({ payloadType: RTX, sequence: 1, ssrc: 4711, payload: original }), 1);
    reception.receive(media(2), 2);
    expect(reception.statistics().video).toMatchObject({ received: 2 });
    expect(reception.strays.unknownSsrc).toBe(0);
  });

  it('lets another source follow one that is silent or said goodbye', () => {
    const { reception } = receiving();
    reception.receive(media(1, KEY_FRAME), 0);
    reception.receive(media(10, KEY_FRAME, 77), 900);
    expect(reception.strays.unknownSsrc).toBe(1);
    reception.receive(media(11, KEY_FRAME, 77), 1_100);
    expect(reception.strays.unknownSsrc).toBe(1);
    const bye = Buffer.from([0x81, 203, 0, 1, 0, 0, 0, 77]);
    reception.receive(bye, 1_110);
    reception.receive(media(20, KEY_FRAME, 78), 1_120);
    expect(reception.strays.unknownSsrc).toBe(1);
  });

  it('tells the sender of every packet with a transport-wide number within a tenth of a second', () => {
    const { reception, sent } = receiving();
    reception.tick(0);
    reception.receive(
      rtp({ payloadType: VP8, sequence: 1, ssrc: VIDEO_SSRC, payload: KEY_FRAME, wide: 7 }),
      10,
    );
    // Padding of an unknown format counts as well.
    reception.receive(rtp({ payloadType: 50, sequence: 1, ssrc: 9, payload: BETWEEN, wide: 8 }), 20);
    reception.tick(40);
    expect(kinds(sent)).toEqual([]);
    reception.tick(100);
    expect(kinds(sent)).toEqual(['205/15']);
    // Base sequence number and count of packets.
    expect([sent[0]?.readUInt16BE(12), sent[0]?.readUInt16BE(14)]).toEqual([7, 2]);
  });

  it('asks for lost packets and key frames, and reports once a second', () => {
    const { reception, sent } = receiving();
    reception.receive(media(1, KEY_FRAME), 0);
    reception.receive(media(4), 20);
    reception.tick(60);
    expect(kinds(sent)).toContain('205/1');
    reception.tick(1_000);
    reception.tick(1_100);
    expect(kinds(sent)).toContain('201/1 202/1');
    reception.tick(1_300);
    reception.receive(media(5), 1_310);
    reception.tick(1_400);
    expect(kinds(sent)).toContain('206/1');
  });

  it('sends compound packets to a client that did not agree to reduced size', () => {
    const { reception, sent } = receiving(offer.replaceAll('a=rtcp-rsize\r\n', ''));
    reception.tick(0);
    reception.receive(
      rtp({ payloadType: VP8, sequence: 1, ssrc: VIDEO_SSRC, payload: KEY_FRAME, wide: 7 }),
      10,
    );
    reception.tick(100);
    expect(kinds(sent)).toEqual(['201/0 202/1 205/15']);
  });
});

describe('a publisher that sends no key frame by itself', () => {
  const isPli = (packet: Buffer): boolean => packet.includes(Buffer.from([0x81, 206]));

  it.each([
    [5_000, 2],
    [0, 0],
  ])('is asked for one every %i ms: %i times in 11 s', (keyFrameIntervalMs, times) => {
    const { reception, sent } = receiving(offer, keyFrameIntervalMs);
    for (let n = 0; n <= 11_000 / 20; n++) {
      const payload = n === 0 ? KEY_FRAME : BETWEEN;
      const packet = { payloadType: VP8, ssrc: VIDEO_SSRC, sequence: n, timestamp: n * 1800, payload };
      reception.receive(rtp(packet), n * 20);
      reception.tick(n * 20);
    }
    expect(sent.filter(isPli)).toHaveLength(times);
  });
});
