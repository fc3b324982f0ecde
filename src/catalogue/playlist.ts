import type { CatalogueFile } from '../domain/catalogue.ts';
import { RecorderdError } from '../domain/errors.ts';

const PLAYED_VIDEO: ReadonlySet<string | null> = new Set(['H264', 'H265', null]);

/**
 * An HLS media playlist (RFC 8216) over the files of one recording, a segment for each: TS as it is, MP4 as TS that is
 * made of it when it is asked for. Without an end while the recording goes on.
 * @throws RecorderdError FILE_NOT_FOUND when no file is there; EXPORT_IMPOSSIBLE for media that HLS does not carry.
 */
export function playlistOf(files: readonly CatalogueFile[], isDone: boolean): string {
  const there = files.filter(({ fileState }) => fileState === 'present');
  const [first] = there;
  if (first === undefined) throw new RecorderdError('FILE_NOT_FOUND', 'no file of it is here');
  there.forEach(demandHls);
  const longestS = Math.max(...there.map(({ durationMs }) => Math.ceil(durationMs / 1000)));
  const lines = [
    ...['#EXTM3U', '#EXT-X-VERSION:3', `#EXT-X-TARGETDURATION:${Math.max(1, longestS)}`],
    `#EXT-X-MEDIA-SEQUENCE:${first.partIndex - 1}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${first.partIndex - 1}`,
    ...(isDone ? ['#EXT-X-PLAYLIST-TYPE:VOD'] : []),
    ...there.flatMap((file, i) => [
      // The times of each file begin at zero.
      ...(i === 0 ? [] : ['#EXT-X-DISCONTINUITY']),
      `#EXT-X-PROGRAM-DATE-TIME:${new Date(file.startedAt).toISOString()}`,
      `#EXTINF:${(file.durationMs / 1000).toFixed(3)},`,
      uriOf(file),
    ]),
    ...(isDone ? ['#EXT-X-ENDLIST'] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** @throws RecorderdError EXPORT_IMPOSSIBLE */
export function demandHls({ container, videoCodec, fileName }: CatalogueFile): void {
  if ((container === 'mp4' || container === 'ts') && PLAYED_VIDEO.has(videoCodec)) return;
  const what = `${container} with ${videoCodec ?? 'no video'}`;
  throw new RecorderdError(
    'EXPORT_IMPOSSIBLE',
    `${fileName} is ${what}, HLS takes H264 and H265 in mp4 or ts`,
  );
}

function uriOf({ container, fileName, recordingId, partIndex }: CatalogueFile): string {
  if (container === 'ts') return `/client/records/${encodeURIComponent(fileName)}`;
  return `segment.ts?recordingId=${encodeURIComponent(recordingId)}&partIndex=${partIndex}`;
}
