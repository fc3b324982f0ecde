import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../../..');

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A copy of all scripts in a folder of its own, with programs in front of the machine's on PATH. */
export class Sandbox {
  readonly root = mkdtempSync(join(tmpdir(), 'recorderd-scripts-'));

  constructor() {
    for (const folder of ['scripts', 'packaging'])
      cpSync(join(ROOT, folder), join(this.root, folder), { recursive: true });
    mkdirSync(join(this.root, 'bin'));
  }

  /** Writes an executable, by default into the front of PATH. @returns its path. */
  program(name: string, body: string, folder = 'bin'): string {
    const path = join(this.root, folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    return path;
  }

  run(command: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Outcome {
    const inherited = {
      ...process.env,
      CI: '',
      PATH: `${join(this.root, 'bin')}:${process.env['PATH'] ?? ''}`,
    };
    const { status, stdout, stderr } = spawnSync(command, args, {
      cwd: this.root,
      encoding: 'utf8',
      env: { ...inherited, ...env },
    });
    return { code: status, stdout, stderr };
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Body of a program that answers as an ffmpeg of that version with those encoders. */
export function fakeFfmpeg(version: string, encoders: readonly string[] = ['aac', 'libvorbis']): string {
  const list = (names: readonly string[]): string => names.map((name) => `echo ' X ${name} text'`).join('; ');
  return `for flag in "$@"; do case $flag in
    -version) echo 'ffmpeg version ${version} Copyright' ;;
    -muxers) ${list(['mp4', 'segment', 'webm', 'matroska', 'mpegts'])} ;;
    -demuxers) ${list(['flv', 'matroska,webm'])} ;;
    -encoders) ${list(encoders)} ;;
  esac; done`;
}
