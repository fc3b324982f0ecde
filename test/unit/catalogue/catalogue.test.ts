import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { EVIDENCE } from '../reports/support.ts';
import { ALL, CatalogueHome, states } from './support.ts';

let home: CatalogueHome;
beforeEach(() => (home = new CatalogueHome()));
afterEach(() => home.remove());

const logFile = (): string => join(home.recordsDir, '.catalogue', 'files.jsonl');
const inFolder = (name: string): string => join(home.recordsDir, name);

test('a recording has its parts, its sums and its states, also after a restart', async () => {
  const catalogue = await home.catalogue();
  const incidents = [
    { cause: 'child-died' as const, from: 1, to: 2, lostMs: 40 },
    { cause: 'track-changed' as const, from: 3, to: 4, lostMs: 0 },
  ];
  const shared = { recordingId: 'rec', streamName: 'cam', mediaProvider: 'RTSP' as const };
  const one = home.put('cam_1.mp4', {
    ...shared,
    last: false,
    startedAt: 1000,
    endedAt: 2000,
    durationMs: 1000,
  });
  const two = home.put('cam.mp4', { ...shared, index: 2, startedAt: 2000, endedAt: 3500, durationMs: 1500 });
  home.unfinished.add('rec');
  await catalogue.take(one, { ...EVIDENCE, incidents, incidentsLeftOut: 0 });
  expect(catalogue.find(ALL).recordings).toMatchObject([
    { state: 'recording', stopReason: null, partCount: 1 },
  ]);
  await catalogue.take(two, EVIDENCE);
  home.unfinished.delete('rec');
  await home.end(catalogue, one);
  await home.end(catalogue, two, 'parked');
  const expected = {
    ...{
      recordingId: 'rec',
      streamName: 'cam',
      mediaProvider: 'RTSP',
      state: 'done',
      stopReason: 'publisher-left',
    },
    ...{
      startedAt: 1000,
      endedAt: 3500,
      durationMs: 2500,
      bytes: 10,
      incidents: 2,
      lostMs: 40,
      partCount: 2,
    },
    ...{ fileStates: { present: 2 }, hookStates: { done: 1, parked: 1 } },
  };
  const [recording] = catalogue.find(ALL).recordings;
  expect(recording).toMatchObject(expected);
  expect(recording!.parts.map(({ fileName, hookState }) => [fileName, hookState])).toEqual([
    ['cam_1.mp4', 'done'],
    ['cam.mp4', 'parked'],
  ]);
  // Told again by recovery: it is known.
  await catalogue.take(two, EVIDENCE);
  const again = await home.catalogue();
  expect(again.find(ALL)).toEqual({ total: 1, offset: 0, recordings: [recording] });
  expect(again.recording('rec', { offset: 1, limit: 1 }).parts.map(({ partIndex }) => partIndex)).toEqual([
    2,
  ]);
});

test('a file that goes away before its hook has ended was moved by it, later it is gone, and it may come back', async () => {
  const catalogue = await home.catalogue();
  const [moved, gone, stays] = ['moved.mp4', 'gone.mp4', 'stays.mp4'].map((name) => home.put(name));
  for (const each of [moved!, gone!, stays!]) await home.take(catalogue, each);
  rmSync(moved!.path);
  for (const each of [moved!, gone!, stays!]) await home.end(catalogue, each);
  rmSync(gone!.path);
  const expected = { 'moved.mp4': 'moved, done', 'gone.mp4': 'gone, done', 'stays.mp4': 'present, done' };
  await catalogue.look('gone.mp4');
  expect(states(catalogue)).toEqual(expected);
  renameSync(stays!.path, inFolder('elsewhere'));
  writeFileSync(gone!.path, 'media');
  await catalogue.check();
  expect(states(catalogue)).toEqual({ ...expected, 'gone.mp4': 'present, done', 'stays.mp4': 'gone, done' });
  expect(states(await home.catalogue())).toEqual(states(catalogue));
});

test('what happened to the folder while no server ran is noticed at the start', async () => {
  const catalogue = await home.catalogue();
  const [pending, done] = ['pending.mp4', 'done.mp4'].map((name) => home.put(name));
  await home.take(catalogue, pending!);
  await home.take(catalogue, done!);
  await home.end(catalogue, done!);
  rmSync(pending!.path);
  rmSync(done!.path);
  expect(states(await home.catalogue())).toEqual({
    'pending.mp4': 'moved, pending',
    'done.mp4': 'gone, done',
  });
});

test('a run that is neither owed nor noted has ended, unless its recording is not finished', async () => {
  const catalogue = await home.catalogue();
  for (const name of ['ended.mp4', 'owed.mp4', 'left.mp4']) await home.take(catalogue, home.put(name));
  home.owed.delete('1 of rec of ended.mp4');
  home.owed.delete('1 of rec of left.mp4');
  home.unfinished.add('rec of left.mp4');
  await catalogue.settle();
  const expected = {
    'ended.mp4': 'present, done',
    'owed.mp4': 'present, pending',
    'left.mp4': 'present, pending',
  };
  expect(states(catalogue)).toEqual(expected);
});

test('the number of changes grows with what is told of files, and with nothing else', async () => {
  const catalogue = await home.catalogue();
  expect(catalogue.changes).toBe(0);
  let before = 0;
  const grows = (): boolean => before < (before = catalogue.changes);
  const taken = home.put('cam.mp4');
  await home.take(catalogue, taken);
  expect(grows()).toBe(true);
  await catalogue.take(taken, EVIDENCE);
  await catalogue.check();
  catalogue.find(ALL);
  expect(grows()).toBe(false);
  home.changes++;
  expect(grows()).toBe(true);
  await home.end(catalogue, taken);
  expect(grows()).toBe(true);
  rmSync(taken.path);
  await catalogue.look('cam.mp4');
  expect(grows()).toBe(true);
  await catalogue.look('cam.mp4');
  expect(grows()).toBe(false);
  await catalogue.delete(taken.recordingId, undefined, false);
  expect(grows()).toBe(true);
});

test('a file that replaces another one of its name leaves the older one without a file', async () => {
  const catalogue = await home.catalogue({ hasHook: false });
  await catalogue.take(home.put('cam.mp4', { recordingId: 'old', endedAt: 1000 }), EVIDENCE);
  await catalogue.take(home.put('cam.mp4', { recordingId: 'new', endedAt: 2000 }), EVIDENCE);
  const stateOf = (id: string): string =>
    catalogue.recording(id, { offset: 0, limit: 1 }).parts[0]!.fileState;
  await catalogue.check();
  expect([stateOf('old'), stateOf('new')]).toEqual(['gone', 'present']);
  await catalogue.delete('old', undefined, false);
  expect(existsSync(inFolder('cam.mp4'))).toBe(true);
  await catalogue.delete('new', undefined, false);
  expect(existsSync(inFolder('cam.mp4'))).toBe(false);
});

test('delete removes files, reports and entry, and nothing else', async () => {
  const catalogue = await home.catalogue({ hasHook: false });
  writeFileSync(inFolder('unknown.mp4'), 'of a person');
  const parts = [1, 2].map((index) => home.put(`cam_${index}.mp4`, { recordingId: 'rec', index }));
  for (const each of parts) await catalogue.take(each, EVIDENCE);
  expect(await catalogue.delete('rec', 1, false)).toBe(1);
  expect(existsSync(parts[0]!.path)).toBe(false);
  rmSync(parts[1]!.path);
  expect(await catalogue.delete('rec', undefined, false)).toBe(1);
  expect(home.forgotten).toMatchObject([{ partIndex: 1 }, { partIndex: 2, fileName: 'cam_2.mp4' }]);
  await expect(catalogue.delete('rec', undefined, false)).rejects.toMatchObject({
    code: 'RECORDING_NOT_FOUND',
  });
  await expect(catalogue.delete('../unknown.mp4', undefined, true)).rejects.toMatchObject({
    code: 'RECORDING_NOT_FOUND',
  });
  expect(states(await home.catalogue())).toEqual({});
  expect(existsSync(inFolder('unknown.mp4'))).toBe(true);
});

test('what is being recorded, and what its hook still needs, is not deleted', async () => {
  const catalogue = await home.catalogue();
  const taken = home.put('cam.mp4', { recordingId: 'rec' });
  await home.take(catalogue, taken);
  home.unfinished.add('rec');
  await expect(catalogue.delete('rec', undefined, true)).rejects.toMatchObject({
    code: 'RECORDING_UNFINISHED',
  });
  home.unfinished.clear();
  for (const state of ['pending', 'running'] as const) {
    home.owed.set('1 of rec', state);
    await expect(catalogue.delete('rec', undefined, false)).rejects.toMatchObject({
      code: 'HOOK_UNFINISHED',
    });
  }
  await home.end(catalogue, taken, 'parked');
  await expect(catalogue.delete('rec', 1, false)).rejects.toMatchObject({ code: 'HOOK_UNFINISHED' });
  expect(existsSync(taken.path)).toBe(true);
  expect(await catalogue.delete('rec', 1, true)).toBe(1);
});

test('a line that names a file elsewhere is passed over', async () => {
  await (await home.catalogue()).take(home.put('cam.mp4'), EVIDENCE);
  const text = readFileSync(logFile(), 'utf8');
  const outside = ['../cam.mp4', '.work', 'a/b.mp4', ''].map((name) =>
    text.replace('"cam.mp4"', JSON.stringify(name)),
  );
  writeFileSync(logFile(), [text.replace('"present"', '"elsewhere"'), ...outside].join(''));
  expect(states(await home.catalogue())).toEqual({});
  expect(home.log.lines.at(-1)).toMatchObject({ level: 'warn', fields: { unknown: 5 } });
});

test('the hook is asked for once more for the files that are there, as the part was', async () => {
  const catalogue = await home.catalogue();
  const parts = [1, 2].map((index) =>
    home.put(`cam_${index}.mp4`, { recordingId: 'rec', index, mediaProvider: 'Flash' }),
  );
  for (const each of parts) {
    await home.take(catalogue, each);
    await home.end(catalogue, each);
  }
  rmSync(parts[0]!.path);
  await catalogue.runHook('rec', undefined);
  expect(home.asked).toEqual([parts[1]]);
  await expect(catalogue.runHook('rec', 1)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  await expect(catalogue.runHook('none', 1)).rejects.toMatchObject({ code: 'RECORDING_NOT_FOUND' });
  const without = await home.catalogue({ hasHook: false });
  await expect(without.runHook('rec', undefined)).rejects.toMatchObject({ code: 'HOOK_NOT_FOUND' });
});

test('above its bound the catalogue forgets what is not there, then the oldest, and leaves the files', async () => {
  const catalogue = await home.catalogue({ maxFiles: 3, hasHook: false });
  const names = ['a.mp4', 'b.mp4', 'c.mp4', 'd.mp4', 'e.mp4'];
  for (const [i, name] of names.entries()) {
    if (name === 'd.mp4') {
      rmSync(inFolder('b.mp4'));
      await catalogue.check();
    }
    await catalogue.take(home.put(name, { startedAt: i * 1000, endedAt: i * 1000 + 500 }), EVIDENCE);
  }
  expect(Object.keys(states(catalogue))).toEqual(['c.mp4', 'd.mp4', 'e.mp4']);
  expect(existsSync(inFolder('a.mp4'))).toBe(true);
  expect(states(await home.catalogue({ maxFiles: 3 }))).toEqual(states(catalogue));
  expect(home.log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
});

test('goes by other options as soon as it has them', async () => {
  const catalogue = await home.catalogue({ hasHook: false });
  for (const [i, name] of ['a.mp4', 'b.mp4'].entries())
    await catalogue.take(home.put(name, { startedAt: i * 1000, endedAt: i * 1000 + 500 }), EVIDENCE);
  const options = { recordsDir: '/elsewhere', maxFiles: 1, checkMs: 5, hasHook: true };
  catalogue.use(options);
  await catalogue.take(home.put('c.mp4', { startedAt: 2000, endedAt: 2500 }), EVIDENCE);
  expect([states(catalogue), catalogue.size]).toEqual([{ 'c.mp4': 'present, pending' }, 1]);
  rmSync(inFolder('c.mp4'));
  await eventually(() => states(catalogue)['c.mp4'] === 'moved, pending' || undefined, 'a comparison');
});

test('the log does not grow with every change', async () => {
  const catalogue = await home.catalogue();
  const taken = home.put('cam.mp4');
  await catalogue.take(taken, EVIDENCE);
  const notes = Array.from({ length: 12_000 }, (_, n) =>
    catalogue.noteHook(taken, n % 2 === 0 ? 'parked' : 'done'),
  );
  await Promise.all(notes);
  await catalogue.noteHook(taken, 'parked');
  await catalogue.close();
  expect(
    readFileSync(logFile(), 'utf8')
      .split('\n')
      .filter((line) => line !== '').length,
  ).toBeLessThan(11_000);
  expect(states(await home.catalogue())).toEqual({ 'cam.mp4': 'present, parked' });
});
