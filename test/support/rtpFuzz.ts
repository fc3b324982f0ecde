import type { RtpCodec } from '../../src/ingest/rtp/createDepacketiser.ts';
import { extension, isRtcp, parseRtp, unwrapRtx } from '../../src/ingest/rtp/packet.ts';
import { parseRtcp } from '../../src/ingest/rtp/rtcp.ts';
import { Reception, nalUnits, rtpBytes } from '../unit/rtp-media/support.ts';

export const CODECS: readonly RtpCodec[] = ['h264', 'hevc', 'vp8', 'opus', 'pcmu', 'pcma', 'aac', 'aac-latm'];
export const FMTP = 'config=1188;sizelength=13;indexlength=3;indexdeltalength=3';
const LATM_FMTP = 'cpresent=0;config=41002320';
const MAX_BYTES = 4000;

export const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
/** Payloads that mean something, by codec. */
const SEEDS: Readonly<Record<RtpCodec, readonly Buffer[]>> = {
  h264: [
    hex('78 0007 6742c00ada11e4 0004 68ce3c80 0006 658801010203'),
    hex('7c 85 88010203'),
    hex('7c 05 04050607'),
    hex('7c 45 08090a0b'),
    hex('41 9a0102030405'),
    hex('7c 87 42c00ada'),
    hex('7c 47 11e4'),
  ],
  hevc: [
    // Parameter sets of x265, together and apart.
    hex(
      '6001001840010c01ffff01600000030090000003000003001e9598090028420101016000000300900000030000' +
        '03001ea020810596566924caf0168080000003008000000c8400074401c172b4224000062801af1d80bf',
    ),
    hex('6201 93 af010203'),
    hex('6201 13 af010203'),
    hex('6201 53 af010203'),
    hex('0201 d00102'),
    hex('4401c172b42240'),
  ],
  vp8: [
    hex('90 80 81 10 100200 9d012a 4001f000 0203'),
    hex('10 0102030405'),
    hex('00 0102'),
    hex('f0 f0 8123 05 40 10'),
  ],
  opus: [hex('7801'), hex('7c0102')],
  pcmu: [hex('ff00ff')],
  pcma: [hex('d5d5')],
  aac: [hex('0010 0020 01020304'), hex('0020 0010 0010 01020304'), hex('0010 00a0 0102030405060708090a')],
  // Two frames to an element; a length that goes on; one that lies.
  'aac-latm': [hex('02 0102 03 010203'), hex('ff01'), hex('01 aa 80 00')],
};

/** What a run of datagrams did that it must not do. */
export function feed(
  codec: RtpCodec,
  datagrams: readonly Buffer[],
  fmtp = codec === 'aac-latm' ? LATM_FMTP : FMTP,
): { complaints: string[]; samples: number } {
  const complaints: string[] = [];
  const options = { maxAccessUnitBytes: MAX_BYTES, maxHeldPackets: 64, fmtp };
  const reception = new Reception({
    codec,
    clockRate: codec === 'opus' || codec.startsWith('aac') ? 48_000 : 90_000,
    ...options,
  });
  try {
    datagrams.forEach((datagram, i) => {
      if (isRtcp(datagram)) parseRtcp(datagram);
      const packet = parseRtp(datagram);
      if (packet === undefined) return;
      extension(packet, i & 15);
      const original = unwrapRtx(packet, { ssrc: 0x1234, payloadType: 96 });
      reception.receiver.push(i % 17 === 16 && original !== undefined ? original : packet, i * 5);
      if (i % 3 === 0) reception.check(i * 5);
    });
    reception.check(datagrams.length * 5 + 2000);
    reception.end();
    complaints.push(...complaintsOf(codec, reception));
  } catch (error) {
    complaints.push(String(error));
  }
  return { complaints, samples: reception.samples.length };
}

function complaintsOf(codec: RtpCodec, { samples, tracks, order }: Reception): string[] {
  const complaints: string[] = [];
  if (samples.length > 0 && order[0] !== 'track') complaints.push('a sample before its track');
  samples.forEach(({ dts, pts, data }, i) => {
    if (i > 0 && dts <= samples[i - 1]!.dts) complaints.push('dts goes back');
    if (pts < dts || !Number.isSafeInteger(dts) || !Number.isSafeInteger(pts)) complaints.push('odd times');
    // Known parameter sets come on top of what the network sent.
    if (data.length === 0 || data.length > MAX_BYTES + 8192 * 3) complaints.push('odd size');
    if (codec === 'h264' || codec === 'hevc') nalUnits(data);
  });
  if ((codec === 'h264' || codec === 'hevc' || codec === 'vp8') && samples[0]?.key === false)
    complaints.push('no key');
  if (tracks.length > samples.length + 1) complaints.push('tracks without samples');
  for (const track of tracks) {
    const numbers = track.kind === 'video' ? [track.width, track.height] : [track.sampleRate, track.channels];
    if (!numbers.every((n) => Number.isInteger(n) && n > 0 && n < 2 ** 24))
      complaints.push(`odd track: ${numbers.join(' ')}`);
  }
  return complaints;
}

export function mutate(bytes: Buffer, next: () => number): Buffer {
  const out = Buffer.from(bytes);
  const at = () => Math.floor(next() * out.length);
  switch (Math.floor(next() * 6)) {
    case 0:
      out[at()] = Math.floor(next() * 256);
      return out;
    case 1:
      out[at()]! ^= 1 << Math.floor(next() * 8);
      return out;
    case 2:
      return out.subarray(0, at());
    case 3:
      return Buffer.concat([out, out.subarray(at())]);
    case 4:
      return Buffer.concat([out.subarray(0, at()), Buffer.alloc(Math.floor(next() * 8)), out.subarray(at())]);
    default:
      return Buffer.concat([out, Buffer.alloc(Math.floor(next() * 1400), 1)]);
  }
}

/** The network: loses, changes, repeats and swaps. */
function send(datagrams: Buffer[], datagram: Buffer, next: () => number): void {
  if (next() < 0.05) return;
  datagrams.push(next() < 0.08 ? mutate(datagram, next) : datagram);
  if (next() < 0.05) datagrams.push(datagram);
  if (next() < 0.05 && datagrams.length > 1) datagrams.push(datagrams.splice(-2, 1)[0]!);
}

/** A run of packets around valid payloads, some of them mutated, lost, repeated or out of order. */
export function run(codec: RtpCodec, next: () => number): Buffer[] {
  const seeds = SEEDS[codec];
  const datagrams: Buffer[] = [];
  let timestamp = Math.floor(next() * 2 ** 32);
  let sequence = Math.floor(next() * 65_536);
  const harm = next() < 0.5 ? 0.02 : 0.3;
  let isMarked = true;
  const count = 5 + Math.floor(next() * 60);
  for (let i = 0; i < count; i++) {
    const kind = next();
    if (kind < 0.05) sequence += Math.floor(next() * 6000);
    if (kind > 0.97) timestamp += Math.floor(next() * 2 ** 32);
    if (isMarked || next() < harm) timestamp += 3600;
    isMarked = next() < 0.7;
    const seed = seeds[next() > harm ? i % seeds.length : Math.floor(next() * seeds.length)]!;
    const payload = next() < harm ? mutate(seed, next) : seed;
    const [padding, ssrc] = [next() < 0.05 ? 9 : 0, next() < 0.03 ? 7 : 0x1234];
    send(
      datagrams,
      rtpBytes({ sequence: sequence++, timestamp, payload, marker: isMarked, padding, ssrc }),
      next,
    );
  }
  return datagrams;
}

/** Datagrams as a file: a codec's number, then each with a length of two bytes in front. */
export function pack(codec: RtpCodec, datagrams: readonly Buffer[]): Buffer {
  return Buffer.concat([
    Buffer.of(CODECS.indexOf(codec)),
    ...datagrams.flatMap((datagram) => [
      Buffer.from([datagram.length >> 8, datagram.length & 255]),
      datagram,
    ]),
  ]);
}

export function unpack(bytes: Buffer): [RtpCodec, Buffer[]] {
  const datagrams: Buffer[] = [];
  for (let at = 1; at + 2 <= bytes.length;) {
    const end = at + 2 + bytes.readUInt16BE(at);
    datagrams.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return [CODECS[(bytes[0] ?? 0) % CODECS.length]!, datagrams];
}
