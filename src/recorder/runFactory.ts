import { dirname } from 'node:path';
import type { Logger } from '../domain/log.ts';
import type { Track } from '../domain/media.ts';
import type { Rotation } from '../domain/rotation.ts';
import type { Ticker } from '../util/ticker.ts';
import type { DiskSpace } from './diskSpace.ts';
import type { FragmentIndexes } from './fragmentIndexes.ts';
import { makeFoldersNow } from './makeFolder.ts';
import type { RecorderCounts } from './recorderCounts.ts';
import { Run } from './run.ts';
import type { OnDied } from './run.ts';
import { planRun } from './runPlan.ts';
import type { RecorderSettings } from './settings.ts';
import type { WorkSync } from './workSync.ts';

export interface RunFactoryDeps {
  /** Makes the publisher wait, if it can, until the returned function is called. */
  readonly holdPublisher: () => () => void;
  readonly settings: RecorderSettings;
  readonly rotation: Rotation;
  readonly batches: Ticker;
  readonly sync: WorkSync;
  readonly indexes: FragmentIndexes;
  readonly disk: DiskSpace;
  readonly counts: RecorderCounts;
  /** Where the working files go. */
  readonly workDir: string;
  readonly log: Logger;
}

/** Starts the children of one recording. */
export class RunFactory {
  readonly #deps: RunFactoryDeps;
  #count = 0;

  constructor(deps: RunFactoryDeps) {
    this.#deps = deps;
  }

  /** Starts a child for `tracks`. @throws Error when its folder cannot be made or its media not be declared. */
  start(tracks: readonly Track[], onDied: OnDied): Run {
    const { holdPublisher, settings, rotation, batches, sync, indexes, disk, counts, workDir, log } =
      this.#deps;
    makeFoldersNow(settings.recordsDir, dirname(workDir), workDir);
    const place = { folder: workDir, prefix: String(this.#count++).padStart(3, '0') };
    const plan = planRun(tracks, place, rotation, settings);
    const deps = { holdPublisher, onNoSpace: () => disk.reportFull() };
    return new Run(plan, { ...settings, batches, sync, indexes, counts, log, ...deps }, onDied);
  }
}
