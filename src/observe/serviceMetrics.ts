import { byWord, histogram, single } from '../ops/exposition.ts';
import type { Family } from '../ops/exposition.ts';
import type { HookCounts } from '../hooks/hookCounts.ts';
import type { HookLoad } from '../hooks/hookCounts.ts';
import type { Observed } from './observed.ts';

/** The hook. @param now milliseconds since the epoch. */
export function hookMetrics(counts: HookCounts, load: HookLoad, now: number): Family[] {
  const { owed, running, parked, oldestEndedAt } = load;
  const oldestMs = oldestEndedAt === undefined ? 0 : Math.max(0, now - oldestEndedAt);
  return [
    single('recorderd_hook_queue', 'gauge', 'Hook runs that wait or run, without parked ones.', owed),
    single('recorderd_hook_running', 'gauge', 'Hook runs that are under way.', running),
    single('recorderd_hook_parked', 'gauge', 'Hook runs that wait until somebody asks for them.', parked),
    single(
      'recorderd_hook_oldest_age_seconds',
      'gauge',
      'Time since the part ended whose hook run is owed for longest; 0 without one.',
      oldestMs / 1000,
    ),
    byWord('recorderd_hook_tries_total', 'Hook runs tried, by how it went.', 'result', counts.tries),
    histogram(
      'recorderd_hook_seconds',
      'Time that a try took which came to an end of its own.',
      counts.seconds,
    ),
    single('recorderd_hook_runs_parked_total', 'counter', 'Hook runs that were parked.', counts.parked),
    single(
      'recorderd_hook_runs_dropped_total',
      'counter',
      'Parked hook runs that were dropped for newer ones.',
      counts.dropped,
    ),
  ];
}

/** Finished files, and what retention deletes of them. */
export function catalogueMetrics({ catalogue, retention }: Observed): Family[] {
  return [
    single(
      'recorderd_catalogue_files',
      'gauge',
      'Finished files that the catalogue knows, moved and deleted ones included.',
      catalogue.size,
    ),
    byWord(
      'recorderd_retention_deleted_files_total',
      'Files that retention deleted, by why.',
      'reason',
      retention.deleted,
    ),
    single(
      'recorderd_retention_deleted_bytes_total',
      'counter',
      'Size of these files.',
      retention.deletedBytes,
    ),
  ];
}

/** What is served by http. */
export function httpMetrics({ requests }: Observed): Family[] {
  const of = (
    name: string,
    help: string,
    label: string,
    counted: Observed['requests']['answers'],
  ): Family => {
    const points = counted.map(({ path, word, count }) => ({
      labels: { path, [label]: word },
      value: count,
    }));
    return { name, type: 'counter', help, points };
  };
  return [
    of(
      'recorderd_http_requests_total',
      'Requests that were answered, by status.',
      'status',
      requests.answers,
    ),
    of('recorderd_http_errors_total', 'Error answers, by code.', 'code', requests.errors),
  ];
}
