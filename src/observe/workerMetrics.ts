import type { Family } from '../ops/exposition.ts';
import type { IngestWorker } from '../workers/ingestWorker.ts';
import type { Observed } from './observed.ts';

/** Processes that receive streams besides the server itself; those that were started and have not ended. */
export function workerMetrics({ workers }: Observed): Family[] {
  const all = workers.all;
  const of = (
    name: string,
    type: 'counter' | 'gauge',
    help: string,
    value: (worker: IngestWorker) => number | undefined,
  ): Family => {
    const points = all.flatMap((worker) => {
      const known = value(worker);
      return known === undefined ? [] : [{ labels: { worker: String(worker.index) }, value: known }];
    });
    return { name, type, help, points };
  };
  return [
    of('recorderd_worker_up', 'gauge', '1 for an ingest worker that takes streams.', (worker) =>
      worker.isReady ? 1 : 0,
    ),
    of('recorderd_worker_streams', 'gauge', 'Live streams of the worker.', ({ mirror }) => mirror.size),
    of(
      'recorderd_worker_busy_ratio',
      'gauge',
      'Share of time for which its event loop worked lately.',
      ({ pressure }) => pressure.busy,
    ),
    of(
      'recorderd_worker_cpu_seconds_total',
      'counter',
      'CPU time of the worker without its children.',
      (worker) => worker.figures?.process.cpuSeconds,
    ),
    of(
      'recorderd_worker_resident_memory_bytes',
      'gauge',
      'Memory of the worker in RAM.',
      (worker) => worker.figures?.process.residentBytes,
    ),
  ];
}
