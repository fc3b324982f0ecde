import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import type { CatalogueFile, CataloguePage, CatalogueRecording } from '../../src/domain/catalogue.ts';
import { eventually } from '../support/eventually.ts';
import { publishFile } from '../support/publishers.ts';
import { reportsOf } from '../support/reports.ts';
import { TestServer } from '../support/server.ts';

const { bframesFlv, bframesMp4, hdFlv } = inject('media');
const RECORD_ALL = { record_flash_published_streams: true, stream_record_policy: 'streamName' };
let server: TestServer;

afterEach(async () => server.close());

/** A home folder whose hook is this script; `$HOME_DIR` in it is the folder. */
function homeWithHook(text: string): string {
  const home = mkdtempSync(join(tmpdir(), 'recorderd-test-'));
  for (const folder of ['scripts', 'archive']) mkdirSync(join(home, folder));
  const script = `#!/bin/bash\n${text.replaceAll('$HOME_DIR', home)}\n`;
  writeFileSync(join(home, 'scripts/on_record_hook.sh'), script, { mode: 0o755 });
  return home;
}

async function recordings(filter: object = {}): Promise<readonly CatalogueRecording[]> {
  const { status, json } = await server.rest('/catalogue/find', filter);
  return status === 200 ? (json as CataloguePage).recordings : [];
}

/** Waits until the files of a stream are as `wanted`, in order. */
const partsAre = (
  streamName: string,
  wanted: readonly Partial<CatalogueFile>[],
): Promise<CatalogueRecording> =>
  eventually(
    async () => {
      const [found] = await recordings({ streamName });
      const fits = wanted.every((each, i) =>
        Object.entries(each).every(([key, value]) => Reflect.get(found?.parts[i] ?? {}, key) === value),
      );
      return fits && found?.parts.length === wanted.length ? found : undefined;
    },
    `${streamName}: ${JSON.stringify(wanted)}`,
  );

test('a recording is listed with what is known of it; a person deletes its file, REST its entry', async () => {
  server = await TestServer.start({ ...RECORD_ALL, record_rotation: 4 }, homeWithHook('exit 0'));
  expect((await server.rest('/catalogue/find_all')).status).toBe(404);
  await publishFile(bframesFlv, server.rtmpUrl('cam'), { fast: true }).ended;
  await reportsOf(server, 3);
  const there = { fileState: 'present', hookState: 'done' } as const;
  const found = await partsAre(
    'cam',
    [1, 2, 3].map(() => there),
  );
  expect(found).toMatchObject({
    ...{ streamName: 'cam', mediaProvider: 'Flash', state: 'done', stopReason: 'publisher-left' },
    ...{ partCount: 3, incidents: 0, lostMs: 0, fileStates: { present: 3 }, hookStates: { done: 3 } },
  });
  const [first] = found.parts;
  expect(first).toMatchObject({
    container: 'mp4',
    videoCodec: 'H264',
    audioCodec: 'AAC',
    partIndex: 1,
    last: false,
  });
  expect(found.durationMs).toBeGreaterThan(11_000);
  rmSync(join(server.recordsDir, first!.fileName));
  await partsAre('cam', [{ ...there, fileState: 'gone' }, there, there]);
  const { recordingId } = found;
  expect(await server.rest('/catalogue/delete', { recordingId, partIndex: 2 })).toMatchObject({
    json: { deleted: 1 },
  });
  await server.close({ keepHome: true });
  server = await TestServer.start({ ...RECORD_ALL, record_rotation: 4 }, server.home);
  await partsAre('cam', [
    { partIndex: 1, fileState: 'gone' },
    { partIndex: 3, ...there },
  ]);
  expect(await server.rest('/catalogue/delete', { recordingId })).toMatchObject({ json: { deleted: 2 } });
  expect(server.records()).toEqual([]);
  expect((await server.rest('/reports/find', { recordingId })).status).toBe(404);
  expect((await server.rest('/catalogue/recording', { recordingId })).status).toBe(404);
});

test('a hook that moves the file, and one that fails and is run again', async () => {
  const home = homeWithHook('[ "$1" = good ] || [ -e $HOME_DIR/go ] || exit 1\nmv "$2" $HOME_DIR/archive/');
  server = await TestServer.start(RECORD_ALL, home);
  await publishFile(hdFlv, server.rtmpUrl('good'), { fast: true }).ended;
  await publishFile(hdFlv, server.rtmpUrl('bad'), { fast: true }).ended;
  await partsAre('good', [{ fileState: 'moved', hookState: 'done' }]);
  const { recordingId } = await partsAre('bad', [{ fileState: 'present', hookState: 'parked' }]);
  expect((await recordings({ hookState: 'parked' })).map((each) => each.streamName)).toEqual(['bad']);
  expect((await server.rest('/catalogue/delete', { recordingId })).json).toMatchObject({
    ...{ status: 409, code: 'HOOK_UNFINISHED' },
  });
  writeFileSync(join(home, 'go'), '');
  expect((await server.rest('/catalogue/run_hook', { recordingId })).status).toBe(200);
  await partsAre('bad', [{ fileState: 'moved', hookState: 'done' }]);
  expect(readdirSync(join(home, 'archive')).sort()).toEqual(['bad.mp4', 'good.mp4']);
  expect((await server.rest('/catalogue/run_hook', { recordingId })).json).toMatchObject({
    code: 'FILE_NOT_FOUND',
  });
  expect((await server.rest('/hooks/find_all')).status).toBe(404);
});

test('kill -9 while one hook runs and another stream is recorded: the next start tells the truth of both', async () => {
  const home = homeWithHook('echo x >> $HOME_DIR/runs\n[ -e $HOME_DIR/go ] || exec sleep 600\n');
  const settings = { ...RECORD_ALL, record_rotation: 2 };
  server = await TestServer.start(settings, home);
  await publishFile(hdFlv, server.rtmpUrl('done'), { fast: true }).ended;
  await eventually(async () => (await recordings({ hookState: 'running' }))[0], 'a hook that runs');
  const live = publishFile(bframesFlv, server.rtmpUrl('live'));
  const running = await eventually(async () => {
    const [found] = await recordings({ streamName: 'live' });
    return (found?.partCount ?? 0) >= 2 ? found : undefined;
  }, 'two parts of the live stream');
  expect(running).toMatchObject({ state: 'recording', stopReason: null });
  const { recordingId } = running;
  expect((await server.rest('/catalogue/delete', { recordingId, force: true })).json).toMatchObject({
    code: 'RECORDING_UNFINISHED',
  });
  server.signal('SIGKILL');
  await server.exited();
  await live.ended;
  const [lost] = server.records().filter((name) => name.startsWith('live'));
  rmSync(join(server.recordsDir, lost!));
  writeFileSync(join(home, 'go'), '');
  server = await TestServer.start(settings, home);
  await eventually(() => server.logged('recordings of an earlier run are finished'), 'the recovery');
  const found = await eventually(async () => {
    const all = await recordings({});
    return all.every(({ hookStates, partCount }) => hookStates.done === partCount) ? all : undefined;
  }, 'all hooks');
  expect(found.map(({ streamName, state }) => [streamName, state]).sort()).toEqual([
    ['done', 'done'],
    ['live', 'done'],
  ]);
  const again = found.find((each) => each.recordingId === recordingId)!;
  expect(again.stopReason).toBe('crash');
  expect(
    again.parts.filter(({ fileState }) => fileState !== 'present').map(({ fileName }) => fileName),
  ).toEqual([lost]);
  const present = found.flatMap((each) => each.parts).filter(({ fileState }) => fileState === 'present');
  expect(present.map(({ fileName }) => fileName).sort()).toEqual(server.records());
});

test('retention deletes what is too much, shows it before, and keeps what has no hook yet', async () => {
  const home = homeWithHook('[ "$1" != owed ] || exit 1');
  server = await TestServer.start({ ...RECORD_ALL, retention_size: '*=1M', retention_interval: 3600 }, home);
  for (const name of ['owed', 'one', 'two'])
    await publishFile(hdFlv, server.rtmpUrl(name), { fast: true }).ended;
  await partsAre('owed', [{ hookState: 'parked' }]);
  for (const name of ['one', 'two']) await partsAre(name, [{ hookState: 'done' }]);
  const plan = (await server.rest('/catalogue/retention/plan')).json as { files: { fileName: string }[] };
  const names = plan.files.map(({ fileName }) => fileName);
  expect(names.length).toBeGreaterThan(0);
  expect(server.records()).toEqual(['one.mp4', 'owed.mp4', 'two.mp4']);
  expect((await server.rest('/catalogue/retention/run', {})).json).toEqual({ ...plan, dryRun: false });
  expect(server.records()).toEqual(
    ['one.mp4', 'owed.mp4', 'two.mp4'].filter((name) => !names.includes(name)),
  );
  expect(existsSync(join(server.recordsDir, 'owed.mp4'))).toBe(true);
  expect(server.allLogged('file is deleted by retention').map((line) => line['file'])).toEqual(names);
});

test('files that the catalogue does not know are imported as they are, and deleted like others from then on', async () => {
  const settings = { ...RECORD_ALL, on_record_hook_script: '' };
  server = await TestServer.start(settings);
  await publishFile(hdFlv, server.rtmpUrl('cam'), { fast: true }).ended;
  const [report] = await reportsOf(server, 1);
  await server.close({ keepHome: true });
  rmSync(join(server.recordsDir, '.catalogue'), { recursive: true });
  const old = join(server.recordsDir, 'lobby.mp4');
  copyFileSync(bframesMp4, old);
  const ended = new Date('2024-02-03T04:05:06Z');
  for (const file of [old, join(server.recordsDir, 'cam.mp4')]) utimesSync(file, ended, ended);
  const before = readFileSync(old);
  server = await TestServer.start(settings, server.home);
  expect(await recordings()).toEqual([]);
  const imported = await server.rest('/catalogue/import', {});
  expect(imported).toMatchObject({ status: 200, json: { imported: 2, passedOver: [] } });
  const there = { fileState: 'present', hookState: 'none' } as const;
  const { recordingId, bytes, startedAt } = report!;
  await partsAre('cam', [{ ...there, recordingId, bytes, startedAt, stopReason: 'publisher-left' }]);
  const lobby = await partsAre('lobby', [
    { ...there, videoCodec: 'H264', audioCodec: 'AAC', endedAt: ended.getTime(), stopReason: 'unknown' },
  ]);
  expect(Math.abs(lobby.durationMs - 12_000)).toBeLessThan(150);
  expect(readFileSync(old).equals(before)).toBe(true);
  expect((await server.rest('/catalogue/import', {})).json).toMatchObject({
    imported: 0,
    passedOverTotal: 0,
  });
  await server.rest('/catalogue/delete', { recordingId: lobby.recordingId });
  expect(server.records()).toEqual(['cam.mp4']);
});
