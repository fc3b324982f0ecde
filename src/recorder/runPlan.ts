import { join } from 'node:path';
import { chooseFormat } from '../domain/format.ts';
import type { RecordFormat } from '../domain/format.ts';
import type { Track } from '../domain/media.ts';
import type { ReconnectPolicy } from '../domain/recording.ts';
import type { Rotation } from '../domain/rotation.ts';
import { reorderDepth } from '../media/codecConfig.ts';
import { fitsFlv } from '../media/flvWriter.ts';
import type { RunPlan } from './ffmpegArgs.ts';
import type { RecorderSettings } from './settings.ts';

/** Plans a child for `tracks`: its input, its format, and its files `<prefix>-000000.<ext>` and so on in `folder`. */
export function planRun(
  tracks: readonly Track[],
  place: { readonly folder: string; readonly prefix: string },
  rotation: Rotation,
  settings: RecorderSettings,
): RunPlan {
  const format = chooseFormat(tracks, settings.formats);
  const probe = needsProbe(tracks, format, settings.canSetTimestamps);
  return {
    tracks,
    // Only FLV carries decode times; only Matroska's header says all there is to know of the tracks.
    input: probe && fitsFlv(tracks) ? 'flv' : 'matroska',
    probe,
    format,
    segmentSeconds: rotation.kind === 'time' ? rotation.seconds : undefined,
    fragmentMs: settings.fragmentMs,
    audioSampleRate: settings.audioSampleRate,
    audioBitrate: settings.audioBitrate,
    audioEffort: settings.audioEffort,
    output: join(place.folder, `${place.prefix}-%06d.${format.container}`),
  };
}

/**
 * True when a child's file goes on after its publisher was away. Of a hole that may be long FFmpeg would make short
 * segments, until their number has caught up, and all the silence of transcoded audio at once, in memory.
 * @param isFilled that silence is made here, piece by piece.
 */
export function goesOnAfterGap(
  { format, segmentSeconds }: RunPlan,
  policy: ReconnectPolicy,
  isFilled: boolean,
): boolean {
  if (policy !== 'keep-time') return policy === 'squeeze';
  return segmentSeconds === undefined && (format.audio === 'copy' || isFilled);
}

/** True unless the tracks' configurations tell all that copying them needs. */
function needsProbe(tracks: readonly Track[], format: RecordFormat, canSetTimestamps: boolean): boolean {
  if (format.audio !== 'copy') return true;
  return !tracks.every((track) => {
    if (track.kind === 'audio') return track.codec === 'aac' || track.codec === 'opus';
    // MP4 states the pixel format of VP8 and VP9, which no header but the frame's own carries here.
    if (format.container === 'mp4' && (track.codec === 'vp8' || track.codec === 'vp9')) return false;
    if (track.codec === 'hevc' || (track.codec === 'h264' && !canSetTimestamps)) return false;
    // Then decode and presentation times are one.
    return reorderDepth(track.codec, track.config) === 0;
  });
}
