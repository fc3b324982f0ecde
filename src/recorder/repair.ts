import type { Logger } from '../domain/log.ts';
import type { Sample } from '../domain/media.ts';
import type { PartSeries } from './partSeries.ts';
import type { Run } from './run.ts';
import type { RunFactory } from './runFactory.ts';

export interface RepairDeps {
  readonly runs: RunFactory;
  readonly series: PartSeries;
  readonly log: Logger;
}

/**
 * A child that died when its input had ended, or after another had taken over, gets one more for what is missing in
 * its file, whose part comes right behind. It is tried once. @returns true when the media has a child.
 */
export function repair(dead: Run, samples: readonly Sample[], { runs, series, log }: RepairDeps): boolean {
  const first = samples[0];
  if (first === undefined) return false;
  log.warn('the rest of a dead child is recorded by another', { givenAgain: samples.length });
  try {
    const tracks = dead.plan.tracks.filter(({ id }) => samples.some(({ trackId }) => trackId === id));
    const run = runs.start(tracks, (_exit, rest) => {
      logLost(rest, log);
      return false;
    });
    series.addRepair(dead, run, first.pts);
    for (const sample of samples) run.push(sample);
    run.finish();
    return true;
  } catch (err) {
    log.error('the rest of a dead child cannot be recorded', { err });
    logLost(samples, log);
    return false;
  }
}

/** Says which media no file holds. */
export function logLost(samples: readonly Sample[], log: Logger): void {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined) return;
  log.error('media is lost: no child could record it', {
    samples: samples.length,
    fromMs: Math.round(first.dts / 1000),
    toMs: Math.round(last.dts / 1000),
  });
}
