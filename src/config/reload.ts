import type { LoadResult } from './load.ts';
import { SETTINGS, SETTING_KEYS } from './settings.ts';
import type { SettingKey, Settings } from './settings.ts';

/** Settings that passed every check, with their texts. */
export type Effective = Extract<LoadResult, { readonly ok: true }>;

/** What becomes of a settings file that is read again. */
export interface Reload {
  /** What is in force from now on: `live` keys as read, the others as they were. */
  readonly effective: Effective;
  /** Live keys whose values changed. */
  readonly applied: readonly SettingKey[];
  /** Other keys whose values differ from those in force. */
  readonly needRestart: readonly SettingKey[];
}

/** Takes over the live keys of `read`. Values are compared as they are written, but for blanks around them. */
export function reloadSettings(inForce: Effective, read: Effective): Reload {
  const changed = SETTING_KEYS.filter((key) => inForce.texts[key].trim() !== read.texts[key].trim());
  const applied = changed.filter((key) => SETTINGS[key].apply === 'live');
  const take = <T>(old: Readonly<Record<SettingKey, T>>, next: Readonly<Record<SettingKey, T>>) => ({
    ...old,
    ...Object.fromEntries(applied.map((key) => [key, next[key]])),
  });
  // Each key has its own type; it is taken whole from either side.
  const settings = Object.freeze(take<unknown>(inForce.settings, read.settings)) as Settings;
  const texts = take(inForce.texts, read.texts);
  const sources = take(inForce.sources, read.sources);
  return {
    effective: { ok: true, settings, texts, sources, warnings: read.warnings },
    applied,
    needRestart: changed.filter((key) => SETTINGS[key].apply === 'restart'),
  };
}
