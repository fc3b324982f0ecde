import type { CatalogueOptions } from './catalogue/catalogue.ts';
import type { ExportOptions } from './catalogue/exports.ts';
import type { PictureOptions } from './catalogue/pictures.ts';
import type { RetentionOptions } from './catalogue/retention.ts';
import type { Settings } from './config/settings.ts';
import type { Ffmpeg } from './process/ffmpeg.ts';

/** As `wiring.ts`, for the catalogue and what works on it. */

interface Place {
  readonly recordsDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export function catalogueOptions(settings: Settings, recordsDir: string): CatalogueOptions {
  return {
    recordsDir,
    maxFiles: settings.catalogue_max_files,
    checkMs: settings.catalogue_check_interval * 1000,
    hasHook: settings.on_record_hook_script !== '',
  };
}

export function exportOptions(
  settings: Settings,
  { path: ffmpegPath }: Ffmpeg,
  { recordsDir, env }: Place,
): ExportOptions {
  const parallel = settings.catalogue_export_parallel;
  return {
    ...{ ffmpegPath, recordsDir, parallel },
    maxWaiting: parallel * 8,
    timeoutMs: settings.catalogue_export_timeout * 1000,
    env: { PATH: env['PATH'] ?? '' },
  };
}

/** Bounds as for snapshots. */
export function pictureOptions(
  settings: Settings,
  { path: ffmpegPath }: Ffmpeg,
  { recordsDir, env }: Place,
): PictureOptions {
  return {
    ...{ ffmpegPath, recordsDir },
    max: settings.catalogue_pictures_max,
    maxWaiting: 64,
    timeoutMs: settings.catalogue_picture_timeout * 1000,
    maxPixels: 33_554_432,
    env: { PATH: env['PATH'] ?? '' },
  };
}

export function retentionOptions(settings: Settings): RetentionOptions {
  return {
    rules: {
      ages: settings.retention_age,
      sizes: settings.retention_size,
      minFree: settings.retention_free,
      keep: settings.retention_keep,
      unfinishedHooks: settings.retention_unfinished_hooks,
    },
    intervalMs: settings.retention_interval * 1000,
    dryRun: settings.retention_dry_run,
  };
}
