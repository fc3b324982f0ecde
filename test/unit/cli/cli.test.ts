import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LoadedSettings } from '../../../src/cli.ts';
import {
  EXIT,
  checkOutcome,
  helpOutcome,
  parseCommandLine,
  printOutcome,
  readSettings,
  usageOutcome,
  versionOutcome,
} from '../../../src/cli.ts';

describe('the command line', () => {
  const none = { config: undefined, home: undefined, set: [] };

  test.each([
    [[], { kind: 'run', options: none }],
    [['--config', 'a', '--home=b'], { kind: 'run', options: { config: 'a', home: 'b', set: [] } }],
    [['--set', 'a=1', '--set=b=2=3'], { kind: 'run', options: { ...none, set: ['a=1', 'b=2=3'] } }],
    [['--check-config'], { kind: 'check', options: none }],
    [['--print-config', '--config=x'], { kind: 'print', options: { ...none, config: 'x' } }],
    [['--help', '--version'], { kind: 'help' }],
    [['-h'], { kind: 'help' }],
    [['--version'], { kind: 'version' }],
    [['--foo'], { kind: 'usage-error', message: "Unknown option '--foo'" }],
    [['check-config'], { kind: 'check', options: none }],
    [['print-config', '--config=x'], { kind: 'print', options: { ...none, config: 'x' } }],
    [['help'], { kind: 'help' }],
    [['version'], { kind: 'version' }],
    [['list', '--json'], { kind: 'list', options: none, files: [], json: true, output: undefined }],
    [
      ['verify', 'a', '--home=b', '--', '-c'],
      { kind: 'verify', options: { ...none, home: 'b' }, files: ['a', '-c'], json: false, output: undefined },
    ],
    [
      ['--output', 'b', 'repair', 'a'],
      { kind: 'repair', options: none, files: ['a'], json: false, output: 'b' },
    ],
    [['run-hook', 'a'], { kind: 'run-hook', options: none, files: ['a'], json: false, output: undefined }],
    [['verfy', 'a'], { kind: 'usage-error', message: "Unknown command 'verfy'; did you mean verify?" }],
    [['/etc/passwd'], { kind: 'usage-error', message: "Unknown command '/etc/passwd'" }],
    [['list', 'a'], { kind: 'usage-error', message: "Unexpected argument 'a'" }],
    [['verify'], { kind: 'usage-error', message: 'verify needs a file' }],
    [['--json'], { kind: 'usage-error', message: "Option '--json' does not go with the server" }],
    [
      ['verify', 'a', '--output=b'],
      { kind: 'usage-error', message: "Option '--output' does not go with verify" },
    ],
    [
      ['repair', 'a', 'b', '--output=c'],
      { kind: 'usage-error', message: "Option '--output' goes with one file only" },
    ],
    [['--config'], { kind: 'usage-error', message: "Option '--config <value>' argument missing" }],
    [['--help=yes'], { kind: 'usage-error', message: "Option '-h, --help' does not take an argument" }],
  ])('%j', (argv, expected) => {
    expect(parseCommandLine(argv)).toEqual(expected);
  });

  test('a wrong one shows the usage on stderr', () => {
    const { code, stdout, stderr } = usageOutcome("Unknown option '--foo'");
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^recorderd: Unknown option '--foo'\n\nUsage: recorderd /);
  });

  test('help names every option, command and exit code', () => {
    const { code, stdout, stderr } = helpOutcome();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const word of [
      'config FILE',
      'set KEY=VALUE',
      'home DIR',
      'check-config',
      'print-config',
      'version',
    ]) {
      expect(stdout).toContain(`--${word}`);
    }
    for (const command of ['check-config', 'print-config', 'list', 'verify', 'repair', 'run-hook']) {
      expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
    }
    for (const each of Object.values(EXIT)) expect(stdout).toMatch(new RegExp(`\\b${each} [a-z]`));
  });

  test('version', () => {
    expect(versionOutcome('1.2.3')).toEqual({ code: 0, stdout: 'recorderd 1.2.3\n', stderr: '' });
  });
});

describe('the settings file', () => {
  let cwd: string;
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), 'recorderd-cli-'));
  });
  afterEach(() => {
    rmSync(cwd, { recursive: true, force: true });
  });

  function write(path: string, text: string): void {
    mkdirSync(join(cwd, path, '..'), { recursive: true });
    writeFileSync(join(cwd, path), text);
  }

  const read = (
    options: { config?: string; home?: string; set?: string[] },
    env: Record<string, string> = {},
  ): LoadedSettings =>
    readSettings({ config: undefined, home: undefined, set: [], ...options }, { cwd, env });

  test('is conf/flashphoner.properties in the home folder', () => {
    write('home/conf/flashphoner.properties', 'record_rotation=20');
    const { home, configPath, result } = read({ home: 'home' });
    expect({ home, configPath }).toEqual({
      home: join(cwd, 'home'),
      configPath: join(cwd, 'home/conf/flashphoner.properties'),
    });
    expect(result).toMatchObject({ ok: true, settings: { record_rotation: { kind: 'time', seconds: 20 } } });
  });

  test('need not be there', () => {
    const { home, configPath, result } = read({ set: ['rtmp.port=0'] }, { RECORDERD_HTTP_PORT: '0' });
    expect({ home, configPath }).toEqual({ home: cwd, configPath: undefined });
    expect(result).toMatchObject({ ok: true, settings: { 'rtmp.port': 0, 'http.port': 0 } });
    expect(checkOutcome(read({})).stdout).toBe('no settings file, the defaults: settings are valid\n');
  });

  test('given by --config is relative to the current folder, not to the home', () => {
    write('my.properties', 'rtmp.port=x');
    const { configPath, result } = read({ config: 'my.properties', home: 'elsewhere' });
    expect(configPath).toBe('my.properties');
    expect(result).toMatchObject({
      ok: false,
      problems: [expect.stringMatching(/^my\.properties:1: rtmp\.port:/)],
    });
  });

  test('given by --config must be there; other mistakes are named with it', () => {
    const { result } = read({ config: 'missing.properties', set: ['log_level=x'] });
    expect(result).toMatchObject({
      ok: false,
      problems: [
        expect.stringMatching(/^missing\.properties: cannot be read: ENOENT/),
        expect.stringMatching(/^--set log_level:/),
      ],
    });
  });

  test('that exists but cannot be read is a problem, also without --config', () => {
    mkdirSync(join(cwd, 'conf/flashphoner.properties'), { recursive: true });
    chmodSync(join(cwd, 'conf/flashphoner.properties'), 0o755);
    expect(read({}).result).toMatchObject({ ok: false, problems: [expect.stringContaining('EISDIR')] });
  });

  test('--check-config lists problems, then warnings, and fails with 78', () => {
    write('x', 'rtmp.port=x\nrecord_dirr=y\nhttp.port=y');
    const { code, stdout, stderr } = checkOutcome(read({ config: 'x' }));
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(stderr.split('\n')).toEqual([
      expect.stringMatching(/^x:1: rtmp\.port: "x" is not allowed/),
      expect.stringMatching(/^x:3: http\.port: "y" is not allowed/),
      'warning: x:2: record_dirr: unknown key, ignored; did you mean record_dir?',
      '',
    ]);
  });

  test('--check-config passes with warnings', () => {
    write('x', 'hls.port=8082');
    expect(checkOutcome(read({ config: 'x' }))).toEqual({
      code: 0,
      stdout: 'x: settings are valid\n',
      stderr: 'warning: known to WCS, not used by recorderd yet: hls.port (x:1)\n',
    });
  });

  test('--print-config shows what is in force, or what is wrong', () => {
    write('x', 'rtmp.port=1936');
    const { code, stdout } = printOutcome(read({ config: 'x' }));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^rtmp\.port = 1936 +\[x:1\]$/m);
    expect(printOutcome(read({ config: 'y' }))).toMatchObject({ code: 78, stdout: '' });
  });
});
