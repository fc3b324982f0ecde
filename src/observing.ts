import type { Settings } from './config/settings.ts';
import type { RequestCounts } from './http/requestCounts.ts';
import { Observation } from './observe/observation.ts';
import type { Observed } from './observe/observed.ts';
import type { AppEnvironment, Recorder } from './openRecorder.ts';
import { EventLoop } from './ops/eventLoop.ts';
import type { Lifetime } from './util/lifetime.ts';

export interface ObservingDeps extends Pick<
  Observed,
  'streams' | 'connections' | 'captures' | 'doors' | 'recordings' | 'workers'
> {
  readonly settings: Settings;
  readonly environment: AppEnvironment;
  readonly recorder: Recorder;
  readonly ffmpegVersion: string;
  readonly requests: RequestCounts;
  /** Gets what ends the watch over the event loop. */
  readonly lifetime: Lifetime;
}

/** Begins to watch the event loop; everything else is looked at when somebody asks. */
export function openObservation(deps: ObservingDeps): Observation {
  const { settings, environment, recorder, ffmpegVersion, lifetime } = deps;
  const { streams, connections, captures, doors, requests, recordings, workers } = deps;
  const { hooks, catalogue, retention, disk } = recorder;
  const eventLoop = new EventLoop();
  eventLoop.start();
  lifetime.defer(() => eventLoop.stop());
  return new Observation({
    ...{ streams, connections, captures, eventLoop, doors, requests },
    ...{ recordings, workers, hooks, catalogue, retention, disk },
    versions: { recorderd: environment.version, ffmpeg: ffmpegVersion },
    listMax: settings.status_list_max,
  });
}
