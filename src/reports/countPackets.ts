import type { FileHandle } from 'node:fs/promises';
import type { TrackEvidence } from '../domain/integrityReport.ts';
import { countMatroska } from '../media/matroska/count.ts';
import { BoxFile } from '../media/mp4/boxFile.ts';
import { scanFile } from '../media/mp4/scan.ts';

/** What a file holds of one kind of media. */
export interface PacketCount {
  readonly packets: number;
  readonly bytes: number;
}

export type PacketCounts = Readonly<Record<TrackEvidence['kind'], PacketCount>>;

export type CountedContainer = 'mp4' | 'webm' | 'mkv';

/** False for a container whose packets only reading all of it could count. */
export function isCounted(container: string): container is CountedContainer {
  return ['mp4', 'webm', 'mkv'].includes(container);
}

/**
 * Counts the packets of a finished file, by its index (MP4) or by its own elements (WebM, MKV); reads no media.
 * @throws Mp4Error, MatroskaError for a file that is damaged or another one.
 */
export async function countPackets(handle: FileHandle, container: CountedContainer): Promise<PacketCounts> {
  if (container !== 'mp4') return countMatroska(handle);
  const { size } = await handle.stat();
  const { movie } = await scanFile(new BoxFile(handle, size));
  const count = (kind: TrackEvidence['kind']): PacketCount => {
    const found = movie.tracks.find((track) => track.kind === kind);
    return { packets: found?.samples ?? 0, bytes: found?.sampleBytes ?? 0 };
  };
  return { video: count('video'), audio: count('audio') };
}
