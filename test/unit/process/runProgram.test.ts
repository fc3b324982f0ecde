import { chmodSync, closeSync, existsSync, mkdtempSync } from 'node:fs';
import { openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runProgram } from '../../../src/process/runProgram.ts';
import type { ProgramOptions, ProgramResult } from '../../../src/process/runProgram.ts';
import { eventually } from '../../support/eventually.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';

let dir: string;
const groups: number[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'run-program-'));
});

afterEach(() => {
  for (const pid of groups.splice(0)) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  rmSync(dir, { recursive: true });
});

function runScript(lines: readonly string[], options: Partial<ProgramOptions> = {}): Promise<ProgramResult> {
  const file = join(dir, 'program.sh');
  writeFileSync(file, ['#!/bin/bash', ...lines, ''].join('\n'));
  chmodSync(file, 0o755);
  return runProgram({
    file,
    args: [],
    cwd: dir,
    env: { PATH },
    timeoutMs: 20_000,
    killGraceMs: 5000,
    maxOutputBytes: 4096,
    ...options,
  });
}

function isAlive(pid: number): boolean {
  try {
    // A killed orphan stays a zombie where nobody reaps it; a zombie does not run any more.
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Waits until `fact` holds. */
async function until(what: string, fact: () => boolean): Promise<void> {
  await eventually(() => (fact() ? true : undefined), what);
}

function pidIn(name: string): number {
  const pid = Number(readFileSync(join(dir, name), 'utf8'));
  groups.push(pid);
  return pid;
}

describe('an ordinary end', () => {
  test('gives exit code and what both streams said', async () => {
    const result = await runScript(['echo said', 'echo failed >&2', 'exit 3']);
    expect(result).toMatchObject({ exitCode: 3, signal: undefined, timedOut: false, aborted: false });
    expect(result.output.split('\n').sort()).toEqual(['', 'failed', 'said']);
    expect(result.failure).toBeUndefined();
    expect(result.durationMs).toBeGreaterThanOrEqual(0);
  });

  test('gives the signal of a program that died of one', async () => {
    expect(await runScript(['kill -SEGV $$'])).toMatchObject({ exitCode: undefined, signal: 'SIGSEGV' });
  });

  test('passes arguments, folder and environment exactly, and nothing else', async () => {
    const args = ['', 'a b', `'"$(id)\`id\``, 'line\nline', '-rf', '*', 'ü€😀'];
    const env = { PATH, ONLY: "it's\n$ONLY" };
    const result = await runScript(['pwd > pwd', `printf '%s\\0' "$@" > args`, `env -0 > env`], {
      args,
      env,
    });
    expect(result.output).toBe('');
    expect(readFileSync(join(dir, 'args'), 'utf8').split('\0').slice(0, -1)).toEqual(args);
    expect(readFileSync(join(dir, 'pwd'), 'utf8').trim()).toBe(dir);
    const seen = readFileSync(join(dir, 'env'), 'utf8').split('\0').slice(0, -1);
    const ofBash = /^(PWD|SHLVL|_|OLDPWD)=/;
    expect(seen.filter((pair) => !ofBash.test(pair)).sort()).toEqual([`ONLY=${env.ONLY}`, `PATH=${PATH}`]);
  });

  test('gives an empty standard input and no file of this process', async () => {
    const open = openSync(join(dir, 'journal'), 'w');
    const result = await runScript(['cat', 'readlink /proc/$$/fd/*']);
    closeSync(open);
    expect(result.output.split('\n')[0]).toBe('/dev/null');
    expect(result.output).not.toContain('journal');
  });
});

describe('a program that cannot be started', () => {
  test('is a failure with its reason', async () => {
    const result = await runScript([], { file: join(dir, 'nothing') });
    expect(result).toMatchObject({ exitCode: undefined, signal: undefined, timedOut: false });
    expect(result.failure).toContain('ENOENT');
  });

  test('is a failure for an argument that no program can get', async () => {
    expect((await runScript([], { args: ['a\0b'] })).failure).toContain('null bytes');
  });

  test('is not started when it is aborted before', async () => {
    const result = await runScript(['touch started'], { signal: AbortSignal.abort() });
    expect(result.aborted).toBe(true);
    expect(existsSync(join(dir, 'started'))).toBe(false);
  });
});

describe('an end by force', () => {
  test('SIGTERM to the whole group at the time limit, with time to finish', async () => {
    const lines = ['trap "echo cleaned; exit 7" TERM', 'sleep 1000 & echo $! > child', 'wait'];
    const result = await runScript(lines, { timeoutMs: 300 });
    expect(result).toMatchObject({ exitCode: 7, timedOut: true, aborted: false, output: 'cleaned\n' });
    expect(isAlive(pidIn('child'))).toBe(false);
  });

  test('SIGKILL to the whole group when it ignores SIGTERM', async () => {
    const lines = ['trap "" TERM', 'sleep 1000 & echo $! > child', 'while :; do sleep 1000; done'];
    const result = await runScript(lines, { timeoutMs: 300, killGraceMs: 200 });
    expect(result).toMatchObject({ signal: 'SIGKILL', timedOut: true });
    await until('the end of the child', () => !isAlive(pidIn('child')));
  });

  test('SIGKILL also to a stubborn child that outlives the program', async () => {
    const lines = ['bash -c "trap \'\' TERM; echo \\$\\$ > child; while :; do sleep 1000; done" &', 'wait'];
    const result = await runScript(lines, { timeoutMs: 500, killGraceMs: 200 });
    expect(result).toMatchObject({ signal: 'SIGTERM', timedOut: true });
    await until('the end of the child', () => !isAlive(pidIn('child')));
  });

  test('at an abort in mid-run', async () => {
    const stop = new AbortController();
    const running = runScript(['touch up', 'exec sleep 1000'], { signal: stop.signal });
    await until('the start of the program', () => existsSync(join(dir, 'up')));
    stop.abort();
    expect(await running).toMatchObject({ signal: 'SIGTERM', aborted: true, timedOut: false });
  });
});

describe('a program in the background', () => {
  test('that holds the output neither delays the end nor is ended by it', async () => {
    const lines = [
      '(trap "" PIPE; sleep 1.2; echo late && touch wrote; sleep 1000) & echo $! > child',
      'echo now',
    ];
    const result = await runScript(lines);
    expect(result).toMatchObject({ exitCode: 0, output: 'now\n' });
    const child = pidIn('child');
    expect(isAlive(child)).toBe(true);
    await until('the late word', () => existsSync(join(dir, 'wrote')));
    process.kill(child, 'SIGKILL');
  });
});

describe('output', () => {
  test('keeps the first and the last bytes of a flood', async () => {
    const result = await runScript(['echo first', 'seq 1 300000', 'echo last'], { maxOutputBytes: 1000 });
    expect(result.exitCode).toBe(0);
    expect(result.output).toMatch(/^first\n1\n2\n/);
    expect(result.output).toMatch(/299999\n300000\nlast\n$/);
    const leftOut = /\n\[… (\d+) bytes left out …\]\n/.exec(result.output);
    const written =
      'first\nlast\n'.length + Array.from({ length: 300_000 }, (_, i) => `${i + 1}\n`).join('').length;
    expect(Number(leftOut?.[1])).toBe(written - 1000);
  });

  test('is kept whole up to the bound', async () => {
    const result = await runScript(['printf %01000d 7'], { maxOutputBytes: 1000 });
    expect(result.output).toBe('7'.padStart(1000, '0'));
  });
});
