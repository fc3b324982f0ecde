import { readProperties } from './properties.ts';
import { visible } from './settingTypes.ts';
import { SETTING_KEYS } from './settings.ts';
import { UNUSED_WCS_KEYS } from './unusedKeys.ts';

/** Where settings come from besides their defaults. */
export interface SettingsInput {
  /** Settings file; `path` is only shown in messages. */
  readonly file?: { readonly path: string; readonly text: string } | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `key=value` of each `--set`, in order. */
  readonly set: readonly string[];
}

/** A value that somebody gave to a key, known or not. */
export interface Offer {
  readonly key: string;
  readonly value: string;
  /** Short, for --print-config: `conf/x.properties:3`, `RECORDERD_RTMP_PORT`, `--set`. */
  readonly source: string;
  /** Beginning of a message about the offer: names source and key. */
  readonly label: string;
}

/** Offers in order of precedence, the last one wins, and what was wrong with the form of the input. */
export interface Offers {
  readonly offers: readonly Offer[];
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

const ENV_PREFIX = 'RECORDERD_';

/** Name of the environment variable that sets `key`, e.g. `RECORDERD_RTMP_PORT` for `rtmp.port`. */
export const envName = (key: string): string => ENV_PREFIX + key.toUpperCase().replaceAll('.', '_');

const KEY_BY_ENV_NAME = new Map([...UNUSED_WCS_KEYS, ...SETTING_KEYS].map((key) => [envName(key), key]));

/** Collects file, environment and command line, in this order. */
export function collectOffers(input: SettingsInput): Offers {
  const parts = [fromFile(input), fromEnv(input), fromCommandLine(input)];
  return {
    offers: parts.flatMap((part) => part.offers),
    problems: parts.flatMap((part) => part.problems),
    warnings: parts.flatMap((part) => part.warnings),
  };
}

function fromFile({ file }: SettingsInput): Offers {
  if (file === undefined) return { offers: [], problems: [], warnings: [] };
  const { properties, problems } = readProperties(file.text);
  const warnings: string[] = [];
  const lineOf = new Map<string, number>();
  const offers = properties.map(({ key, value, line }) => {
    const source = `${file.path}:${line}`;
    const label = `${source}: ${visible(key)}`;
    const earlier = lineOf.get(key);
    if (earlier !== undefined) warnings.push(`${label}: replaces the value of line ${earlier}`);
    if (value.includes('\uFFFD')) warnings.push(`${label}: is not UTF-8, some characters are lost`);
    lineOf.set(key, line);
    return { key, value, source, label };
  });
  return { offers, warnings, problems: problems.map((each) => `${file.path}:${each.line}: ${each.message}`) };
}

function fromEnv({ env }: SettingsInput): Offers {
  const offers = Object.entries(env)
    .filter(([name, value]) => name.startsWith(ENV_PREFIX) && value !== undefined)
    .map(([name, value = '']) => ({
      key: KEY_BY_ENV_NAME.get(name) ?? name.slice(ENV_PREFIX.length).toLowerCase(),
      value,
      source: name,
      label: visible(name),
    }));
  return { offers, problems: [], warnings: [] };
}

function fromCommandLine({ set }: SettingsInput): Offers {
  const pairs = set.map((text) => ({ text, equals: text.indexOf('=') }));
  const offers = pairs
    .filter(({ equals }) => equals > 0)
    .map(({ text, equals }) => {
      const key = text.slice(0, equals).trim();
      return { key, value: text.slice(equals + 1), source: '--set', label: `--set ${visible(key)}` };
    });
  const problems = pairs
    .filter(({ equals }) => equals <= 0)
    .map(({ text }) => `--set ${visible(text)}: must be key=value`);
  return { offers, problems, warnings: [] };
}
