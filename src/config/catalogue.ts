import { ageRules, patterns, sizeRules } from './catalogueTypes.ts';
import { freeSpaceLimit } from './recordingTypes.ts';
import { flag, setting, whole } from './settingTypes.ts';

/** What is known of finished files, and how long they are kept. */
export const CATALOGUE = {
  catalogue_max_files: setting({
    type: whole('files', 1, 1_000_000),
    initial: '100000',
    doc: 'Finished files that the catalogue knows; above that the oldest are forgotten, first those that are not there any more. Each takes about 1 KB of memory.',
    apply: 'live',
  }),
  catalogue_check_interval: setting({
    type: whole('seconds', 1, 86_400),
    initial: '60',
    doc: 'Time between two comparisons of the catalogue with the records folder; a folder of up to 1,000 files is watched, too.',
    apply: 'live',
  }),
  catalogue_export_parallel: setting({
    type: whole('exports', 1, 64),
    initial: '1',
    doc: 'Exports of joined parts, and HLS segments, that are made at the same time; eight times as many may wait.',
    apply: 'restart',
  }),
  catalogue_export_timeout: setting({
    type: whole('seconds', 1, 86_400),
    initial: '3600',
    doc: 'Time that one of them may take to be made.',
    apply: 'restart',
  }),
  catalogue_pictures_max: setting({
    type: whole('pictures', 0, 1_000_000),
    initial: '10000',
    doc: 'Pictures of finished files (about 10 KB each) that are kept for the operator page; 0 makes none.',
    apply: 'restart',
  }),
  catalogue_picture_timeout: setting({
    type: whole('seconds', 1, 3600),
    initial: '30',
    doc: 'Time that FFmpeg may take for one of them.',
    apply: 'restart',
  }),
  retention_age: setting({
    type: ageRules,
    initial: '',
    doc: 'Deletes files that ended longer ago.',
    apply: 'live',
  }),
  retention_size: setting({
    type: sizeRules,
    initial: '',
    doc: 'Deletes the oldest files of the streams of a pattern that are larger together.',
    apply: 'live',
  }),
  retention_free: setting({
    type: freeSpaceLimit,
    initial: '',
    doc: 'Deletes the oldest files of all streams while the disk has less free space; should be above disk_stop_free.',
    apply: 'live',
  }),
  retention_keep: setting({
    type: patterns,
    initial: '',
    doc: 'Streams whose files are never deleted by themselves.',
    apply: 'live',
  }),
  retention_unfinished_hooks: setting({
    type: flag,
    initial: 'false',
    doc: 'Deletes files whose hook has not ended well, too.',
    apply: 'live',
  }),
  retention_interval: setting({
    type: whole('seconds', 1, 86_400),
    initial: '300',
    doc: 'Time between two looks for files to delete.',
    apply: 'live',
  }),
  retention_dry_run: setting({
    type: flag,
    initial: 'false',
    doc: 'Deletes nothing; the log says what would be deleted.',
    apply: 'live',
  }),
} as const;
