import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readPlain } from '../unit/media/support/mp4.ts';
import { readMatroska } from './matroskaFile.ts';
import { packetsOf } from './packets.ts';

const md5 = (data: Buffer): string => createHash('md5').update(data).digest('hex');

/**
 * MD5 of every coded packet of a finished file, its video track before its audio. MP4 and Matroska are read here, a
 * hundred times as fast as FFmpeg starts; those of TS are in Annex B form, not as they were sent.
 */
export async function payloadsOf(file: string, tracks: number): Promise<string[][]> {
  if (file.endsWith('.ts')) {
    const kinds = (['v', 'a'] as const).slice(0, tracks);
    return Promise.all(kinds.map(async (kind) => (await packetsOf(file, kind)).map((packet) => packet.md5)));
  }
  if (!file.endsWith('.mp4')) {
    const { tracks: found, frames } = readMatroska(file);
    return found.map(({ number }) =>
      frames.filter(({ track }) => track === number).map(({ data }) => md5(data)),
    );
  }
  const bytes = readFileSync(file);
  return readPlain(bytes).tracks.map(({ samples }) =>
    samples.map(({ offset, size }) => md5(bytes.subarray(offset, offset + size))),
  );
}
