import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Settings } from './config/settings.ts';
import type { Logger } from './domain/log.ts';
import type { Ffmpegs } from './ffmpegs.ts';
import { needed } from './listening.ts';
import type { Recorder } from './openRecorder.ts';
import type { Connections } from './streams/connections.ts';
import type { Streams } from './streams/streams.ts';
import { workerSettings } from './wiring.ts';
import { IngestWorkers } from './workers/ingestWorkers.ts';
import type { SettingsOf, WorkersOptions } from './workers/ingestWorkers.ts';

const WORKER_MODULE = fileURLToPath(new URL('./worker.js', import.meta.url));

export interface OpenWorkersDeps {
  readonly settings: Settings;
  readonly recordsDir: string;
  readonly ffmpegs: Ffmpegs;
  readonly streams: Streams;
  readonly connections: Connections;
  readonly recorder: Recorder;
  readonly log: Logger;
}

/** Starts the ingest workers that the settings want from the start. @throws UnavailableError */
export async function openWorkers(deps: OpenWorkersDeps): Promise<IngestWorkers> {
  const { settings, streams, connections, recorder, log } = deps;
  const { recordings, takePart: onPart } = recorder;
  const workers = new IngestWorkers(
    {
      ...{ streams, connections, recordings, onPart, modulePath: WORKER_MODULE },
      counts: recordings.counts,
      log: log.child({ component: 'workers' }),
    },
    workerSettingsOf(settings, deps),
    workersOptions(settings),
  );
  try {
    await needed('ingest_workers: an ingest worker cannot start', workers.open());
    return workers;
  } catch (error) {
    await workers.close();
    throw error;
  }
}

/** What each worker goes by. */
export function workerSettingsOf(
  settings: Settings,
  { recordsDir, ffmpegs }: Pick<OpenWorkersDeps, 'recordsDir' | 'ffmpegs'>,
): SettingsOf {
  return (index) => workerSettings(settings, { recordsDir, ffmpegs, index });
}

/** Automatic leaves one core to the supervisor. */
function workersOptions({ ingest_workers: wanted }: Settings): WorkersOptions {
  if (wanted === 'auto') return { max: Math.max(1, availableParallelism() - 1), asNeeded: true };
  return { max: wanted, asNeeded: false };
}
