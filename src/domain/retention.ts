import { matchesGlob } from '../util/glob.ts';
import { isHookOver } from './catalogue.ts';
import type { CatalogueFile } from './catalogue.ts';
import { limitOn } from './freeSpace.ts';
import type { DiskRoom, FreeSpaceLimit } from './freeSpace.ts';

/** What streams whose name fits `pattern` (see `matchesGlob`) may have; `max` in milliseconds or bytes. */
export interface RetentionRule {
  readonly pattern: string;
  readonly max: number;
}

/** Which finished files are deleted by themselves. Without any limit none is. */
export interface RetentionRules {
  /** Age since the end of the file. The first rule that fits a stream name decides; a name that none fits has no limit. */
  readonly ages: readonly RetentionRule[];
  /** Sum of the files for which the rule is the first that fits. */
  readonly sizes: readonly RetentionRule[];
  /** Free space that the disk is to have. */
  readonly minFree: FreeSpaceLimit;
  /** Patterns of stream names whose files are never deleted. */
  readonly keep: readonly string[];
  /** Deletes files whose hook has not ended well, too. */
  readonly unfinishedHooks: boolean;
}

export const RETENTION_REASONS = ['age', 'size', 'free-space'] as const;
export type RetentionReason = (typeof RETENTION_REASONS)[number];

export interface RetentionDeletion {
  readonly file: CatalogueFile;
  readonly reason: RetentionReason;
  /** Of the rule that asks for it; null where it is the disk. */
  readonly pattern: string | null;
}

/** True for rules that can delete anything. */
export function hasLimits({ ages, sizes, minFree }: RetentionRules): boolean {
  return ages.length > 0 || sizes.length > 0 || Object.keys(minFree).length > 0;
}

/** True when retention may delete a file at all. */
export function isDeletable(file: CatalogueFile, rules: RetentionRules): boolean {
  if (file.fileState !== 'present' || rules.keep.some((pattern) => matchesGlob(pattern, file.streamName)))
    return false;
  return rules.unfinishedHooks || isHookOver(file.hookState);
}

/**
 * What is to be deleted: first what is too old, then the oldest of what is too much, then the oldest of all until the disk
 * is as free as it is to be. Files that may not be deleted count for the sums and stay.
 */
export function planRetention(
  files: Iterable<CatalogueFile>,
  rules: RetentionRules,
  { now, room }: { readonly now: number; readonly room: DiskRoom },
): readonly RetentionDeletion[] {
  const present = [...files].filter(({ fileState }) => fileState === 'present');
  present.sort((a, b) => a.endedAt - b.endedAt);
  const planned = new Map<CatalogueFile, RetentionDeletion>();
  const plan = (file: CatalogueFile, reason: RetentionReason, pattern: string | null): boolean => {
    if (planned.has(file) || !isDeletable(file, rules)) return false;
    planned.set(file, { file, reason, pattern });
    return true;
  };
  for (const file of present) {
    const rule = ruleFor(file, rules.ages);
    if (rule !== undefined && now - file.endedAt > rule.max) plan(file, 'age', rule.pattern);
  }
  for (const rule of rules.sizes) {
    const group = present.filter((file) => ruleFor(file, rules.sizes) === rule && !planned.has(file));
    let bytes = bytesOf(group);
    for (const file of group) {
      if (bytes <= rule.max) break;
      if (plan(file, 'size', rule.pattern)) bytes -= file.bytes;
    }
  }
  let free = room.freeBytes + bytesOf([...planned.keys()]);
  const wanted = limitOn(room.totalBytes, rules.minFree);
  for (const file of present) {
    if (free >= wanted) break;
    if (plan(file, 'free-space', null)) free += file.bytes;
  }
  return [...planned.values()];
}

function ruleFor({ streamName }: CatalogueFile, rules: readonly RetentionRule[]): RetentionRule | undefined {
  return rules.find(({ pattern }) => matchesGlob(pattern, streamName));
}

function bytesOf(files: readonly CatalogueFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}
