import type { FileHandle } from 'node:fs/promises';
import type { Codec } from '../../domain/codec.ts';
import type { FileFacts } from '../../domain/media.ts';
import { BoxFile } from './boxFile.ts';
import { needBox } from './boxes.ts';
import type { Movie, MovieTrack } from './movie.ts';
import { scanFile } from './scan.ts';

/** By the type of the sample entry. */
const CODECS: Readonly<Record<string, Codec>> = {
  avc1: 'h264',
  avc3: 'h264',
  hvc1: 'hevc',
  hev1: 'hevc',
  vp08: 'vp8',
  vp09: 'vp9',
  av01: 'av1',
  mp4a: 'aac',
  Opus: 'opus',
  '.mp3': 'mp3',
};
/** Where a sample entry stands in `stsd`: behind version, flags, number of entries and its own size. */
const ENTRY_TYPE = 12;
/** Tags of ISO 14496-1, 7.2.2.1. */
const DECODER_CONFIG_TAG = 0x04;
/** MPEG-1 and MPEG-2 audio, layers 1 to 3 (ISO 14496-1, 7.2.6.6). */
const MPEG_AUDIO: ReadonlySet<number> = new Set([0x69, 0x6b]);

/** Undefined for a fragmented file. @throws Mp4Error for a file that is damaged or none. */
export async function mp4Facts(handle: FileHandle): Promise<FileFacts | undefined> {
  const { size } = await handle.stat();
  const { movie } = await scanFile(new BoxFile(handle, size));
  if (movie.fragmented) return undefined;
  const codecOf = (kind: MovieTrack['kind']): string | null => {
    const track = movie.tracks.find((each) => each.kind === kind);
    return track === undefined ? null : entryCodec(movie, track);
  };
  const durationMs = Math.round((movie.duration * 1000) / movie.timescale);
  return { durationMs, videoCodec: codecOf('video'), audioCodec: codecOf('audio') };
}

/** The type of the first sample entry itself where it is none of ours. */
function entryCodec({ bytes }: Movie, track: MovieTrack): string {
  const stsd = needBox(bytes, track.box, 'mdia', 'minf', 'stbl', 'stsd');
  const entry = bytes.subarray(stsd.body, stsd.end);
  const type = entry.toString('latin1', ENTRY_TYPE, ENTRY_TYPE + 4);
  if (type === 'mp4a' && MPEG_AUDIO.has(objectType(entry))) return 'mp3';
  return CODECS[type] ?? type;
}

/** What `esds` says that `mp4a` is; 0 when it does not. */
function objectType(entry: Buffer): number {
  const esds = entry.indexOf('esds', ENTRY_TYPE, 'latin1');
  const tag = esds < 0 ? -1 : entry.indexOf(DECODER_CONFIG_TAG, esds + 4 + 4 + 1 + 1 + 3);
  if (tag < 0) return 0;
  let at = tag + 1;
  // The length, of which all bytes but the last have their highest bit set.
  while (((entry[at] ?? 0) & 0x80) !== 0) at++;
  return entry[at + 1] ?? 0;
}
