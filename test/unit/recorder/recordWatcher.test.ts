import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { RecordWatcher } from '../../../src/recorder/recordWatcher.ts';
import { eventually } from '../../support/eventually.ts';
import { memoryLog } from '../../support/rtmpHarness.ts';

const folder = mkdtempSync(join(tmpdir(), 'recorderd-watched-'));
const log = memoryLog();
const changed: string[] = [];
const onChange = (name: string): void => void changed.push(name);
let watcher: RecordWatcher;

afterEach(async () => {
  await watcher.close();
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  log.lines.length = 0;
});

function put(name: string): void {
  writeFileSync(join(folder, `.${name}`), 'media');
  renameSync(join(folder, `.${name}`), join(folder, name));
}

const said = (message: string, name: string) =>
  eventually(
    () => log.lines.find((line) => line.message === message && line.fields['file'] === join(folder, name)),
    `${message}: ${name}`,
  );

test('tells of records that appear and of records that are taken away', async () => {
  put('old.mp4');
  watcher = new RecordWatcher(folder, log, onChange);
  await watcher.open();
  put('new.mp4');
  await said('record appeared', 'new.mp4');
  for (const name of ['old.mp4', 'new.mp4']) {
    rmSync(join(folder, name));
    await said('record was moved or deleted', name);
  }
  expect(log.lines.map((line) => line.message)).toEqual([
    'record appeared',
    'record was moved or deleted',
    'record was moved or deleted',
  ]);
  expect(changed).toEqual(['new.mp4', 'old.mp4', 'new.mp4']);
});

test('a folder with too many files is not watched, from the start or from the file that is too many', async () => {
  watcher = new RecordWatcher(folder, log, onChange, 2);
  await watcher.open();
  for (const name of ['a', 'b', 'c']) {
    put(name);
    await said('record appeared', name);
  }
  const warning = { level: 'warn', fields: { files: 3, limit: 2 } };
  expect(log.lines.at(-1)).toMatchObject(warning);
  const next = new RecordWatcher(folder, log, onChange, 2);
  await next.open();
  await next.close();
  expect(log.lines.filter((line) => line.level === 'warn')).toMatchObject([warning, warning]);
});
