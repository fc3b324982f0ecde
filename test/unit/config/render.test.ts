import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadSettings } from '../../../src/config/load.ts';
import {
  renderEffectiveSettings,
  renderExampleProperties,
  renderSettingsMarkdown,
} from '../../../src/config/render.ts';
import { typeOf } from '../../../src/config/settingTypes.ts';
import { SETTING_KEYS } from '../../../src/config/settings.ts';

test('conf/flashphoner.properties is what the table says', () => {
  expect(readFileSync('conf/flashphoner.properties', 'utf8')).toBe(renderExampleProperties());
});

test('docs/settings.md is what the table says', () => {
  expect(readFileSync('docs/settings.md', 'utf8')).toBe(renderSettingsMarkdown());
});

test('the example as it is changes nothing', () => {
  const text = renderExampleProperties();
  const result = loadSettings({ file: { path: 'x', text }, env: {}, set: [] });
  if (!result.ok) throw new Error(result.problems.join('\n'));
  expect(new Set(Object.values(result.sources))).toEqual(new Set(['default']));
});

test('the example with every key uncommented gives the defaults, too', () => {
  const text = renderExampleProperties().replace(/^#(?=\S+=)/gm, '');
  const defaults = loadSettings({ env: {}, set: [] });
  const result = loadSettings({ file: { path: 'x', text }, env: {}, set: [] });
  if (!result.ok || !defaults.ok) throw new Error('not loaded');
  expect(result.settings).toEqual(defaults.settings);
  expect(Object.values(result.sources)).not.toContain('default');
});

test('the effective settings show every key, its value and its source on one line', () => {
  const result = loadSettings({ env: {}, set: ['exclude_record_name_characters=a\tb', 'rtmp.port=1'] });
  if (!result.ok) throw new Error('not loaded');
  const lines = renderEffectiveSettings(result).trimEnd().split('\n');
  expect(lines.map((line) => line.split(' = ')[0])).toEqual([...SETTING_KEYS]);
  expect(lines).toContainEqual(expect.stringMatching(/^rtmp\.port = 1 +\[--set\]$/));
  expect(lines).toContainEqual(expect.stringMatching(/^exclude_record_name_characters = a\\tb +\[--set\]$/));
  expect(lines).toContainEqual(expect.stringMatching(/^http\.port = 8081 +\[default\]$/));
});

test('secret values are not shown', () => {
  const type = typeOf('a word', (text) => text);
  const secret = { type, initial: '', doc: 'A secret.', apply: 'restart', secret: true } as const;
  const groups = [{ title: 'x', settings: { password: secret, unset: secret } }];
  const effective = {
    texts: { password: 'hunter2', unset: '' },
    sources: { password: 'f:1', unset: 'default' },
  };
  expect(renderEffectiveSettings(effective, groups)).toBe(
    'password = ***  [f:1]\nunset =         [default]\n',
  );
});
