import { flag, setting, whole } from './settingTypes.ts';

/** What is told of finished files, and where. */
export const REPORTS = {
  record_reports_keep: setting({
    type: whole('reports', 0, 100_000),
    initial: '10000',
    doc: 'Newest integrity reports, one per finished file, that are kept in .reports of the records folder and answered by REST; 0 keeps none.',
    apply: 'restart',
  }),
  record_report_sha256: setting({
    type: flag,
    initial: 'true',
    doc: 'Computes the SHA-256 of each finished file for its integrity report, after the hook has been started, piece by piece.',
    apply: 'live',
  }),
  record_report_file: setting({
    type: flag,
    initial: 'false',
    doc: 'Writes each integrity report beside its file, too, as stream.mp4.json, once it is complete.',
    apply: 'live',
  }),
} as const;
