import { mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Imports } from '../../../src/catalogue/imports.ts';
import type { Catalogue } from '../../../src/catalogue/catalogue.ts';
import type { NameSettings } from '../../../src/domain/names.ts';
import { KnownReports } from '../../../src/reports/knownReports.ts';
import { report } from '../reports/support.ts';
import { ALL, CatalogueHome, states } from './support.ts';

const NAMES: NameSettings = {
  ...{ policy: 'template', template: '{streamName}-{endTime}', encode: undefined, excludeCharacters: '/' },
};
const ENDED = 1_700_000_000_000;

let home: CatalogueHome;
beforeEach(() => (home = new CatalogueHome()));
afterEach(() => home.remove());

/** A file at rest. */
function put(name: string, text = 'media'): void {
  const path = join(home.recordsDir, name);
  writeFileSync(path, text);
  utimesSync(path, ENDED / 1000, ENDED / 1000);
}

function reported(name: string, overrides: Parameters<typeof report>[1] = {}): void {
  const told = report(ENDED - 5000, { path: `/records/${name}`, bytes: 5, ...overrides });
  mkdirSync(join(home.recordsDir, '.reports'), { recursive: true });
  const file = `${String(told.endedAt).padStart(15, '0')}-${told.recordingId}-${told.partIndex}.json`;
  writeFileSync(join(home.recordsDir, '.reports', file), JSON.stringify(told));
}

function importsInto(catalogue: Catalogue): Imports {
  const { recordsDir, log } = home;
  return new Imports({
    ...{ catalogue, recordsDir, log },
    reports: () => new KnownReports(recordsDir),
    names: () => NAMES,
  });
}

test('a file is imported by its report, else by its name and time, once', async () => {
  const catalogue = await home.catalogue();
  put('known.mp4');
  await home.take(catalogue, home.put('known.mp4'));
  put('cam-7-1490717116551.ts');
  put('lobby_1.mp4');
  reported('lobby_1.mp4', {
    recordingId: 'rec',
    streamName: 'lobby',
    index: 1,
    last: false,
    container: 'mp4',
  });
  const imports = importsInto(catalogue);
  const dry = await imports.run('*', true);
  expect([dry.dryRun, dry.imported, dry.bytes, catalogue.size]).toEqual([true, 2, 10, 1]);
  const done = await imports.run('*', false);
  expect(done).toMatchObject({ dryRun: false, imported: 2, bytes: 10, passedOverTotal: 0, passedOver: [] });
  const [cam, lobby] = done.files;
  expect(cam).toMatchObject({
    ...{ fileName: 'cam-7-1490717116551.ts', streamName: 'cam-7', container: 'ts', bytes: 5 },
    ...{ startedAt: ENDED, endedAt: ENDED, durationMs: 0, partIndex: 1, last: true, mediaProvider: null },
    ...{ stopReason: 'unknown', lostMs: null, fileState: 'present', hookState: 'none' },
  });
  expect(lobby).toMatchObject({
    ...{ fileName: 'lobby_1.mp4', recordingId: 'rec', streamName: 'lobby', partIndex: 1, last: false },
    ...{ endedAt: ENDED - 5000, stopReason: 'publisher-left', videoCodec: 'H264', hookState: 'none' },
  });
  expect((await imports.run('*', false)).imported).toBe(0);
  expect(states(await home.catalogue())).toMatchObject({ 'lobby_1.mp4': 'present, none' });
  expect(readFileSync(join(home.recordsDir, 'lobby_1.mp4'), 'utf8')).toBe('media');
  expect(catalogue.find({ ...ALL, streamName: 'cam-7' }).recordings).toMatchObject([{ state: 'done' }]);
});

test('what is no finished file of ours is passed over, with the reason', async () => {
  const catalogue = await home.catalogue();
  home.unfinished.add('running');
  put('broken.mp4');
  put('empty.ts', '');
  writeFileSync(join(home.recordsDir, 'fresh.ts'), 'media');
  put('unfinished.ts');
  reported('unfinished.ts', { recordingId: 'running', index: 1 });
  for (const name of ['.hidden.mp4', 'notes.txt', 'cam.mp4.json']) put(name);
  mkdirSync(join(home.recordsDir, 'folder.mp4'));
  symlinkSync('/etc/hostname', join(home.recordsDir, 'link.ts'));
  const done = await importsInto(catalogue).run('*', false);
  expect([done.imported, done.passedOverTotal]).toEqual([0, 4]);
  expect(done.passedOver).toEqual([
    { fileName: 'broken.mp4', reason: 'no whole moov box' },
    { fileName: 'empty.ts', reason: 'it is empty' },
    { fileName: 'fresh.ts', reason: 'it was written to a moment ago' },
    { fileName: 'unfinished.ts', reason: 'its recording is not finished' },
  ]);
});

test('a file of another size than its report is not the one that it tells of', async () => {
  const catalogue = await home.catalogue();
  put('cam.ts', 'another file');
  reported('cam.ts', { streamName: 'lobby' });
  const [file] = (await importsInto(catalogue).run('cam.*', false)).files;
  expect(file).toMatchObject({ streamName: 'cam', bytes: 12, stopReason: 'unknown' });
});

test('as many as the catalogue may know, and one import at a time', async () => {
  const catalogue = await home.catalogue({ maxFiles: 3 });
  for (const name of ['a.ts', 'b.ts', 'c.ts', 'd.ts', 'other.ts']) put(name);
  const imports = importsInto(catalogue);
  for (const isDry of [true, false]) {
    const running = imports.run('?.ts', isDry);
    await expect(imports.run('*', false)).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    expect(await running).toMatchObject({
      imported: 3,
      passedOver: [{ fileName: 'd.ts', reason: 'catalogue_max_files are known' }],
    });
  }
  expect(catalogue.size).toBe(3);
});

test('the shutdown ends it after a file', async () => {
  const catalogue = await home.catalogue();
  for (let n = 0; n < 50; n++) put(`${n}.ts`);
  const imports = importsInto(catalogue);
  const running = imports.run('*', false);
  await imports.close();
  expect((await running).imported).toBeLessThan(50);
});
