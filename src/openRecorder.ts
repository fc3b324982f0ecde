import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { Catalogue } from './catalogue/catalogue.ts';
import type { CatalogueDeps } from './catalogue/catalogue.ts';
import { Exports } from './catalogue/exports.ts';
import { Imports } from './catalogue/imports.ts';
import { Pictures } from './catalogue/pictures.ts';
import { Retention } from './catalogue/retention.ts';
import { catalogueOptions, exportOptions, pictureOptions, retentionOptions } from './catalogueWiring.ts';
import type { Settings } from './config/settings.ts';
import type { DiskRoom } from './domain/freeSpace.ts';
import type { PartEvidence } from './domain/integrityReport.ts';
import type { Logger } from './domain/log.ts';
import type { FinishedPart } from './domain/recording.ts';
import { RecordHooks } from './hooks/recordHooks.ts';
import type { OnHookEnd } from './hooks/recordHooks.ts';
import { needed } from './listening.ts';
import type { Ffmpeg } from './process/ffmpeg.ts';
import { DiskSpace } from './recorder/diskSpace.ts';
import { Recordings } from './recorder/recordings.ts';
import type { RecordingsDeps } from './recorder/recordings.ts';
import { RecordWatcher } from './recorder/recordWatcher.ts';
import { IntegrityReports } from './reports/integrityReports.ts';
import { KnownReports } from './reports/knownReports.ts';
import { isRecordedAutomatically } from './streams/automaticRecording.ts';
import type { Streams } from './streams/streams.ts';
import type { Lifetime } from './util/lifetime.ts';
import type { IngestWorkers } from './workers/ingestWorkers.ts';
import {
  automaticRecording,
  diskOptions,
  hookOptions,
  nameSettings,
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
  readonly catalogue: Catalogue;
  readonly imports: Imports;
  readonly retention: Retention;
  readonly exports: Exports;
  readonly pictures: Pictures;
  /** Recordings that an earlier process left unfinished. */
  readonly left: readonly string[];
  /** Takes over a finished part of any process. */
  readonly takePart: (part: FinishedPart, evidence: PartEvidence) => Promise<void>;
  /** Has what begins from now on go by other settings. Never rejects. */
  readonly use: (settings: Settings) => Promise<void>;
}

type Rooms = Omit<Recorder, 'use' | 'left'>;

export interface RecorderDeps {
  readonly settings: Settings;
  readonly environment: AppEnvironment;
  /** Absolute path. */
  readonly recordsDir: string;
  readonly streams: Streams;
  /** Joins finished files and makes their pictures; the one that records may be able to do less. */
  readonly exportFfmpeg: Ffmpeg;
  /** What other processes record; undefined before they can. */
  readonly workers: () => Pick<IngestWorkers, 'openRecordings' | 'unfinished'> | undefined;
  readonly log: Logger;
  /** Gets what closes the watches over the folder and its disk. */
  readonly lifetime: Lifetime;
}

/** Opens what records: what takes over each finished part comes first. @throws UnavailableError */
export async function openRecorder(ffmpeg: Ffmpeg, deps: RecorderDeps): Promise<Recorder> {
  const { recordsDir, lifetime } = deps;
  const inForce = { settings: deps.settings };
  const rooms = createRooms(ffmpeg, deps, inForce);
  const { recordings, hooks, reports, disk, catalogue, imports, retention, exports, pictures } = rooms;
  const onChange = (fileName: string): void => void catalogue.look(fileName);
  const watcher = new RecordWatcher(recordsDir, deps.log.child({ component: 'recorder' }), onChange);
  await needed(`record_dir: ${recordsDir} cannot be used`, recordings.open());
  const left = await needed(`record_dir: ${recordsDir} cannot be read`, recordings.findLeft());
  await needed(`record_dir: ${recordsDir} cannot be written`, access(recordsDir, constants.W_OK));
  await needed(`record_dir: the integrity reports cannot be used`, reports.open());
  await needed(`record_dir: the catalogue cannot be used`, catalogue.open());
  lifetime.defer(() => catalogue.close());
  lifetime.defer(() => imports.close());
  await needed(`record_dir: the hook spool cannot be used`, hooks.start());
  await watcher.open();
  lifetime.defer(() => watcher.close());
  await disk.open();
  lifetime.defer(() => disk.close());
  await needed(`record_dir: the exports cannot be made`, exports.open());
  lifetime.defer(() => exports.close());
  await needed(`record_dir: the pictures cannot be kept`, pictures.open());
  lifetime.defer(() => pictures.close());
  retention.open();
  lifetime.defer(() => retention.close());
  const use = (next: Settings): Promise<void> => {
    inForce.settings = next;
    return useSettings(next, rooms, deps, ffmpeg);
  };
  return { ...rooms, left, use };
}

function createRooms(ffmpeg: Ffmpeg, deps: RecorderDeps, inForce: { readonly settings: Settings }): Rooms {
  const { settings, environment, recordsDir } = deps;
  const logOf = (component: string): Logger => deps.log.child({ component });
  const onHookEnd: OnHookEnd = (part, end) => catalogue.noteHook(part, end);
  const hooks = new RecordHooks(hookOptions(settings, environment, recordsDir), logOf('hooks'), onHookEnd);
  const reports = new IntegrityReports(reportOptions(settings, recordsDir), logOf('reports'));
  const disk = new DiskSpace(diskOptions(settings, recordsDir), logOf('recorder'));
  const takePart: Recorder['takePart'] = async (part, evidence) => {
    await Promise.all([reports.take(part, evidence), catalogue.take(part, evidence)]);
    await hooks.enqueue(part);
  };
  const recordings = createRecordings(ffmpeg, deps, inForce, { disk, onPart: takePart });
  const others: CatalogueDeps = {
    now: () => ({
      unfinished: new Set([...recordings.unfinished, ...(deps.workers()?.unfinished ?? [])]),
      owed: hooks.states(),
    }),
    changes: () => recordings.counts.recordingsFinished + hooks.counts.changes,
    runHook: (part) => hooks.again(part),
    forgetReport: (file) => reports.remove(file),
    forgetPicture: (file) => pictures.forget(file),
    log: logOf('catalogue'),
  };
  const catalogue = new Catalogue(catalogueOptions(settings, recordsDir), others);
  const imports = new Imports({
    ...{ catalogue, recordsDir, log: logOf('catalogue') },
    reports: () => new KnownReports(recordsDir),
    names: () => nameSettings(inForce.settings),
  });
  const room = (): Promise<DiskRoom> => disk.recordsRoom();
  const retention = new Retention(retentionOptions(settings), { catalogue, room, log: logOf('retention') });
  const canSpare = (bytes: number): Promise<boolean> => disk.canSpare(bytes);
  const place = { recordsDir, env: environment.env };
  const toolsOf = (component: string) => ({ catalogue, canSpare, log: logOf(component) });
  const exports = new Exports(exportOptions(settings, deps.exportFfmpeg, place), toolsOf('exports'));
  const pictures = new Pictures(pictureOptions(settings, deps.exportFfmpeg, place), toolsOf('pictures'));
  return { recordings, hooks, reports, disk, catalogue, imports, retention, exports, pictures, takePart };
}

function createRecordings(
  ffmpeg: Ffmpeg,
  { settings, recordsDir, streams, workers, log }: RecorderDeps,
  inForce: { readonly settings: Settings },
  rooms: Pick<RecordingsDeps, 'disk' | 'onPart'>,
): Recordings {
  return new Recordings({
    ...rooms,
    ...{ streams, settings: recorderSettings(settings, recordsDir, ffmpeg) },
    log: log.child({ component: 'recorder' }),
    isAutomatic: (stream) => isRecordedAutomatically(stream, automaticRecording(inForce.settings)),
    others: () => workers()?.openRecordings() ?? 0,
  });
}

async function useSettings(
  settings: Settings,
  { recordings, hooks, reports, disk, catalogue, retention }: Rooms,
  { environment, recordsDir }: RecorderDeps,
  ffmpeg: Ffmpeg,
): Promise<void> {
  recordings.use(recorderSettings(settings, recordsDir, ffmpeg));
  reports.use(reportOptions(settings, recordsDir));
  retention.use(retentionOptions(settings));
  await hooks.use(hookOptions(settings, environment, recordsDir));
  catalogue.use(catalogueOptions(settings, recordsDir));
  // A hook that is there again has taken up what is owed; what it does not owe has ended.
  await hooks.start().then(
    () => catalogue.settle(),
    () => undefined,
  );
  await disk.use(diskOptions(settings, recordsDir));
}
