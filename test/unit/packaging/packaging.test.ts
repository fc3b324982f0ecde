import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EXIT } from '../../../src/cli.ts';
import { SETTINGS } from '../../../src/config/settings.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

describe('the unit of systemd', () => {
  const unit = read('packaging/recorderd.service');
  const valueOf = (key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1] ?? '';

  test('has the numbers of the program', () => {
    expect(Number(valueOf('TimeoutStopSec'))).toBeGreaterThan(Number(SETTINGS.shutdown_timeout.initial));
    expect(valueOf('RestartPreventExitStatus').split(' ').map(Number)).toEqual([EXIT.USAGE, EXIT.CONFIG]);
    expect(valueOf('KillMode')).toBe('mixed');
    expect([valueOf('Type'), valueOf('NotifyAccess')]).toEqual(['notify', 'all']);
    expect(valueOf('ExecReload')).toContain('-HUP');
  });

  const hasSystemd = existsSync('/usr/bin/systemd-analyze');
  test.skipIf(!hasSystemd)('is understood by systemd, every line of it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'unit-'));
    const file = join(folder, 'recorderd.service');
    const places = {
      '@NODE@': process.execPath,
      '@LIB@': '/usr/lib/recorderd',
      '@HOME@': '/var/lib/x',
      '@ETC@': '/etc',
    };
    const rendered = Object.entries(places).reduce((text, [mark, path]) => text.replaceAll(mark, path), unit);
    writeFileSync(file, rendered);
    const verify = (): string =>
      execFileSync('/bin/sh', ['-c', 'systemd-analyze verify "$0" 2>&1', file], { encoding: 'utf8' });
    expect(verify()).toBe('');
    writeFileSync(file, rendered.replace('OOMPolicy=', 'OOMPolice='));
    expect(verify()).toContain('OOMPolice');
    rmSync(folder, { recursive: true });
  });
});

describe('the Dockerfile', () => {
  const lines = read('Dockerfile')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const last = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));
  const argumentOf = (word: string): string =>
    last.find((line) => line.startsWith(`${word} `))?.slice(word.length + 1) ?? '';

  test('runs the server under tini, not as root', () => {
    const [user, entry] = ['USER', 'ENTRYPOINT'].map((word) =>
      last.findIndex((line) => line.startsWith(word)),
    );
    expect(argumentOf('USER')).toBe('recorderd');
    expect(user).toBeLessThan(entry!);
    expect(JSON.parse(argumentOf('ENTRYPOINT'))).toEqual(
      expect.arrayContaining(['tini', '--', 'node', '/opt/recorderd/dist/main.js']),
    );
  });

  test('asks for its health where the default settings answer', () => {
    expect(argumentOf('HEALTHCHECK')).toContain(`http://127.0.0.1:${SETTINGS['http.port'].initial}/healthz`);
  });

  test('names the ports of the default settings', () => {
    const ports = argumentOf('EXPOSE').split(' ');
    const keys = ['ws.port', 'wss.port', 'http.port', 'https.port', 'rtmp.port', 'rtsp.port'] as const;
    expect(ports).toEqual([
      ...keys.map((key) => SETTINGS[key].initial),
      `${SETTINGS.media_port.initial}/udp`,
    ]);
  });

  test('copies what is there and what is sent to the builder', () => {
    const sent = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copies = lines.filter((line) => line.startsWith('COPY ') && !line.includes('--from='));
    const sources = copies.flatMap((line) =>
      line
        .split(/ +/)
        .filter((word) => !word.startsWith('--'))
        .slice(1, -1),
    );
    expect(sources.length).toBeGreaterThan(10);
    for (const source of sources) {
      expect(existsSync(join(ROOT, source)), source).toBe(true);
      expect(
        sent.some((each) => source === each || source.startsWith(`${each}/`)),
        source,
      ).toBe(true);
    }
    const toCompile = (JSON.parse(read('tsconfig.build.json')) as { extends: string }).extends.replace(
      './',
      '',
    );
    expect(sent).toContain(toCompile);
  });
});
