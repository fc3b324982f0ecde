import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Settings } from './config/settings.ts';
import type { Logger } from './domain/log.ts';
import type { Ffmpegs } from './ffmpegs.ts';
import type { WebRtcOptions } from './ingest/webrtc/server.ts';
import { needed } from './listening.ts';
import type { Recorder } from './openRecorder.ts';
import type { Connections } from './streams/connections.ts';
import type { Streams } from './streams/streams.ts';
import {
  automaticRecording,
  diskOptions,
  recorderSettings,
  rtmpOptions,
  rtspOptions,
  snapshotOptions,
  streamLimits,
  webRtcOptions,
} from './wiring.ts';
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

/** Ingest workers that are open. */
export interface Workers {
  readonly pool: IngestWorkers;
  /** Has what begins from now on go by other settings. Never rejects. */
  readonly use: (settings: Settings) => Promise<void>;
}

/** Starts the ingest workers that the settings want from the start. @throws UnavailableError */
export async function openWorkers(deps: OpenWorkersDeps): Promise<Workers> {
  const { settings, streams, connections, recorder, log } = deps;
  const { recordings, takePart: onPart } = recorder;
  const pool = new IngestWorkers(
    {
      ...{ streams, connections, recordings, onPart, modulePath: WORKER_MODULE },
      counts: recordings.counts,
      log: log.child({ component: 'workers' }),
    },
    workerSettingsOf(settings, deps),
    workersOptions(settings),
  );
  try {
    await needed('ingest_workers: an ingest worker cannot start', pool.open());
    return { pool, use: (next) => pool.use(workerSettingsOf(next, deps)) };
  } catch (error) {
    await pool.close();
    throw error;
  }
}

/** What each worker goes by. */
function workerSettingsOf(
  settings: Settings,
  { recordsDir, ffmpegs }: Pick<OpenWorkersDeps, 'recordsDir' | 'ffmpegs'>,
): SettingsOf {
  return (index) => ({
    rtmp: rtmpOptions(settings),
    rtsp: rtspOptions(settings),
    webrtc: webRtcOf(settings, index),
    streams: streamLimits(settings),
    secrets: settings.publish_secrets,
    automatic: automaticRecording(settings),
    recorder: recorderSettings(settings, recordsDir, ffmpegs.recording),
    disk: diskOptions(settings, recordsDir),
    snapshots: snapshotOptions(ffmpegs.general),
    logLevel: settings.log_level,
  });
}

/**
 * Two processes cannot share a port, but a range. One port alone is followed by those of the workers that the settings
 * ask for; a worker that is started by need takes none that nobody knows of.
 */
function webRtcOf(settings: Settings, index: number): WebRtcOptions | undefined {
  const options = webRtcOptions(settings);
  if (options === undefined || options.portRange !== undefined) return options;
  if (settings.ingest_workers === 'auto') return undefined;
  const { port = 0 } = options;
  return { ...options, port: port === 0 ? 0 : port + index };
}

/** Automatic leaves one core to the supervisor; where there is but one, a second process would be of no use. */
function workersOptions({ ingest_workers: wanted }: Settings): WorkersOptions {
  if (wanted === 'auto') return { max: availableParallelism() - 1, asNeeded: true };
  return { max: wanted, asNeeded: false };
}
