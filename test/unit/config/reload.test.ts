import { describe, expect, test } from 'vitest';
import { loadSettings } from '../../../src/config/load.ts';
import { reloadSettings } from '../../../src/config/reload.ts';
import type { Effective } from '../../../src/config/reload.ts';
import { SETTINGS, SETTING_KEYS } from '../../../src/config/settings.ts';

function settings(...set: readonly string[]): Effective {
  const result = loadSettings({ env: {}, set });
  if (!result.ok) throw new Error(result.problems.join('\n'));
  return result;
}

describe('a reload', () => {
  test('takes live keys over, with their texts and sources, and names the others', () => {
    const before = settings('record_rotation=20', 'rtmp.port=1936', 'log_level=warn');
    const { effective, applied, needRestart } = reloadSettings(
      before,
      settings('record_rotation=10M', 'rtmp.port=1937', 'log_level=warn'),
    );
    expect({ applied, needRestart }).toEqual({ applied: ['record_rotation'], needRestart: ['rtmp.port'] });
    expect(effective.settings).toMatchObject({ record_rotation: { bytes: 10 * 2 ** 20 }, 'rtmp.port': 1936 });
    expect(effective.texts).toMatchObject({ record_rotation: '10M', 'rtmp.port': '1936' });
    expect(Object.isFrozen(effective.settings)).toBe(true);
  });

  test('of the same values, written with other blanks, changes nothing', () => {
    const before = settings('record_rotation=20');
    const { effective, applied, needRestart } = reloadSettings(before, settings('record_rotation= 20 '));
    expect([applied, needRestart]).toEqual([[], []]);
    expect(effective.settings).toEqual(before.settings);
  });

  test('back to the default is a change, too', () => {
    const { effective, applied } = reloadSettings(settings('record_streams=false'), settings());
    expect(applied).toEqual(['record_streams']);
    expect(effective.settings.record_streams).toBe(true);
    expect(effective.sources.record_streams).toBe('default');
  });

  test('names a key that needs a restart each time, until the file is as it was', () => {
    const atStart = settings('rtmp.port=1936');
    const first = reloadSettings(atStart, settings('rtmp.port=1937'));
    expect(reloadSettings(first.effective, settings('rtmp.port=1937')).needRestart).toEqual(['rtmp.port']);
    expect(reloadSettings(first.effective, settings('rtmp.port=1936')).needRestart).toEqual([]);
  });
});

test('what names files, decides what is recorded or runs the hook is live; ports and folders are not', () => {
  const live = SETTING_KEYS.filter((key) => SETTINGS[key].apply === 'live');
  expect(live).toEqual(expect.arrayContaining(['stream_record_policy_template', 'on_record_hook_script']));
  expect(live.filter((key) => key.endsWith('.port') || key.endsWith('_dir'))).toEqual([]);
});
