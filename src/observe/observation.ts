import type { LiveState, StatGroups } from '../domain/liveState.ts';
import { exposition } from '../ops/exposition.ts';
import { processLoad } from '../ops/processLoad.ts';
import { ingestMetrics } from './ingestMetrics.ts';
import { liveState } from './liveState.ts';
import { machineMetrics } from './machineMetrics.ts';
import type { Observed } from './observed.ts';
import { recordingMetrics } from './recordingMetrics.ts';
import { catalogueMetrics, hookMetrics, httpMetrics } from './serviceMetrics.ts';
import { statGroups } from './stat.ts';
import { workerMetrics } from './workerMetrics.ts';

/** Tells how the server does. Everything is read when it is asked for, and costs nothing otherwise. */
export class Observation {
  readonly #observed: Observed;

  constructor(observed: Observed) {
    this.#observed = observed;
  }

  /** In Prometheus' text format. Explained in docs/metrics.md. */
  async metrics(): Promise<string> {
    const observed = this.#observed;
    const [hooks, load] = await Promise.all([observed.hooks.load(), processLoad()]);
    return exposition([
      ...recordingMetrics(observed),
      ...hookMetrics(observed.hooks.counts, hooks, Date.now()),
      ...catalogueMetrics(observed),
      ...ingestMetrics(observed),
      ...httpMetrics(observed),
      ...machineMetrics(observed, load),
      ...workerMetrics(observed),
    ]);
  }

  /** For `?action=stat`. */
  stat(): Promise<StatGroups> {
    return statGroups(this.#observed);
  }

  live(): Promise<LiveState> {
    return liveState(this.#observed, Date.now());
  }
}
