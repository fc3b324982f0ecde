import { autoOr, oneOf, setting, whole } from './settingTypes.ts';

/** The server process itself. */
export const PROCESS = {
  ingest_workers: setting({
    type: autoOr(whole('processes', 0, 64)),
    initial: 'auto',
    doc: 'Processes that receive and record streams besides the server itself: auto starts them when it is busy, at most one less than there are cores; a number starts as many at once, and they get all streams; 0 has none.',
    apply: 'restart',
  }),
  shutdown_timeout: setting({
    type: whole('seconds', 1, 3600),
    initial: '30',
    doc: 'Time the server has, after SIGTERM, to finish files and hooks.',
    apply: 'live',
  }),
  log_level: setting({
    type: oneOf('debug', 'info', 'warn', 'error'),
    initial: 'info',
    doc: 'Least important lines that are written to the log.',
    apply: 'live',
  }),
  log_format: setting({
    type: oneOf('auto', 'text', 'json'),
    initial: 'auto',
    doc: 'Form of the log on standard output; auto is text on a terminal and JSON lines elsewhere.',
    apply: 'restart',
  }),
} as const;
