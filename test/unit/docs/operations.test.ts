import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { EXIT } from '../../../src/cli.ts';
import { SETTINGS, isSettingKey } from '../../../src/config/settings.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const PAGE = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8');

/** Body rows of the tables under a heading, cell by cell. */
function rowsUnder(heading: string): string[][] {
  const section = PAGE.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = [...section.matchAll(/^\| (.+) \|$/gm)].map(([, cells = '']) =>
    cells.split(' | ').map((cell) => cell.trim()),
  );
  return rows.slice(2);
}

const quoted = (cell = ''): string[] => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);

test('the exit codes are those of the process', () => {
  const codes = rowsUnder('Exit codes').map(([code]) => Number(code));
  expect(codes).toEqual(Object.values(EXIT).sort((a, b) => a - b));
});

test('the log lines that are explained are written by the code', () => {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(ROOT, 'src', name), 'utf8'))
    .join('');
  const lines = rowsUnder('Log').flatMap(([cell]) => quoted(cell));
  expect(lines.length).toBeGreaterThan(10);
  expect(lines.filter((line) => !sources.includes(`'${line}'`))).toEqual([]);
});

test('the ports have the defaults of the settings', () => {
  const rows = rowsUnder('Ports');
  const keys = rows.flatMap(([cell]) => quoted(cell));
  expect(keys.sort()).toEqual(
    Object.keys(SETTINGS)
      .filter((key) => key.endsWith('.port'))
      .sort(),
  );
  for (const [cell, initial] of rows) {
    for (const key of quoted(cell)) {
      expect(isSettingKey(key) && SETTINGS[key].initial).toBe(initial === 'closed' ? '' : initial);
    }
  }
});

test('every key that is named exists', () => {
  const words = quoted(PAGE.replace(/^```[^]*?^```/gm, '')).filter((word) => /^[a-z]+(_[a-z]+)+$/.test(word));
  expect(words.length).toBeGreaterThan(10);
  expect(words.filter((word) => !isSettingKey(word))).toEqual([]);
});
