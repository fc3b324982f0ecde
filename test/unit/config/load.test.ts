import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LoadResult } from '../../../src/config/load.ts';
import { loadSettings } from '../../../src/config/load.ts';

interface Given {
  readonly text?: string;
  readonly env?: Record<string, string | undefined>;
  readonly set?: readonly string[];
}

const PATH = 'conf/x.properties';
const load = ({ text, env = {}, set = [] }: Given): LoadResult =>
  loadSettings({ file: text === undefined ? undefined : { path: PATH, text }, env, set });

function loaded(given: Given): Extract<LoadResult, { ok: true }> {
  const result = load(given);
  if (!result.ok) throw new Error(result.problems.join('\n'));
  return result;
}

function problemsOf(given: Given): readonly string[] {
  const result = load(given);
  return result.ok ? [] : result.problems;
}

describe('precedence', () => {
  test('nothing given means the defaults', () => {
    const { settings, sources, warnings } = loaded({});
    expect(settings['rtmp.port']).toBe(1935);
    expect(new Set(Object.values(sources))).toEqual(new Set(['default']));
    expect(warnings).toEqual([]);
  });

  test('file, then environment, then --set; each knows where it comes from', () => {
    const text = '\nrtmp.port=1\nhttp.port=2\nrecord_dir=from file';
    const env = { RECORDERD_HTTP_PORT: '3', RECORDERD_RECORD_DIR: 'from env', PATH: '/bin' };
    const { settings, sources } = loaded({ text, env, set: ['record_dir=a', 'record_dir=from=set'] });
    expect(settings).toMatchObject({ 'rtmp.port': 1, 'http.port': 3, record_dir: 'from=set' });
    expect(sources).toMatchObject({
      'rtmp.port': `${PATH}:2`,
      'http.port': 'RECORDERD_HTTP_PORT',
      record_dir: '--set',
      log_level: 'default',
    });
  });

  test('an empty value is a value, an absent variable is none', () => {
    expect(loaded({ env: { RECORDERD_RTMP_PORT: '' } }).settings['rtmp.port']).toBeUndefined();
    expect(loaded({ env: { RECORDERD_RTMP_PORT: undefined } }).settings['rtmp.port']).toBe(1935);
    expect(loaded({ text: 'on_record_hook_script=' }).settings.on_record_hook_script).toBe('');
  });

  test('the settings cannot be changed', () => {
    const { settings } = loaded({ set: ['record_rotation=10M'] });
    expect(Object.isFrozen(settings)).toBe(true);
    expect(Object.isFrozen(settings.record_rotation)).toBe(true);
    expect(Object.isFrozen(settings.record_formats)).toBe(true);
  });
});

describe('problems', () => {
  test('all of them at once, each with its place', () => {
    const text =
      'record_streams=maybe\nhttp.port=99999\nlog_level=\\u12\n[section]\n\nrecord_formats=hevc-webm';
    const env = { RECORDERD_SHUTDOWN_TIMEOUT: 'soon' };
    expect(problemsOf({ text, env, set: ['record_rotation=1h', 'nonsense', '=x'] })).toEqual([
      `${PATH}:3: \\u needs four hexadecimal digits after it`,
      '--set nonsense: must be key=value',
      '--set =x: must be key=value',
      `${PATH}:1: record_streams: "maybe" is not allowed; it must be true or false`,
      `${PATH}:2: http.port: "99999" is not allowed; it must be a port from 0 to 65535, where 0 takes any free one`,
      `${PATH}:6: record_formats: webm cannot hold hevc, only h264, vp8, vp9, av1`,
      'RECORDERD_SHUTDOWN_TIMEOUT: "soon" is not allowed; it must be a whole number of seconds from 1 to 3600',
      expect.stringMatching(/^--set record_rotation: "1h": a rotation is a number of seconds/),
    ]);
  });

  test('a wrong value counts also where a later one replaces it', () => {
    expect(problemsOf({ text: 'rtmp.port=x', set: ['rtmp.port=1'] })).toHaveLength(1);
  });

  test('a message stays on its line and short, whatever the value', () => {
    const [problem = ''] = problemsOf({ set: [`rtmp.port=1\n2\u001b[31m${'9'.repeat(5000)}`] });
    expect(problem).toMatch(/^--set rtmp.port: "1\\n2\\u001b\[31m9+…" is not allowed/);
    expect(problem.length).toBeLessThan(250);
  });
});

describe('rules that span keys', () => {
  const tls = 'tls_certificate=c.pem\ntls_key=k.pem\n';

  test.each([
    ['tls_certificate=c.pem', [`${PATH}:1: tls_certificate: needs tls_key beside it`]],
    ['\ntls_key=k.pem', [`${PATH}:2: tls_key: needs tls_certificate beside it`]],
    ['rtmps.port=1936', [`${PATH}:1: rtmps.port: stays closed without tls_certificate and tls_key`]],
    [
      'https.legacy.port=8888',
      [`${PATH}:1: https.legacy.port: stays closed without tls_certificate and tls_key`],
    ],
    ['rtmp.port=8081', [`${PATH}:1: rtmp.port: http.port and rtmp.port are both 8081`]],
    ['http.port=1935', [`${PATH}:1: http.port: http.port and rtmp.port are both 1935`]],
    [`${tls}rtmps.port=8444`, [`${PATH}:3: rtmps.port: https.port and rtmps.port are both 8444`]],
    [
      'rtmp_max_unfinished_bytes=65536',
      [
        `${PATH}:1: rtmp_max_unfinished_bytes: rtmp_max_unfinished_bytes must not be less than rtmp_max_message_bytes`,
      ],
    ],
  ])('%j is refused', (text, problems) => {
    expect(problemsOf({ text })).toEqual(problems);
  });

  test.each([tls, `${tls}rtmps.port=1936`, 'http.port=0\nrtmp.port=0', 'rtmp.port=8444', 'rtmps.port='])(
    '%j is fine',
    (text) => {
      expect(load({ text })).toMatchObject({ ok: true, warnings: [] });
    },
  );

  test('https.port of a WCS file does not stop the start', () => {
    const { warnings } = loaded({ text: 'https.port=8444' });
    expect(warnings).toEqual([`${PATH}:1: https.port: stays closed without tls_certificate and tls_key`]);
  });

  test('a refused value is not compared by its default', () => {
    expect(problemsOf({ text: 'http.port=x\nrtmp.port=8081' })).toHaveLength(1);
    expect(problemsOf({ text: 'log_level=x\nrtmp.port=8081' })).toHaveLength(2);
  });
});

describe('warnings', () => {
  test('an unknown key names the nearest known one', () => {
    const text = 'record_stream=true\nhttp_port=1\nquite_another_thing=1\nwss_port=1';
    const env = { RECORDERD_RTMP_PROT: '1', RECORDERD_QUITE_ANOTHER: '1' };
    expect(loaded({ text, env, set: ['recrod_dir=x'] }).warnings).toEqual([
      `${PATH}:1: record_stream: unknown key, ignored; did you mean record_streams?`,
      `${PATH}:2: http_port: unknown key, ignored; did you mean http.port?`,
      `${PATH}:3: quite_another_thing: unknown key, ignored`,
      `${PATH}:4: wss_port: unknown key, ignored; did you mean wss.port?`,
      'RECORDERD_RTMP_PROT: unknown key, ignored; did you mean RECORDERD_RTMP_PORT?',
      'RECORDERD_QUITE_ANOTHER: unknown key, ignored',
      '--set recrod_dir: unknown key, ignored; did you mean record_dir?',
    ]);
  });

  test('keys that only WCS reads share one line', () => {
    const text = 'hls.port=8082\nrecord_streams=true\nkeep_alive.enabled=websocket';
    expect(loaded({ text, env: { RECORDERD_RTP_BUNDLE: '1' } }).warnings).toEqual([
      `known to WCS, not used by recorderd yet: hls.port (${PATH}:1), keep_alive.enabled (${PATH}:3), ` +
        'rtp_bundle (RECORDERD_RTP_BUNDLE)',
    ]);
  });

  test('the last of two equal keys wins, and both lines are named', () => {
    const { settings, warnings } = loaded({ text: 'rtmp.port=1\n#\nrtmp.port=2' });
    expect(settings['rtmp.port']).toBe(2);
    expect(warnings).toEqual([`${PATH}:3: rtmp.port: replaces the value of line 1`]);
  });

  test('a value that is not UTF-8 is pointed out', () => {
    const text = Buffer.from('record_dir=\xe4', 'latin1').toString('utf8');
    expect(loaded({ text }).warnings).toEqual([
      `${PATH}:1: record_dir: is not UTF-8, some characters are lost`,
    ]);
  });

  test('keys named like members of every object are unknown keys', () => {
    const { warnings } = loaded({ text: '__proto__=1\nconstructor=1\n=1' });
    expect(warnings).toHaveLength(3);
  });
});

test('no input makes it throw, and every message is one line', () => {
  const text = fc.string({ unit: 'binary', maxLength: 80 });
  const key = fc.constantFrom('rtmp.port', 'record_formats', 'record_rotation', 'tls_key', 'ws.port', 'x');
  const line = fc.tuple(key, text).map(([name, value]) => `${name}=${value}`);
  fc.assert(
    fc.property(fc.array(fc.oneof(line, text)), fc.array(fc.oneof(line, text)), text, (file, set, value) => {
      const result = load({ text: file.join('\n'), set, env: { RECORDERD_RTMP_PORT: value } });
      for (const message of [...result.warnings, ...(result.ok ? [] : result.problems)]) {
        expect(message).not.toMatch(/[\n\r]/);
      }
    }),
    { seed: 5, numRuns: 150 },
  );
});
