import { execFile } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { IntegrityReport } from '../../src/domain/integrityReport.ts';
import { publishFile } from '../support/publishers.ts';
import { reportsOf } from '../support/reports.ts';
import { TestServer } from '../support/server.ts';

const { hdFlv } = inject('media');
const NAMED = { stream_record_policy: 'streamName', record_flash_published_streams: true };

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string, args: readonly string[]): Promise<Ran> {
  return new Promise((done) => {
    execFile(program, [...args], { encoding: 'utf8' }, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

const recorderd = (home: string, ...args: readonly string[]): Promise<Ran> =>
  run(process.execPath, [resolve('dist/main.js'), ...args, '--home', home]);

/** What ffmpeg says of a file when it decodes all of it: nothing, for a whole one. */
async function complaints(file: string): Promise<string> {
  const { stderr } = await run('ffmpeg', ['-v', 'warning', '-nostdin', '-i', file, '-f', 'null', '-']);
  return stderr;
}

async function durationOf(file: string): Promise<number> {
  const show = ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0'];
  return Number((await run('ffprobe', [...show, file])).stdout);
}

/** Types of the boxes of an MP4, none of which is nested or longer than 4 GB. */
function topBoxes(file: string): string[] {
  const bytes = readFileSync(file);
  const types: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = bytes.readUInt32BE(at);
    types.push(bytes.toString('latin1', at + 4, at + 8));
    at += size === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : size;
  }
  return types;
}

describe('finished files', () => {
  let home: string;
  let records: string;
  let reports: readonly IntegrityReport[];

  beforeAll(async () => {
    const server = await TestServer.start({ ...NAMED, record_rotation: 2 });
    ({ home, recordsDir: records } = server);
    await publishFile(hdFlv, server.rtmpUrl('cam')).ended;
    await server.recordsFinished(2);
    reports = await reportsOf(server, 2);
    await server.close({ keepHome: true });
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  test('are listed, with what became of them', async () => {
    const { code, stdout } = await recorderd(home, 'list');
    expect(code).toBe(0);
    const [head = '', ...rows] = stdout.trim().split('\n');
    expect(head).toMatch(/^ENDED +SECONDS +BYTES +ENDED BY +STATE +HOOK +STREAM +FILE$/);
    // There is no script to run.
    expect(rows.map((row) => row.split(/ {2,}/).slice(3))).toEqual(
      reports.map(({ stopReason, fileName }) => [stopReason, 'here', 'pending', 'cam', fileName]),
    );
    const json = await recorderd(home, 'list', '--json');
    const lines = json.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(lines).toEqual(reports.map((report) => ({ state: 'here', hookState: 'pending', ...report })));
  });

  test('agree with their reports, wherever they were moved and whatever they are called', async () => {
    const files = reports.map(({ fileName }) => join(records, fileName));
    const first = reports[0]!;
    const [video] = first.tracks.filter(({ kind }) => kind === 'video');
    const { code, stdout } = await recorderd(home, 'verify', ...files);
    expect(code).toBe(0);
    expect(stdout.split('\n')[0]).toContain(
      `${files[0]!}: ok: bytes ${first.bytes}, sha256 ${first.sha256!}`,
    );
    expect(stdout).toContain(`video packets ${video!.packetsInFile!}`);

    const moved = join(mkdtempSync(join(tmpdir(), 'moved-')), 'renamed.mp4');
    copyFileSync(files[0]!, moved);
    const renamed = await recorderd(home, 'verify', moved);
    expect([renamed.code, renamed.stdout]).toEqual([
      0,
      expect.stringContaining(`renamed.mp4: ok (recorded as ${first.fileName}): `),
    ]);
  });

  test('differ from them by a single byte, or by their length', async () => {
    const file = join(records, reports[0]!.fileName);
    const whole = readFileSync(file);
    const changed = Buffer.from(whole);
    changed.writeUInt8(changed.readUInt8(5000) ^ 1, 5000);
    writeFileSync(file, changed);
    const flipped = await recorderd(home, 'verify', file);
    expect([flipped.code, flipped.stdout]).toEqual([
      65,
      expect.stringMatching(/: DIFFERS: sha256 [0-9a-f]{64}, the/),
    ]);
    truncateSync(file, whole.length - 100);
    const cut = await recorderd(home, 'verify', file);
    expect(cut.code).toBe(65);
    expect(cut.stdout).toMatch(
      /DIFFERS: bytes \d+, the report says \d+; sha256 .*; its packets cannot be counted: /,
    );
    expect((await recorderd(home, 'list')).stdout).toMatch(/ {2}other {2}/);
    writeFileSync(file, whole);
    const strange = join(records, 'strange.mp4');
    writeFileSync(strange, 'x');
    const unknown = await recorderd(home, 'verify', join(records, 'nowhere.mp4'), strange);
    expect([unknown.code, unknown.stdout]).toEqual([
      66,
      `${join(records, 'nowhere.mp4')}: no such file\n${strange}: no integrity report is known of it\n`,
    ]);
    rmSync(strange);
  });

  test('are given to the hook once more, with the facts of their reports', async () => {
    mkdirSync(join(home, 'scripts'), { recursive: true });
    const script = join(home, 'scripts/on_record_hook.sh');
    const [first, last] = [reports[0]!, reports.at(-1)!];
    const notes = `printf '%s|' "$1" "$2" "$RECORD_ID" "$RECORD_PART_INDEX" "$RECORD_LAST_PART" "$RECORD_VIDEO_CODEC" "$RECORD_DURATION_MS" >> ../seen`;
    writeFileSync(script, `#!/bin/sh\n${notes}\n`, { mode: 0o755 });
    const files = [first, last].map(({ fileName }) => join(records, fileName));
    const { code, stdout, stderr } = await recorderd(home, 'run-hook', ...files);
    expect([code, stdout]).toEqual([0, files.map((file) => `${file}: the hook ended well\n`).join('')]);
    expect(stderr).toContain('record hook finished');
    const told = (
      { recordingId, partIndex, last: isLast, durationMs }: IntegrityReport,
      file: string,
    ): string => ['cam', file, recordingId, partIndex, isLast, 'H264', durationMs, ''].join('|');
    expect(readFileSync(join(home, 'seen'), 'utf8')).toBe(told(first, files[0]!) + told(last, files[1]!));

    writeFileSync(script, '#!/bin/sh\necho no room >&2\nexit 7\n', { mode: 0o755 });
    const failed = await recorderd(home, 'run-hook', files[0]!);
    expect([failed.code, failed.stdout]).toEqual([1, `${files[0]!}: exit code 7\n`]);
    expect(failed.stderr).toContain('no room');
    expect((await recorderd(home, 'run-hook', files[0]!, '--set', 'on_record_hook_script=')).code).toBe(66);
  });

  test('that are gone are listed as such', async () => {
    const file = join(records, reports[0]!.fileName);
    renameSync(file, join(home, basename(file)));
    expect((await recorderd(home, 'list')).stdout).toMatch(/ {2}gone {3}/);
    renameSync(join(home, basename(file)), file);
  });
});

describe('repair', () => {
  let folder: string;
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'recorderd-repair-'))));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Made by another program, as if that had been killed after `share` of its bytes. */
  async function left(name: string, flags: readonly string[], share: number): Promise<string> {
    const file = join(folder, name);
    const made = await run('ffmpeg', ['-v', 'error', '-nostdin', '-y', '-i', hdFlv, ...flags, file]);
    expect(made.stderr).toBe('');
    truncateSync(file, Math.floor(statSync(file).size * share));
    return file;
  }

  const FRAGMENTED = ['-c', 'copy', '-movflags', 'frag_keyframe+empty_moov+default_base_moof'];

  test('makes a plain MP4 of a fragmented one, cut off or not, in place', async () => {
    for (const share of [1, 0.7]) {
      const file = await left(`fragmented-${share}.mp4`, FRAGMENTED, share);
      const { code, stdout } = await recorderd(folder, 'repair', file);
      expect(stdout).toMatch(/fragmented-[\d.]+\.mp4: repaired: \d+\.\d s, \d+ bytes/);
      expect(code).toBe(0);
      expect(topBoxes(file)).toEqual(['ftyp', 'mdat', 'moov']);
      expect(await complaints(file)).toBe('');
      expect(await recorderd(folder, 'repair', file)).toMatchObject({
        code: 0,
        stdout: `${file}: needs nothing: it is whole\n`,
      });
    }
  });

  test('leaves the file and writes another with --output, which replaces none', async () => {
    const file = await left('original.mp4', FRAGMENTED, 0.8);
    const before = readFileSync(file);
    const copy = join(folder, 'mended.mp4');
    const { code, stdout } = await recorderd(folder, 'repair', file, '--output', copy);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/: repaired: .*mended\.mp4\n$/)]);
    expect(readFileSync(file)).toEqual(before);
    expect(await complaints(copy)).toBe('');
    const again = await recorderd(folder, 'repair', file, '--output', copy);
    expect([again.code, again.stdout]).toEqual([1, expect.stringContaining('EEXIST')]);
  });

  test('gives a cut WebM its length and index', async () => {
    const flags = ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-c:a', 'libopus', '-t', '4'];
    const file = await left('cut.webm', flags, 0.6);
    expect((await recorderd(folder, 'repair', file)).code).toBe(0);
    expect(await complaints(file)).toBe('');
    expect(await durationOf(file)).toBeGreaterThan(1);
  });

  test('says that an MP4 whose index was never written cannot be repaired, and leaves it alone', async () => {
    const file = await left('dead.mp4', ['-c', 'copy'], 0.7);
    const before = readFileSync(file);
    const { code, stdout } = await recorderd(folder, 'repair', file);
    expect(code).toBe(65);
    expect(stdout).toMatch(/dead\.mp4: CANNOT be repaired: its index \(moov\) was to be written at its end/);
    expect(readFileSync(file)).toEqual(before);
  });

  test('judges each file, and the worst one decides the exit code', async () => {
    const text = join(folder, 'text.mp4');
    writeFileSync(text, 'this is no media file');
    const ts = await left('some.ts', ['-c', 'copy'], 1);
    const { code, stdout } = await recorderd(folder, 'repair', ts, text, join(folder, 'none.mp4'));
    expect(code).toBe(65);
    expect(stdout).toBe(
      `${ts}: needs nothing: TS has no index\n${text}: is neither MP4 nor WebM, MKV or TS\n${folder}/none.mp4: no such file\n`,
    );
  });
});
