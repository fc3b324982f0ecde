import { join } from 'node:path';
import type { Settings } from './config/settings.ts';
import { needed } from './listening.ts';
import type { AppEnvironment } from './openRecorder.ts';
import { findFfmpeg, findRecordingFfmpeg } from './process/ffmpeg.ts';
import type { Ffmpeg } from './process/ffmpeg.ts';

/** The FFmpegs of a server; often both are one. */
export interface Ffmpegs {
  /** For captures, snapshots and all else. */
  readonly general: Ffmpeg;
  readonly recording: Ffmpeg;
}

/** @throws UnavailableError */
export async function findFfmpegs(
  { ffmpeg_path: configuredPath, record_ffmpeg_path: recordPath }: Settings,
  { env, packageDir }: AppEnvironment,
): Promise<Ffmpegs> {
  const search = { configuredPath, searchPath: env['PATH'] ?? '', vendorDir: join(packageDir, 'vendor') };
  const general = await needed('', findFfmpeg(search));
  return { general, recording: await needed('', findRecordingFfmpeg({ ...search, recordPath }, general)) };
}

/** What the log tells of them. */
export function ffmpegFields({ general, recording }: Ffmpegs): Record<string, string> {
  return {
    ffmpeg: general.path,
    ffmpegVersion: general.version,
    recordFfmpeg: recording.path,
    recordFfmpegVersion: recording.version,
  };
}
