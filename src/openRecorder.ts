import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { Settings } from './config/settings.ts';
import type { Logger } from './domain/log.ts';
import { RecordHooks } from './hooks/recordHooks.ts';
import { needed } from './listening.ts';
import type { Ffmpeg } from './process/ffmpeg.ts';
import { DiskSpace } from './recorder/diskSpace.ts';
import { Recordings } from './recorder/recordings.ts';
import { RecordWatcher } from './recorder/recordWatcher.ts';
import { IntegrityReports } from './reports/integrityReports.ts';
import type { Streams } from './streams/streams.ts';
import type { Lifetime } from './util/lifetime.ts';
import {
  diskOptions,
  hookOptions,
  isRecordedAutomatically,
  recorderSettings,
  reportOptions,
} from './wiring.ts';

/** Where the process runs. */
export interface AppEnvironment {
  /** WCS home, absolute: relative paths of the settings start here. */
  readonly home: string;
  /** Folder of the installed package, which holds `vendor/` and `web/`. */
  readonly packageDir: string;
  /** Of the package. */
  readonly version: string;
  /** The process's environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What records, and what is done with the files. */
export interface Recorder {
  readonly recordings: Recordings;
  readonly hooks: RecordHooks;
  readonly reports: IntegrityReports;
  readonly disk: DiskSpace;
  /** Has what begins from now on go by other settings. Never rejects. */
  readonly use: (settings: Settings) => Promise<void>;
}

export interface RecorderDeps {
  readonly settings: Settings;
  readonly environment: AppEnvironment;
  /** Absolute path. */
  readonly recordsDir: string;
  readonly streams: Streams;
  readonly log: Logger;
  /** Gets what closes the watches over the folder and its disk. */
  readonly lifetime: Lifetime;
}

/** Opens what records: reports and hooks first, which take over each finished part. @throws UnavailableError */
export async function openRecorder(ffmpeg: Ffmpeg, deps: RecorderDeps): Promise<Recorder> {
  const { settings, environment, recordsDir, lifetime } = deps;
  const log = deps.log.child({ component: 'recorder' });
  const inForce = { settings };
  const hooks = new RecordHooks(
    hookOptions(settings, environment, recordsDir),
    deps.log.child({ component: 'hooks' }),
  );
  const reports = new IntegrityReports(
    reportOptions(settings, recordsDir),
    deps.log.child({ component: 'reports' }),
  );
  const disk = new DiskSpace(diskOptions(settings, recordsDir), log);
  const recordings = new Recordings({
    streams: deps.streams,
    settings: recorderSettings(settings, recordsDir, ffmpeg),
    ...{ disk, log },
    isAutomatic: (stream) => isRecordedAutomatically(stream, inForce.settings),
    onPart: async (part, evidence) => {
      await reports.take(part, evidence);
      await hooks.enqueue(part);
    },
  });
  const watcher = new RecordWatcher(recordsDir, log);
  await needed(`record_dir: ${recordsDir} cannot be used`, recordings.open());
  await needed(`record_dir: ${recordsDir} cannot be written`, access(recordsDir, constants.W_OK));
  await needed(`record_dir: the integrity reports cannot be used`, reports.open());
  await needed(`record_dir: the hook spool cannot be used`, hooks.start());
  await watcher.open();
  lifetime.defer(() => watcher.close());
  await disk.open();
  lifetime.defer(() => disk.close());
  const rooms = { recordings, hooks, reports, disk };
  const use = (next: Settings): Promise<void> => {
    inForce.settings = next;
    return useSettings(next, rooms, deps, ffmpeg);
  };
  return { ...rooms, use };
}

async function useSettings(
  settings: Settings,
  { recordings, hooks, reports, disk }: Omit<Recorder, 'use'>,
  { environment, recordsDir }: RecorderDeps,
  ffmpeg: Ffmpeg,
): Promise<void> {
  recordings.use(recorderSettings(settings, recordsDir, ffmpeg));
  reports.use(reportOptions(settings, recordsDir));
  await hooks.use(hookOptions(settings, environment, recordsDir));
  await disk.use(diskOptions(settings, recordsDir));
}
