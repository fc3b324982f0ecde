import { expect } from 'vitest';
import type { Packet } from './packets.ts';
import { packetsOf } from './packets.ts';

/** Milliseconds from each packet to the next, on the decode and the presentation clock. */
function steps(packets: readonly Packet[], clock: 'dts' | 'pts'): number[] {
  return packets.slice(1).map((packet, i) => packet[clock] - packets[i]![clock]);
}

/**
 * The packets of `files`, one after the other, are those of `source`: the same payloads in the same order, and in
 * each file the same distances between them as in the source.
 */
export async function expectSamePackets(
  source: string,
  files: readonly string[],
  kind: 'v' | 'a',
): Promise<void> {
  const expected = await packetsOf(source, kind);
  const parts = await Promise.all(files.map((file) => packetsOf(file, kind)));
  expect(parts.flat().map((packet) => packet.md5)).toEqual(expected.map((packet) => packet.md5));
  let at = 0;
  for (const part of parts) {
    const wanted = expected.slice(at, at + part.length);
    at += part.length;
    // RTMP counts whole milliseconds; audio ticks of 1/44100 s are rounded on the way.
    for (const clock of ['dts', 'pts'] as const) expectClose(steps(part, clock), steps(wanted, clock), 1.1);
  }
}

function expectClose(found: readonly number[], wanted: readonly number[], toleranceMs: number): void {
  const worst = Math.max(0, ...found.map((value, i) => Math.abs(value - wanted[i]!)));
  expect(worst).toBeLessThanOrEqual(toleranceMs);
}

/** Distance in milliseconds from the first audio to the first video packet, as presented. */
async function audioVideoOffset(file: string): Promise<number> {
  const [video, audio] = [await packetsOf(file, 'v'), await packetsOf(file, 'a')];
  const firstVideo = Math.min(...video.map((packet) => packet.pts));
  return audio[0]!.pts - firstVideo;
}

/** Audio lies beside the video as in the source. */
export async function expectAligned(source: string, file: string): Promise<void> {
  expect(Math.abs((await audioVideoOffset(file)) - (await audioVideoOffset(source)))).toBeLessThanOrEqual(
    1.1,
  );
}
