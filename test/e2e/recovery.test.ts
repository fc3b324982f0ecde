import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import { expectSamePackets } from '../support/compare.ts';
import { eventually } from '../support/eventually.ts';
import { hookInto } from '../support/hook.ts';
import { decodeErrors, packetsOf, probe } from '../support/packets.ts';
import { publishFile } from '../support/publishers.ts';
import { reportsOf, sha256Of } from '../support/reports.ts';
import { TestServer } from '../support/server.ts';

const { bframesFlv } = inject('media');
const RECORD_ALL = { record_flash_published_streams: true, stream_record_policy: 'streamName' };
let server: TestServer;

afterEach(async () => server.close());

const workDir = (): string => join(server.recordsDir, '.work');
const workFiles = (): string[] =>
  readdirSync(workDir(), { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(mp4|webm|mkv)$/.test(name),
  );
const recovered = (): Promise<unknown> =>
  eventually(() => server.logged('recordings of an earlier run are finished'), 'the recovery');

/** What the source takes on disk for each of its twelve seconds, about. */
const BYTES_PER_SECOND = statSync(bframesFlv).size / 12;
const bytesIn = (folder: string): number =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(mp4|webm|mkv)$/.test(name))
    .reduce((sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0), 0);

/** Publishes until so many seconds of each stream are on disk, then kills the server. */
async function killWhileRecording(
  names: readonly string[],
  settings: Readonly<Record<string, string | number | boolean>>,
  seconds = 3,
): Promise<void> {
  server = await TestServer.start(settings);
  const publishers = names.map((name) => publishFile(bframesFlv, server.rtmpUrl(name)));
  const enough = names.length * seconds * BYTES_PER_SECOND;
  await eventually(() => (bytesIn(server.recordsDir) >= enough ? true : undefined), 'enough media');
  server.signal('SIGKILL');
  await server.exited();
  for (const publisher of publishers) await publisher.ended;
}

const restart = async (settings: Readonly<Record<string, string | number | boolean>>): Promise<void> => {
  server = await TestServer.start(settings, server.home);
  await recovered();
};

test('kill -9 of the server: the next start finishes each file, and its hook runs once', async () => {
  const hook = hookInto();
  const settings = { ...RECORD_ALL, on_record_hook_script: hook.script };
  await killWhileRecording(['one', 'two'], settings);
  await restart(settings);
  expect(server.records()).toEqual(['one.mp4', 'two.mp4']);
  for (const name of ['one', 'two']) {
    const file = join(server.recordsDir, `${name}.mp4`);
    expect(await decodeErrors(file)).toBe('');
    const [found, sent] = [await packetsOf(file, 'v'), await packetsOf(bframesFlv, 'v')];
    expect(found.length).toBeGreaterThan(50);
    expect(found.map(({ md5 }) => md5)).toEqual(sent.slice(0, found.length).map(({ md5 }) => md5));
    // An ordinary MP4: its index says how long it is.
    expect(Number((await probe(file)).format.duration)).toBeGreaterThan(2);
  }
  await eventually(() => (hook.calls().length === 2 ? true : undefined), 'both hooks');
  for (const report of await reportsOf(server, 2)) {
    const file = join(server.recordsDir, report.fileName);
    expect(report).toMatchObject({ stopReason: 'crash', sha256: sha256Of(file) });
    expect(report.incidents).toMatchObject([{ cause: 'server-died', from: report.endedAt, lostMs: null }]);
    const [video] = report.tracks;
    expect(video).toMatchObject({ kind: 'video', codec: 'H264', packetsIn: null });
    const packets = await packetsOf(file, 'v');
    expect(video!.packetsInFile).toBe(packets.length);
    expect(video!.bytesInFile).toBe(packets.reduce((sum, { size }) => sum + size, 0));
  }
  expect(
    hook
      .calls()
      .map(([name]) => name)
      .sort(),
  ).toEqual(['one', 'two']);
  expect(workFiles()).toEqual([]);
  await server.close({ keepHome: true });
  server = await TestServer.start(settings, server.home);
  expect(server.logged('an earlier run left unfinished recordings')).toBeUndefined();
  expect(hook.calls()).toHaveLength(2);
});

test('rotated: the parts go on counting, nothing is lost between them', async () => {
  const settings = { ...RECORD_ALL, record_rotation: 2 };
  await killWhileRecording(['cam'], settings, 5);
  const before = server.records();
  await restart(settings);
  const names = server.records();
  expect(names).toContain('cam.mp4');
  // One part was being written, and another may have been whole without its name.
  expect(names.length).toBeGreaterThan(before.length);
  const numbered = names.filter((name) => name !== 'cam.mp4');
  const inOrder = [...numbered, 'cam.mp4'].map((name) => join(server.recordsDir, name));
  const found = (await Promise.all(inOrder.map((file) => packetsOf(file, 'v')))).flat();
  const sent = await packetsOf(bframesFlv, 'v');
  expect(found.map(({ md5 }) => md5)).toEqual(sent.slice(0, found.length).map(({ md5 }) => md5));
  const last = server.allLogged('part finished').at(-1);
  expect(last).toMatchObject({ last: true, stopReason: 'crash' });
});

test.each([
  ['mp4', {}],
  ['mkv', { record_formats: 'h264-mkv' }],
])('server and child killed at once: what was written is finished, %s', async (extension, formats) => {
  const settings = { ...RECORD_ALL, ...formats };
  server = await TestServer.start(settings);
  const publisher = publishFile(bframesFlv, server.rtmpUrl('cam'));
  const child = await eventually(() => server.logged('child started'), 'the child');
  await eventually(() => {
    const [name] = workFiles();
    return name !== undefined && readFileSync(join(workDir(), name)).length > 100_000 ? true : undefined;
  }, 'some media');
  process.kill(Number(child['pid']), 'SIGKILL');
  server.signal('SIGKILL');
  await server.exited();
  await publisher.ended;
  await restart(settings);
  // The server may have begun a second part in the moment between the two.
  for (const name of server.records()) {
    const file = join(server.recordsDir, name);
    expect(await decodeErrors(file)).toBe('');
    const [packets, { format }] = [await packetsOf(file, 'v'), await probe(file)];
    const lastMs = Math.max(...packets.map(({ pts }) => pts));
    // The last frame, and sound that goes on a little longer.
    expect(Number(format.duration) * 1000 - lastMs).toBeGreaterThan(0);
    expect(Number(format.duration) * 1000 - lastMs).toBeLessThan(500);
  }
  expect(server.records()).toContain(`cam.${extension}`);
});

test('a child is killed, then the server: the parts of both in order, and nothing between them is lost', async () => {
  server = await TestServer.start(RECORD_ALL);
  const publisher = publishFile(bframesFlv, server.rtmpUrl('cam'));
  const child = await eventually(() => server.logged('child started'), 'the child');
  await eventually(() => (bytesIn(workDir()) > 2 * BYTES_PER_SECOND ? true : undefined), 'some media');
  process.kill(Number(child['pid']), 'SIGKILL');
  await eventually(() => server.logged('child is replaced'), 'another child');
  await eventually(
    () =>
      (workFiles().some((name) => /001-\d+\.mp4$/.test(name)) && bytesIn(workDir()) > BYTES_PER_SECOND) ||
      undefined,
    'media of the second child',
  );
  server.signal('SIGKILL');
  await server.exited();
  await publisher.ended;
  await restart(RECORD_ALL);
  const reports = (await reportsOf(server, 2)).toSorted((a, b) => a.partIndex - b.partIndex);
  expect(reports.map(({ partIndex }) => partIndex)).toEqual([1, 2]);
  const files = reports.map(({ fileName }) => join(server.recordsDir, fileName));
  const found = (await Promise.all(files.map((file) => packetsOf(file, 'v')))).flat();
  const sent = await packetsOf(bframesFlv, 'v');
  expect(found.map(({ md5 }) => md5)).toEqual(sent.slice(0, found.length).map(({ md5 }) => md5));
});

test('a torn journal is read up to its tear; what nothing tells of is set aside with a report', async () => {
  await killWhileRecording(['cam'], RECORD_ALL);
  const [work] = workFiles();
  appendFileSync(join(workDir(), work!, '..', 'journal'), '{"kind":"part","file":"000-0000');
  const unknown = join(workDir(), 'unknown');
  mkdirSync(unknown);
  writeFileSync(join(unknown, '000-000000.mp4'), 'no MP4');
  await restart(RECORD_ALL);
  expect(server.records()).toEqual(['cam.mp4']);
  expect(await decodeErrors(join(server.recordsDir, 'cam.mp4'))).toBe('');
  const aside = join(workDir(), 'aside-unknown');
  expect(readFileSync(join(aside, '000-000000.mp4'), 'utf8')).toBe('no MP4');
  expect(JSON.parse(readFileSync(join(aside, 'report.json'), 'utf8'))).toMatchObject({
    files: { '000-000000.mp4': 'the journal does not tell of it' },
  });
  expect(existsSync(unknown)).toBe(false);
  expect(server.allLogged('recording of an earlier run cannot be mended and is set aside')).toHaveLength(1);
});

test('a stream of the same name that is live again keeps its own file', async () => {
  await killWhileRecording(['cam'], RECORD_ALL);
  server = await TestServer.start(RECORD_ALL, server.home);
  const second = publishFile(bframesFlv, server.rtmpUrl('cam'), { fast: true });
  await recovered();
  await second.ended;
  const names = await server.recordsFinished(2);
  expect(names).toEqual(['cam-2.mp4', 'cam.mp4']);
  await expectSamePackets(bframesFlv, [join(server.recordsDir, 'cam-2.mp4')], 'v');
});
