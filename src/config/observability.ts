import { setting, whole } from './settingTypes.ts';

/** Metrics and events (docs/metrics.md, docs/rest.md). */
export const OBSERVABILITY = {
  status_list_max: setting({
    type: whole('entries', 0, 10_000),
    initial: '200',
    doc: 'Streams, and recordings, that metrics and events tell of one by one; their numbers count all.',
    apply: 'restart',
  }),
  events_max_listeners: setting({
    type: whole('listeners', 1, 1000),
    initial: '16',
    doc: 'Clients that listen to /rest-api/events at the same time, such as open operator pages.',
    apply: 'restart',
  }),
} as const;
