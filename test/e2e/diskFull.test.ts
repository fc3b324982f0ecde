import { mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { hookInto } from '../support/hook.ts';
import { decodeErrors, packetsOf, probe } from '../support/packets.ts';
import { publishFile } from '../support/publishers.ts';
import type { PublisherProcess } from '../support/publishers.ts';
import { reportsOf } from '../support/reports.ts';
import { TestServer } from '../support/server.ts';
import { noSmallDisk, SmallDisk } from '../support/smallDisk.ts';

const { bframesFlv, hdFlv } = inject('media');
const RECORD_ALL = {
  record_flash_published_streams: true,
  stream_record_policy: 'streamName',
  disk_check_interval: 1,
};
const MB = 2 ** 20;
const unable = noSmallDisk();
if (unable !== undefined)
  process.stdout.write(`e2e: no small disk can be mounted, tests are skipped: ${unable}\n`);

let disk: SmallDisk;
let server: TestServer;
let publishers: PublisherProcess[] = [];

const recordsDir = (): string => join(disk.path, 'records');
const record = (name: string): string => join(recordsDir(), name);
const filesUnder = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.isFile())
    .sort();
const records = (): string[] =>
  readdirSync(recordsDir())
    .filter((name) => !name.startsWith('.'))
    .sort();
const workFiles = (): string[] =>
  filesUnder(join(recordsDir(), '.work')).filter((name) => /\.(mp4|mkv)$/.test(name));
const emptyFiles = (): string[] =>
  filesUnder(recordsDir()).filter((name) => statSync(record(name)).size === 0);
const logged = (message: string, count = 1) =>
  eventually(() => server.allLogged(message)[count - 1], `${count} × ${message}`, 30_000);

async function start(settings: Readonly<Record<string, string | number | boolean>>): Promise<void> {
  server = await TestServer.start({ ...RECORD_ALL, record_dir: recordsDir(), ...settings });
}

function publish(name: string): void {
  publishers.push(publishFile(bframesFlv, server.rtmpUrl(name), { loop: -1 }));
}

/** Waits until this many open files hold media. */
const recorded = (count: number, bytes = 100_000): Promise<unknown> =>
  eventually(() => {
    const sizes = workFiles().map((name) => statSync(join(recordsDir(), '.work', name)).size);
    return sizes.filter((size) => size > bytes).length >= count ? true : undefined;
  }, `${count} files with media`);

async function mediaSessionOf(name: string): Promise<string> {
  const { json } = await server.rest('/stream/find', { name });
  return (json as { mediaSessionId: string }[])[0]!.mediaSessionId;
}

async function readiness(): Promise<{ status: number; check: unknown }> {
  const response = await fetch(`http://127.0.0.1:${server.port('http')}/readyz`);
  const { checks } = (await response.json()) as { checks: { name: string }[] };
  return { status: response.status, check: checks.find(({ name }) => name === 'disk') };
}

async function expectPlayable(name: string): Promise<void> {
  expect(await decodeErrors(record(name)), name).toBe('');
  const [found, sent] = [await packetsOf(record(name), 'v'), await packetsOf(bframesFlv, 'v')];
  expect(found.length, name).toBeGreaterThan(20);
  // The source is repeated, and a recording begins at any of its key frames.
  const from = sent.findIndex(({ md5 }) => md5 === found[0]!.md5);
  const expected = found.map((_, i) => sent[(from + i) % sent.length]!.md5);
  expect(
    found.map(({ md5 }) => md5),
    name,
  ).toEqual(expected);
  // An ordinary MP4: its index says how long it is.
  expect(Number((await probe(record(name))).format.duration), name).toBeGreaterThan(0.7);
}

describe.skipIf(unable !== undefined)('a disk of 8 MB', () => {
  beforeEach(async () => {
    disk = await SmallDisk.mount('8m');
  });

  afterEach(async () => {
    for (const publisher of publishers) publisher.kill('SIGKILL');
    await Promise.all(publishers.map((publisher) => publisher.ended));
    publishers = [];
    await server.close();
    disk.unmount();
  });

  test('below disk_stop_free recordings are finished, new ones are refused; with room they go on', async () => {
    const hook = hookInto();
    await start({ disk_warn_free: '5M', disk_stop_free: '3M', on_record_hook_script: hook.script });
    publish('one');
    publish('two');
    await recorded(2);
    const giveBackSome = disk.fill(4.5 * MB);
    await logged('disk is low on free space');
    expect(await readiness()).toMatchObject({ status: 200, check: { ok: true } });
    const giveBack = disk.fill(2.5 * MB);
    await logged('recording ended', 2);
    expect(records()).toEqual(['one.mp4', 'two.mp4']);
    for (const name of records()) await expectPlayable(name);
    expect(server.allLogged('part finished').map((line) => line['stopReason'])).toEqual([
      'disk-full',
      'disk-full',
    ]);
    await eventually(() => (hook.calls().length === 2 ? true : undefined), 'both hooks');

    expect(await readiness()).toMatchObject({ status: 503, check: { ok: false } });
    const mediaSessionId = await mediaSessionOf('one');
    const refused = await server.rest('/recorder/startup', { mediaSessionId });
    expect(refused).toMatchObject({
      status: 507,
      json: { code: 'DISK_FULL', error: 'Insufficient Storage' },
    });
    expect((await server.rest('/recorder/find_all')).status).toBe(404);
    publish('three');
    await logged('stream is recorded when the disk has room', 3);
    // Whoever ends a recording that waits does not see it begin again.
    const two = await mediaSessionOf('two');
    expect((await server.rest('/recorder/terminate', { mediaSessionId: two })).status).toBe(200);
    expect(server.allLogged('recording started')).toHaveLength(2);

    giveBack();
    giveBackSome();
    await logged('recording started', 4);
    expect(server.allLogged('disk has room again')).toHaveLength(1);
    await recorded(2);
    expect(await readiness()).toMatchObject({ status: 200, check: { ok: true } });
    for (const publisher of publishers) publisher.kill('SIGKILL');
    await logged('recording ended', 4);
    expect(records()).toEqual(['one-2.mp4', 'one.mp4', 'three.mp4', 'two.mp4']);
    for (const name of records()) await expectPlayable(name);
    await eventually(() => (hook.calls().length === 4 ? true : undefined), 'all hooks');
    expect(workFiles()).toEqual([]);
    const reports = await reportsOf(server, 4);
    const incidentsOf = (file: string) => reports.find(({ fileName }) => fileName === file)!.incidents;
    expect(incidentsOf('one.mp4')).toEqual([]);
    const [waited] = incidentsOf('one-2.mp4');
    expect(waited).toMatchObject({ cause: 'disk-full', lostMs: waited!.to - waited!.from });
    expect(incidentsOf('three.mp4')).toMatchObject([{ cause: 'disk-full' }]);
  });

  test('without limits: what reached a full disk plays, and is finished by itself when there is room', async () => {
    const hook = hookInto();
    await start({ disk_warn_free: '', disk_stop_free: '', on_record_hook_script: hook.script });
    publish('one');
    publish('two');
    await recorded(2);
    const giveBack = disk.fill();
    await logged('disk is full: recordings end, and wait for room');
    await logged('file cannot be finished before the disk has room', 2);
    expect(records()).toEqual([]);
    expect(emptyFiles()).toEqual([]);
    const files = workFiles();
    expect(files).toHaveLength(2);
    for (const name of files) {
      const packets = await packetsOf(join(recordsDir(), '.work', name), 'v');
      expect(packets.length).toBeGreaterThan(20);
    }
    const mediaSessionId = await mediaSessionOf('one');
    expect((await server.rest('/recorder/startup', { mediaSessionId })).status).toBe(507);
    // Four seconds of another stream later nothing was tried again.
    expect(await publishFile(hdFlv, server.rtmpUrl('three')).ended).toMatchObject({ code: 0 });
    await logged('rtmp stream ended');
    expect(server.allLogged('child started')).toHaveLength(2);
    expect(workFiles()).toEqual(files);

    giveBack();
    await logged('recording ended', 2);
    expect(records()).toEqual(['one.mp4', 'two.mp4']);
    for (const name of records()) await expectPlayable(name);
    await eventually(() => (hook.calls().length === 2 ? true : undefined), 'both hooks');
    await logged('recording started', 4);
    await recorded(2);
    for (const publisher of publishers) publisher.kill('SIGKILL');
    await logged('recording ended', 4);
    expect(records()).toEqual(['one-2.mp4', 'one.mp4', 'two-2.mp4', 'two.mp4']);
    for (const name of records()) await expectPlayable(name);
    const reports = await reportsOf(server, 4);
    const causes = reports.map(({ fileName, incidents }) => [
      fileName,
      ...incidents.map(({ cause }) => cause),
    ]);
    expect(causes.sort()).toEqual(records().map((name) => [name, 'disk-full']));
    for (const { incidents } of reports) expect(incidents[0]!.lostMs).toBeGreaterThan(0);
    // Neither more nor less: an FFmpeg that found no room at its end says so, but exits with 0.
    for (const { tracks, incidents } of reports) {
      const lost = tracks.reduce((sum, { packetsIn, packetsInFile }) => sum + packetsIn! - packetsInFile!, 0);
      if (lost > 0) expect(incidents[0]!.detail).toMatch(new RegExp(`; ${lost} packets are lost(?:;|$)`));
    }
    expect(workFiles()).toEqual([]);
  });

  test('full before the first byte: no file, no journal, no crash, and all of it with room', async () => {
    const hook = hookInto();
    await start({ disk_warn_free: '', disk_stop_free: '', on_record_hook_script: hook.script });
    const giveBack = disk.fill();
    publish('one');
    await logged('recording ended');
    expect(server.allLogged('journal cannot be written').length).toBeGreaterThan(0);
    expect(server.allLogged('part holds no media and is removed')).toHaveLength(1);
    expect(filesUnder(recordsDir())).toEqual([]);
    expect(hook.calls()).toEqual([]);
    giveBack();
    await recorded(1);
    for (const publisher of publishers) publisher.kill('SIGKILL');
    await logged('recording ended', 2);
    expect(records()).toEqual(['one.mp4']);
    await expectPlayable('one.mp4');
    await eventually(() => (hook.calls().length === 1 ? true : undefined), 'the hook');
  });

  test('a hook whose run cannot be saved runs all the same, and may be what makes room', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'recorderd-hook-'));
    const script = join(folder, 'hook.sh');
    writeFileSync(script, `#!/bin/bash\nrm -f '${disk.path}'/fill-*\nmv -- "$2" '${folder}/'\n`, {
      mode: 0o755,
    });
    // Matroska needs no room to be finished.
    const formats = { record_formats: 'h264-mkv' };
    await start({ ...formats, disk_warn_free: '', disk_stop_free: '', on_record_hook_script: script });
    publish('one');
    await recorded(1);
    disk.fill();
    await logged('record hook run cannot be saved, a restart would lose it');
    await logged('record hook finished');
    const moved = (): string[] => readdirSync(folder).filter((name) => name.endsWith('.mkv'));
    expect(moved()).toEqual(['one.mkv']);
    const packets = await packetsOf(join(folder, 'one.mkv'), 'v');
    expect(packets.length).toBeGreaterThan(20);
    await logged('recording started', 2);
    await recorded(1);
    expect(emptyFiles()).toEqual([]);
    for (const publisher of publishers) publisher.kill('SIGKILL');
    await logged('record hook finished', 2);
    const others = (): string[] =>
      filesUnder(recordsDir()).filter((name) => !/^\.(?:reports|catalogue)\//.test(name));
    await eventually(
      () => (others().length === 0 ? true : undefined),
      'nothing but what is told of it is left',
    );
  });

  test('stopped with a file that waits, started again on the full disk: finished with room, one hook', async () => {
    const hook = hookInto();
    const settings = { disk_warn_free: '', disk_stop_free: '', on_record_hook_script: hook.script };
    await start({ ...settings, shutdown_timeout: 2 });
    publish('one');
    await recorded(1);
    const giveBack = disk.fill();
    await logged('file cannot be finished before the disk has room');
    for (const publisher of publishers) publisher.kill('SIGKILL');
    server.signal('SIGTERM');
    expect(await server.exited()).toMatchObject({ code: 1 });

    await start(settings);
    await logged('file cannot be finished before the disk has room');
    expect(await readiness()).toMatchObject({ status: 503 });
    expect(records()).toEqual([]);
    giveBack();
    await logged('recordings of an earlier run are finished');
    expect(records()).toEqual(['one.mp4']);
    await expectPlayable('one.mp4');
    await eventually(() => (hook.calls().length === 1 ? true : undefined), 'the hook');
    expect(workFiles()).toEqual([]);
  });

  test('parts by time: what was finished before stays, the torn one waits, and the numbers go on', async () => {
    const hook = hookInto();
    const settings = { disk_warn_free: '', disk_stop_free: '', on_record_hook_script: hook.script };
    await start({ ...settings, record_rotation: 2 });
    publish('one');
    await logged('part finished', 2);
    await recorded(1);
    const giveBack = disk.fill();
    await logged('file cannot be finished before the disk has room');
    const before = records();
    expect(before).toEqual(before.map((_, i) => `one_${i + 1}.mp4`));
    for (const publisher of publishers) publisher.kill('SIGKILL');
    await logged('rtmp stream ended');
    giveBack();
    await logged('recording ended');
    expect(records()).toEqual(['one.mp4', ...before]);
    for (const name of records()) await expectPlayable(name);
    const parts = server.allLogged('part finished');
    expect(parts.at(-1)).toMatchObject({ last: true, stopReason: 'disk-full' });
    await eventually(() => (hook.calls().length === parts.length ? true : undefined), 'all hooks');
  });
});
