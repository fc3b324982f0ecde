import type { Sample } from '../../../../src/domain/media.ts';
import { readPlain } from './mp4.ts';

const CONFIG_BOXES = ['avcC', 'hvcC', 'av1C', 'vpcC'];

/** Frames of an IVF file. */
export function readIvf(bytes: Buffer, trackId: number): Sample[] {
  const rate = bytes.readUInt32LE(16);
  const scale = bytes.readUInt32LE(20);
  const samples: Sample[] = [];
  for (let at = 32; at < bytes.length;) {
    const size = bytes.readUInt32LE(at);
    const time = Math.round((Number(bytes.readBigUInt64LE(at + 4)) * scale * 1e6) / rate);
    const data = bytes.subarray(at + 12, at + 12 + size);
    samples.push({ trackId, dts: time, pts: time, key: samples.length === 0, data });
    at += 12 + size;
  }
  return samples;
}

/** Configuration and samples of the only track of a plain MP4, presentation times counted from its edit. */
export function readMp4Track(bytes: Buffer, trackId: number): { config: Buffer; samples: Sample[] } {
  const [track] = readPlain(bytes).tracks;
  if (track === undefined) throw new Error('no track');
  const edit = track.edits.find(([, mediaTime]) => mediaTime >= 0)?.[1] ?? 0;
  const micros = (ticks: number) => Math.round(((ticks - edit) * 1e6) / track.timescale);
  const samples = track.samples.map(({ dts, pts, sync, offset, size }) => ({
    trackId,
    dts: micros(dts),
    pts: micros(pts),
    key: sync,
    data: bytes.subarray(offset, offset + size),
  }));
  const at = Math.max(...CONFIG_BOXES.map((type) => bytes.indexOf(type)));
  const config = at < 0 ? Buffer.alloc(0) : bytes.subarray(at + 4, at - 4 + bytes.readUInt32BE(at - 4));
  return { config, samples };
}
