import { orEmpty, path, setting, typeOf, whole } from './settingTypes.ts';
import type { SettingType } from './settingTypes.ts';

/** Exit codes of a program that did not succeed. */
const exitCodes: SettingType<'all' | readonly number[]> = typeOf(
  'exit codes from 1 to 255 with commas between them, as in 75,111, or all; empty for none',
  (text) => {
    if (text.toLowerCase() === 'all') return 'all';
    const words = text === '' ? [] : text.split(/\s*,\s*/);
    const codes = words.map((word) => (/^\d{1,3}$/.test(word) ? Number(word) : 0));
    return codes.every((code) => code >= 1 && code <= 255) ? codes : undefined;
  },
);

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
    apply: 'live',
  }),
  on_record_hook_retries: setting({
    type: whole('tries', 0, 1000),
    initial: '3',
    doc: 'Further tries of a program that could not be started, was killed or ended with one of on_record_hook_retry_exit_codes; the next files of its stream wait.',
    apply: 'live',
  }),
  on_record_hook_retry_exit_codes: setting({
    type: exitCodes,
    initial: '75',
    doc: 'Exit codes with which the program asks for another try; all: every code but 0. After any other code it is not run again by itself.',
    apply: 'live',
  }),
  on_record_hook_retry_delay: setting({
    type: whole('seconds', 1, 86_400),
    initial: '10',
    doc: 'Time before the second try; it doubles with each further one.',
    apply: 'live',
  }),
  on_record_hook_retry_max: setting({
    type: whole('seconds', 1, 86_400),
    initial: '600',
    doc: 'Longest time between two tries.',
    apply: 'live',
  }),
  on_record_hook_parked_max: setting({
    type: whole('runs', 1, 100_000),
    initial: '10000',
    doc: 'Failed runs that are kept to be run again by REST; the oldest above that are dropped.',
    apply: 'live',
  }),
} as const;
