import type { Finding } from './crossChecks.ts';
import { crossCheck } from './crossChecks.ts';
import { nearest } from './nearest.ts';
import type { Offer, SettingsInput } from './offers.ts';
import { collectOffers, envName } from './offers.ts';
import type { SettingKey, Settings } from './settings.ts';
import { SETTINGS, SETTING_KEYS, isSettingKey } from './settings.ts';
import { UNUSED_WCS_KEYS } from './unusedKeys.ts';

/** Effective settings, or every reason why there are none. Each message is one line that begins with its place. */
export type LoadResult =
  | {
      readonly ok: true;
      readonly settings: Settings;
      /** The settings as text, for display. */
      readonly texts: Readonly<Record<SettingKey, string>>;
      /** `default`, `file:line`, the environment variable, or `--set`. */
      readonly sources: Readonly<Record<SettingKey, string>>;
      readonly warnings: readonly string[];
    }
  | { readonly ok: false; readonly problems: readonly string[]; readonly warnings: readonly string[] };

/** Source of a setting that nobody set. */
export const DEFAULT_SOURCE = 'default';

/**
 * Puts defaults, file, environment and command line together, the later ones winning. Every value that was given
 * is checked, also one that a later source replaces. Unknown keys and keys that only WCS reads are warnings.
 */
export function loadSettings(input: SettingsInput): LoadResult {
  const { offers, problems: formProblems, warnings: formWarnings } = collectOffers(input);
  const applied = applyOffers(offers);
  // A key whose value was refused has its default here: what a rule says about it would mislead.
  const findings = crossCheck(applied).filter(({ keys }) => !keys.some((key) => applied.refused.has(key)));
  const messages = (level: Finding['level']): string[] =>
    findings.filter((finding) => finding.level === level).map(({ message }) => message);
  const warnings = [...formWarnings, ...keyWarnings(offers), ...messages('warning')];
  const problems = [...formProblems, ...applied.problems, ...messages('problem')];
  if (problems.length > 0) return { ok: false, problems, warnings };
  return { ok: true, settings: applied.settings, texts: applied.texts, sources: applied.sources, warnings };
}

type PerKey<T> = Record<SettingKey, T>;

const perKey = <T>(value: (key: SettingKey) => T): PerKey<T> =>
  Object.fromEntries(SETTING_KEYS.map((key) => [key, value(key)])) as PerKey<T>;

interface Applied {
  readonly settings: Settings;
  readonly texts: PerKey<string>;
  readonly sources: PerKey<string>;
  readonly labelOf: (key: SettingKey) => string | undefined;
  readonly refused: ReadonlySet<SettingKey>;
  readonly problems: readonly string[];
}

function applyOffers(offers: readonly Offer[]): Applied {
  const values: PerKey<unknown> = perKey((key) => SETTINGS[key].type.parse(SETTINGS[key].initial));
  const texts = perKey((key): string => SETTINGS[key].initial);
  const sources = perKey(() => DEFAULT_SOURCE);
  const labels = new Map<SettingKey, string>();
  const refused = new Set<SettingKey>();
  const problems: string[] = [];
  for (const { key, value, source, label } of offers) {
    if (!isSettingKey(key)) continue;
    try {
      values[key] = SETTINGS[key].type.parse(value);
      texts[key] = value;
      sources[key] = source;
      labels.set(key, label);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      refused.add(key);
      problems.push(`${label}: ${error.message}`);
    }
  }
  // Each value was made by the parser of its key.
  const settings = Object.freeze(values) as Settings;
  return { settings, texts, sources, labelOf: (key) => labels.get(key), refused, problems };
}

/** One line per unknown key, and one line for all keys that only WCS reads: its files hold dozens of them. */
function keyWarnings(offers: readonly Offer[]): string[] {
  const unknown = offers.filter(({ key }) => !isSettingKey(key) && !UNUSED_WCS_KEYS.has(key));
  const unused = offers.filter(({ key }) => UNUSED_WCS_KEYS.has(key));
  const warnings = unknown.map(({ key, source, label }) => {
    const near = nearest(key, [...SETTING_KEYS, ...UNUSED_WCS_KEYS]);
    const shown = near !== undefined && source.startsWith(envName('')) ? envName(near) : near;
    return `${label}: unknown key, ignored${shown === undefined ? '' : `; did you mean ${shown}?`}`;
  });
  if (unused.length === 0) return warnings;
  const list = unused.map(({ key, source }) => `${key} (${source})`).join(', ');
  return [...warnings, `known to WCS, not used by recorderd yet: ${list}`];
}
