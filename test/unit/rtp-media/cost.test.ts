import { expect, test } from 'vitest';
import type { RtpPacket } from '../../../src/ingest/rtp/packet.ts';
import { Reception, rtp } from './support.ts';

/** SPS and PPS of 64x48 and a short IDR slice. */
const KEY = Buffer.from('78' + '0007' + '6742c00ada11e4' + '0004' + '68ce3c80' + '0004' + '65880101', 'hex');

test('100,000 packets of 1,150 bytes, ten to a frame (a figure for the eye)', () => {
  const reception = new Reception({ codec: 'h264', clockRate: 90_000 });
  const piece = (bits: number) => Buffer.concat([Buffer.from([0x5c, bits | 1]), Buffer.alloc(1150, 1)]);
  const [first, middle, last] = [piece(0x80), piece(0), piece(0x40)];
  const template = rtp({ sequence: 0, timestamp: 0, payload: KEY, marker: true });
  const packets: RtpPacket[] = [template];
  for (let i = 1; i <= 100_000; i++) {
    const place = i % 10;
    const payload = place === 1 ? first : place === 0 ? last : middle;
    const timestamp = Math.ceil(i / 10) * 3600;
    packets.push({ ...template, sequence: i & 0xffff, timestamp, payload, marker: place === 0 });
  }
  const before = process.cpuUsage();
  packets.forEach((packet, i) => {
    reception.receiver.push(packet, i * 4);
    if (i % 5 === 0) reception.check(i * 4);
  });
  reception.end();
  const { user, system } = process.cpuUsage(before);
  console.log(`RTP reception: ${((user + system) / packets.length).toFixed(2)} us of CPU a packet`);
  expect(reception.samples).toHaveLength(10_001);
});
