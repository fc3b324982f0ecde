import type { RetentionRule } from '../domain/retention.ts';
import { hasControls, quote } from './settingTypes.ts';
import type { SettingType } from './settingTypes.ts';

const AGE_MS: Readonly<Record<string, number>> = { M: 60_000, H: 3_600_000, D: 86_400_000 };
const SIZE_BYTES: Readonly<Record<string, number>> = { M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

const PATTERNS = 'in a pattern * stands for any characters and ? for one';

/** `retention_age`: milliseconds. */
export const ageRules = rules('an age (m, h or d for minutes, hours or days), as in tmp-*=12h,*=90d', AGE_MS);

/** `retention_size`: bytes. */
export const sizeRules = rules('a size (M, G or T, 1M = 1048576 bytes), as in cam*=500G,*=2T', SIZE_BYTES);

/** `retention_keep`. */
export const patterns: SettingType<readonly string[]> = {
  allowed: `a list of patterns of stream names, divided by commas, as in court-*,board; ${PATTERNS}; empty for none`,
  parse: (text) => {
    const words = text.trim() === '' ? [] : text.split(',').map((word) => word.trim());
    if (words.includes('') || hasControls(text))
      throw new RangeError(`${quote(text)} is not allowed; it must be ${patterns.allowed}`);
    return Object.freeze(words);
  },
};

function rules(what: string, units: Readonly<Record<string, number>>): SettingType<readonly RetentionRule[]> {
  const allowed = `a list, divided by commas, of pattern=limit with ${what}; the first pattern that fits a stream name counts, ${PATTERNS}; empty for no limit`;
  return {
    allowed,
    parse: (text) => {
      const entries = text.trim() === '' ? [] : text.split(',');
      return Object.freeze(
        entries.map((entry) => {
          const [, pattern = '', number = '', unit = ''] =
            /^([^=]+)=\s*(\d{1,6})([a-z])\s*$/i.exec(entry) ?? [];
          const rule = { pattern: pattern.trim(), max: Number(number) * (units[unit.toUpperCase()] ?? 0) };
          if (rule.pattern !== '' && rule.max > 0 && !hasControls(entry)) return rule;
          throw new RangeError(`${quote(entry)} is not allowed; it must be ${allowed}`);
        }),
      );
    },
  };
}
