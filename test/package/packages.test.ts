import { execFile, execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { LineSplitter } from '../../src/util/lines.ts';
import { eventually } from '../support/eventually.ts';
import { publishFile } from '../support/publishers.ts';
import { sha256Of } from '../support/reports.ts';

/** A root of Debian 13, made by `debootstrap --include=nodejs,ffmpeg,adduser,init-system-helpers trixie DIR`. */
const CHROOT = process.env['PACKAGE_CHROOT'] ?? '';
const { hdFlv } = inject('media');
const PORTS = ['http', 'rtmp', 'rtsp', 'ws'].flatMap((door) => ['--set', `${door}.port=0`]);
const FLAGS = [...PORTS, '--set', 'media_port=0', '--set', 'log_format=json', '--set', 'https.port='];
const OURS = 'stream_record_policy=streamName\nrecord_flash_published_streams=true\n';

let work: string;
let packages: string;
const named = (end: string): string =>
  join(
    packages,
    readdirSync(packages).find((name) => name.endsWith(end))!,
  );

interface Ran {
  readonly code: number;
  readonly text: string;
}

function run(program: string, ...args: readonly string[]): Promise<Ran> {
  return new Promise((done) => {
    execFile(program, [...args], { encoding: 'utf8', maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : Number(error.code), text: stdout + stderr });
    });
  });
}

async function well(program: string, ...args: readonly string[]): Promise<string> {
  const { code, text } = await run(program, ...args);
  expect(code, `${program} ${args.join(' ')}\n${text}`).toBe(0);
  return text;
}

/** Starts what was installed, records a stream, stops it. @returns the hook's notes. */
async function record(name: string, command: string, ...args: readonly string[]): Promise<void> {
  const child: ChildProcess = spawn(command, [...args, ...FLAGS], { stdio: ['ignore', 'pipe', 'inherit'] });
  const logs: Record<string, unknown>[] = [];
  const lines = new LineSplitter((line) => logs.push(JSON.parse(line) as Record<string, unknown>));
  child.stdout?.on('data', (chunk: Buffer) => lines.write(chunk));
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const said = (msg: string): Promise<Record<string, unknown>> =>
    eventually(() => logs.find((line) => line['msg'] === msg), `${msg} in ${JSON.stringify(logs)}`);
  await said('ready');
  const port = Number(logs.find((line) => line['door'] === 'rtmp')?.['port']);
  await publishFile(hdFlv, `rtmp://127.0.0.1:${port}/live/${name}`, { fast: true }).ended;
  await said('record hook finished');
  child.kill('SIGTERM');
  expect(await exited).toBe(0);
}

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'recorderd-package-'));
  packages = join(work, 'packages');
  await well('scripts/package.sh', packages);
}, 600_000);
afterAll(() => rmSync(work, { recursive: true, force: true }));

test('the same commit gives the same packages', async () => {
  const again = join(work, 'again');
  await well('scripts/package.sh', again);
  for (const name of readdirSync(packages)) {
    expect(sha256Of(join(again, name)), name).toBe(sha256Of(join(packages, name)));
  }
}, 600_000);

describe('the tarball', () => {
  let root: string;
  let unpacked: string;
  const install = (...flags: readonly string[]): Promise<Ran> =>
    run(join(unpacked, 'install.sh'), '--root', root, ...flags);
  const inRoot = (path: string): string => join(root, path);
  const server = (): readonly [string, ...string[]] => [
    process.execPath,
    inRoot('usr/local/lib/recorderd/dist/main.js'),
    '--home',
    inRoot('var/lib/recorderd'),
    '--config',
    inRoot('etc/recorderd/flashphoner.properties'),
  ];

  beforeAll(async () => {
    root = join(work, 'root');
    await well('tar', '-xzf', named('.tar.gz'), '-C', work);
    unpacked = join(
      work,
      readdirSync(work).find((name) => /^recorderd-.*-linux/.test(name))!,
    );
  });

  test('installs under a root, and what is installed records', async () => {
    expect(await install()).toMatchObject({ code: 0 });
    appendFileSync(inRoot('etc/recorderd/flashphoner.properties'), OURS);
    // Its link is absolute, as it will be in the machine.
    rmSync(inRoot('var/lib/recorderd/scripts/on_record_hook.sh'));
    writeFileSync(
      inRoot('var/lib/recorderd/scripts/on_record_hook.sh'),
      '#!/bin/sh\necho "$2" >> ../hooked\n',
      {
        mode: 0o755,
      },
    );
    await record('one', ...server());
    expect(readdirSync(inRoot('var/lib/recorderd/records'))).toContain('one.mp4');
  });

  test('has a unit that systemd understands and finds well confined', async () => {
    const unit = inRoot('etc/systemd/system/recorderd.service');
    expect(readFileSync(unit, 'utf8')).not.toMatch(/@[A-Z]+@/);
    if ((await run('systemd-analyze', '--version')).code !== 0) return;
    expect(await well('systemd-analyze', 'verify', unit)).toBe('');
    // 10 is a service without any limits, 0 one that can do nothing.
    await well('systemd-analyze', 'security', '--offline=true', '--threshold=25', unit);
  });

  test('upgrades: the program is replaced; settings, hook and records are as they were', async () => {
    const kept = [
      'etc/recorderd/flashphoner.properties',
      'var/lib/recorderd/scripts/on_record_hook.sh',
      'var/lib/recorderd/records/one.mp4',
    ];
    const before = kept.map((path) => readFileSync(inRoot(path)));
    const about = join(unpacked, 'recorderd/package.json');
    writeFileSync(about, readFileSync(about, 'utf8').replace(/"version": "[^"]+"/, '"version": "9.9.9"'));
    writeFileSync(inRoot('usr/local/lib/recorderd/stale'), '');
    expect((await install()).text).toContain('installed recorderd 9.9.9');
    expect(kept.map((path) => readFileSync(inRoot(path)))).toEqual(before);
    expect(existsSync(inRoot('usr/local/lib/recorderd/stale'))).toBe(false);
    await record('two', ...server());
    expect(readFileSync(inRoot('var/lib/recorderd/hooked'), 'utf8').trim().split('\n')).toHaveLength(2);
  });

  test('is not installed over settings that it does not take', async () => {
    const config = inRoot('etc/recorderd/flashphoner.properties');
    const before = readFileSync(config);
    appendFileSync(config, 'record_rotation=often\n');
    writeFileSync(inRoot('usr/local/lib/recorderd/mark'), '');
    const { code, text } = await install();
    expect([code, text]).toEqual([
      1,
      expect.stringMatching(/record_rotation: "often"[^]*nothing was changed/),
    ]);
    expect(existsSync(inRoot('usr/local/lib/recorderd/mark'))).toBe(true);
    writeFileSync(config, before);
  });

  test('is removed with its service; settings and records stay', async () => {
    expect((await install('--remove')).code).toBe(0);
    for (const path of [
      'usr/local/lib/recorderd',
      'usr/local/bin/recorderd',
      'etc/systemd/system/recorderd.service',
    ]) {
      expect(existsSync(inRoot(path)), path).toBe(false);
    }
    expect(readdirSync(inRoot('var/lib/recorderd/records'))).toEqual(
      expect.arrayContaining(['one.mp4', 'two.mp4']),
    );
    expect(existsSync(inRoot('etc/recorderd/flashphoner.properties'))).toBe(true);
  });

  test.each([
    [['--prefix'], 1, /needs a folder/],
    [['--prefix', 'relative'], 1, /absolute/],
    [['--home', '/a b'], 1, /letters, digits/],
    [['--what'], 2, /^Usage/],
  ])('%j is refused', async (flags, wanted, why) => {
    const { code, text } = await install(...flags);
    expect([code, text]).toEqual([wanted, expect.stringMatching(why)]);
  });
});

describe.skipIf(CHROOT === '')('the Debian package, in a Debian of its own', () => {
  const inRoot = (path: string): string => join(CHROOT, path);
  const debian = (...args: readonly string[]): Promise<string> => well('chroot', CHROOT, ...args);
  const server = (): readonly [string, ...string[]] => [
    'chroot',
    '--userspec=recorderd:recorderd',
    CHROOT,
    ...['recorderd', '--home', '/var/lib/recorderd', '--config', '/etc/recorderd/flashphoner.properties'],
  ];
  const put = (deb: string): void => {
    execFileSync('cp', [deb, inRoot('tmp/recorderd.deb')]);
  };
  const dpkg = (...args: readonly string[]): Promise<string> =>
    debian('env', 'DEBIAN_FRONTEND=noninteractive', 'dpkg', ...args);

  beforeAll(async () => {
    await run('chroot', CHROOT, 'dpkg', '--purge', 'recorderd');
    for (const path of ['var/lib/recorderd', 'etc/recorderd'])
      rmSync(inRoot(path), { recursive: true, force: true });
  });

  test('installs with a user, a service that is enabled, and settings that the user may read', async () => {
    put(named('.deb'));
    await dpkg('--install', '/tmp/recorderd.deb');
    await debian('id', 'recorderd');
    expect(existsSync(inRoot('usr/lib/systemd/system/recorderd.service'))).toBe(true);
    expect(readdirSync(inRoot('etc/systemd/system/multi-user.target.wants'))).toContain('recorderd.service');
    expect(statSync(inRoot('etc/recorderd/flashphoner.properties')).mode & 0o777).toBe(0o640);
    appendFileSync(inRoot('etc/recorderd/flashphoner.properties'), OURS);
    await record('one', ...server());
    expect(readdirSync(inRoot('var/lib/recorderd/records'))).toContain('one.mp4');
    expect(await debian('recorderd', 'verify', '/var/lib/recorderd/records/one.mp4')).toContain(': ok: ');
  });

  test('upgrades without losing settings and records', async () => {
    const tree = join(work, 'newer');
    await well('dpkg-deb', '--raw-extract', named('.deb'), tree);
    const control = join(tree, 'DEBIAN/control');
    writeFileSync(control, readFileSync(control, 'utf8').replace(/^Version: .*$/m, 'Version: 9.9.9'));
    // A newer version of a file that was edited, too: the edited one has to stay.
    appendFileSync(join(tree, 'etc/recorderd/flashphoner.properties'), '# newer\n');
    await well('dpkg-deb', '--root-owner-group', '--build', tree, join(work, 'newer.deb'));
    put(join(work, 'newer.deb'));
    await dpkg('--force-confold', '--install', '/tmp/recorderd.deb');
    const settings = readFileSync(inRoot('etc/recorderd/flashphoner.properties'), 'utf8');
    expect(settings).toContain(OURS);
    expect(settings).not.toContain('# newer');
    await record('two', ...server());
    expect(readdirSync(inRoot('var/lib/recorderd/records'))).toEqual(
      expect.arrayContaining(['one.mp4', 'two.mp4']),
    );
  });

  test('is removed, then purged, and the records stay', async () => {
    await dpkg('--remove', 'recorderd');
    expect(existsSync(inRoot('usr/lib/recorderd'))).toBe(false);
    expect(readFileSync(inRoot('etc/recorderd/flashphoner.properties'), 'utf8')).toContain(OURS);
    expect(await dpkg('--purge', 'recorderd')).toContain('kept: /var/lib/recorderd with all records');
    expect(existsSync(inRoot('etc/recorderd'))).toBe(false);
    expect(readdirSync(inRoot('var/lib/recorderd/records'))).toEqual(
      expect.arrayContaining(['one.mp4', 'two.mp4']),
    );
    expect((await run('chroot', CHROOT, 'dpkg', '-s', 'recorderd')).code).toBe(1);
  });
});
