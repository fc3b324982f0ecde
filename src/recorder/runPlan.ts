import { join } from 'node:path';
import { chooseFormat } from '../domain/format.ts';
import type { Track } from '../domain/media.ts';
import type { Rotation } from '../domain/rotation.ts';
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
  return {
    tracks,
    input: fitsFlv(tracks) ? 'flv' : 'matroska',
    format,
    segmentSeconds: rotation.kind === 'time' ? rotation.seconds : undefined,
    fragmentMs: settings.fragmentMs,
    audioSampleRate: settings.audioSampleRate,
    audioBitrate: settings.audioBitrate,
    output: join(place.folder, `${place.prefix}-%06d.${format.container}`),
  };
}
