import type { CatalogueOptions } from './catalogue/catalogue.ts';
import type { ExportOptions } from './catalogue/exports.ts';
import type { RetentionOptions } from './catalogue/retention.ts';
import type { Settings } from './config/settings.ts';
import type { Ffmpeg } from './process/ffmpeg.ts';

/** As `wiring.ts`, for the catalogue and what works on it. */

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
  {
    recordsDir,
    env,
  }: { readonly recordsDir: string; readonly env: Readonly<Record<string, string | undefined>> },
): ExportOptions {
  const parallel = settings.catalogue_export_parallel;
  return {
    ...{ ffmpegPath, recordsDir, parallel },
    maxWaiting: parallel * 8,
    timeoutMs: settings.catalogue_export_timeout * 1000,
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
