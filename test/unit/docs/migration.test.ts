import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { SETTINGS, SETTING_KEYS } from '../../../src/config/settings.ts';
import type { Setting } from '../../../src/config/settingTypes.ts';
import { UNUSED_WCS_KEYS } from '../../../src/config/unusedKeys.ts';

const PAGE = readFileSync(join(resolve(import.meta.dirname, '../../..'), 'docs/migration.md'), 'utf8');

/** Body rows of the table under a heading, cell by cell. */
function rowsUnder(heading: string): string[][] {
  const section = PAGE.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^\| (.+) \|$/gm)]
    .map(([, cells = '']) => cells.split(' | ').map((cell) => cell.trim().replaceAll('`', '')))
    .slice(2);
}

const settings: Readonly<Record<string, Setting<unknown>>> = SETTINGS;

test('the keys that are read are those that the table of settings calls WCS’s, with their defaults', () => {
  const rows = rowsUnder('Keys that are read');
  const shared = SETTING_KEYS.filter((key) => settings[key]?.wcs === true);
  expect(rows.map(([key]) => key).sort()).toEqual([...shared].sort());
  for (const [key = '', initial = '', state = ''] of rows) {
    expect(initial === 'empty' ? '' : initial, key).toBe(settings[key]?.initial);
    expect(['same', 'different'], key).toContain(state);
  }
});

test('a key that is different says how', () => {
  const silent = rowsUnder('Keys that are read').filter(
    ([, , state, how = '–']) => state === 'different' && how === '–',
  );
  expect(silent).toEqual([]);
});

test('the keys that are ignored are those that the start passes over', () => {
  const rows = rowsUnder('Keys that are ignored');
  expect(rows.map(([key]) => key)).toEqual([...UNUSED_WCS_KEYS].sort());
  expect(rows.filter(([, instead = '']) => instead === '')).toEqual([]);
});
