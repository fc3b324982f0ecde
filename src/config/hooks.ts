import { orEmpty, path, setting, whole } from './settingTypes.ts';

/** The program that is told about finished files. */
export const HOOKS = {
  on_record_hook_script: setting({
    type: orEmpty(path, 'runs none'),
    initial: 'on_record_hook.sh',
    doc: 'Program run for every finished file with the stream name and the absolute path; a relative one is looked up in scripts/, then bin/.',
    apply: 'live',
    wcs: true,
  }),
  on_record_hook_timeout: setting({
    type: whole('seconds', 1, 86_400),
    initial: '300',
    doc: 'Time the program has before it is killed.',
    apply: 'live',
  }),
  on_record_hook_parallel: setting({
    type: whole('programs', 1, 64),
    initial: '4',
    doc: 'Hook programs that may run at the same time; the files of one stream always come one after the other.',
    apply: 'restart',
  }),
} as const;
