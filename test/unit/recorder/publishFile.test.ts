import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { publishFile } from '../../../src/recorder/publishFile.ts';

test('a name that is taken is never overwritten, unless that is asked for', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'publish-'));
  const [work, final] = [join(folder, 'work'), join(folder, 'final.mp4')];
  writeFileSync(work, 'new');
  writeFileSync(final, 'old');
  expect(await publishFile(work, final, false)).toBe(false);
  expect(readFileSync(final, 'utf8')).toBe('old');
  expect(await publishFile(work, final, true)).toBe(true);
  expect(readFileSync(final, 'utf8')).toBe('new');
  expect(existsSync(work)).toBe(false);
});

test('a free name is taken and the working name is gone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'publish-'));
  const [work, final] = [join(folder, 'work'), join(folder, 'final.mp4')];
  writeFileSync(work, 'new');
  expect(await publishFile(work, final, false)).toBe(true);
  expect(readFileSync(final, 'utf8')).toBe('new');
  expect(existsSync(work)).toBe(false);
  await expect(publishFile(work, join(folder, 'other.mp4'), false)).rejects.toThrow('ENOENT');
});
