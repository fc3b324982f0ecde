import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DECLARED_ALLOWED, parseDeclared } from '../../../src/domain/declaredCaptures.ts';
import { causeOf } from '../../../src/ingest/pull/failures.ts';
import { sourcePlan } from '../../../src/ingest/pull/sourcePlan.ts';
import { parseSourceUri, withoutSecrets } from '../../../src/domain/sourceUri.ts';
import { changedAvcC, withoutTrailingZeros } from '../../../src/media/nalUnits.ts';

const PLAN = { rtspTransport: 'tcp', answerTimeoutMs: 5000, analyzeMs: 5000, batchMs: 250 } as const;

describe('a source URI', () => {
  test.each([
    ['rtsp://cam/1', 'rtsp', 'cam', 554, 'rtsp://cam/1', ''],
    ['RTSP://Cam:8554/1?x=1#y', 'rtsp', 'Cam', 8554, 'RTSP://Cam:8554/1?x=1#y', ''],
    ['rtsps://u:p@[::1]:1/s', 'rtsp', '::1', 1, 'rtsps://[::1]:1/s', 'u:p'],
    ['rtmp://a:b%40c@h/live/x', 'rtmp', 'h', 1935, 'rtmp://h/live/x', 'a:b%40c'],
    ['rtmps://h', 'rtmp', 'h', 443, 'rtmps://h', ''],
    ['rtsp://a@b@cam/1', 'rtsp', 'cam', 554, 'rtsp://cam/1', 'a@b'],
  ] as const)('%s', (uri, ...parts) => {
    const [protocol, host, port, shown, userInfo] = parts;
    expect(parseSourceUri(uri)).toMatchObject({ protocol, host, port, shown, userInfo });
  });

  test.each([
    'file:///etc/passwd',
    'concat:rtsp://a|b',
    'http://cam/1',
    'srt://cam:1',
    'pipe:0',
    '/etc/passwd',
    'cam/1',
    '',
    'rtsp:cam',
    'rtsp://',
    'rtsp:///path',
    'rtsp://cam:0/',
    'rtsp://cam:65536/',
    'rtsp://cam:x/',
    'rtsp://ca m/1',
    "rtsp://cam/1\nfile '/etc/passwd'",
    'rtsp://cam/\u0000',
    'rtsp://cam/\ud800',
    'rtsp://[cam]/1',
    "rtsp://c'am/1",
    'constructor://cam/1',
    `rtsp://cam/${'x'.repeat(2048)}`,
  ])('%j is none', (uri) => {
    expect(() => parseSourceUri(uri)).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST', message: expect.stringMatching(/^Bad URI/) as string }),
    );
  });

  test('no text makes the list for FFmpeg longer than one input', () => {
    const tail = fc.string({ unit: 'binary', maxLength: 60 });
    fc.assert(
      fc.property(tail, tail, (user, path) => {
        const uri = parsed(`rtsp://${user}@cam/${path}`);
        if (uri === undefined) return;
        const lines = sourcePlan(uri, PLAN).input.split('\n');
        expect(lines.filter((line) => line.startsWith('file '))).toHaveLength(1);
        expect(lines).toHaveLength(7);
        expect(lines[1]).toMatch(/^file '(?:[^']|'\\'')*'$/);
        // An at sign behind the authority is the path's.
        expect(uri.shown).toMatch(/^rtsp:\/\/[^@/?#]*(?:[/?#]|$)/);
      }),
      { numRuns: 1000 },
    );
  });

  test('user and password are in the input only', () => {
    const uri = parseSourceUri("rtsp://admin:se'cret@cam/1");
    const { args, input } = sourcePlan(uri, PLAN);
    expect(args.join(' ')).not.toMatch(/admin|cret|cam/);
    expect(input).toContain(String.raw`file 'rtsp://admin:se'\''cret@cam/1'`);
    expect(withoutSecrets("[error] rtsp://admin:se'cret@cam/1: no; admin:se'cret", uri)).toBe(
      '[error] rtsp://cam/1: no; ***',
    );
  });

  test('FFmpeg may open nothing but the network', () => {
    for (const uri of ['rtsp://cam/1', 'rtmp://h/live/x']) {
      const { args } = sourcePlan(parseSourceUri(uri), PLAN);
      const allowed = args[args.indexOf('-protocol_whitelist') + 1]!.split(',');
      expect(allowed).not.toContain('file');
      expect(allowed).not.toContain('http');
      expect(args.indexOf('-protocol_whitelist')).toBeLessThan(args.indexOf('-i'));
      expect(args).toContain('-format_whitelist');
    }
  });
});

describe('captures of the settings', () => {
  test('with and without names', () => {
    expect(parseDeclared('  rtsp://u:p@a/1 -> door\n\t rtmp://b/live/x rtsp://c/1 -> c')).toEqual([
      { uri: 'rtsp://u:p@a/1', name: 'door' },
      { uri: 'rtmp://b/live/x', name: undefined },
      { uri: 'rtsp://c/1', name: 'c' },
    ]);
    expect(parseDeclared(' ')).toEqual([]);
    expect(parseDeclared(/as in (.*);/.exec(DECLARED_ALLOWED)![1]!)).toHaveLength(2);
  });

  test.each([
    ['rtsp://a/1 ->', /name must follow/],
    ['-> door', /source 1 is not allowed/],
    ['rtsp://a/1 rtsp://u:secret@a/1', /twice: rtsp:\/\/a\/1/],
    ['rtsp://a/1 -> x rtsp://b/1 -> x', /two sources have the name x/],
    ['rtsp://u:secret@a:0/1', /source 1 is not allowed/],
    ['file:///x', /source 1 is not allowed/],
  ])('%s', (text, why) => {
    expect(() => parseDeclared(text)).toThrow(why);
    expect(() => parseDeclared(text)).not.toThrow(/secret/);
  });
});

test.each([
  ['[rtsp @ 0x1] [error] method DESCRIBE failed: 401 Unauthorized', 'denied'],
  ['[rtsp @ 0x1] [error] method DESCRIBE failed: 404 Not Found', 'missing'],
  [
    '[tcp @ 0x1] [error] Connection to tcp://10.0.0.1:554?timeout=5000000 failed: Connection refused',
    'connect',
  ],
  ['[tcp @ 0x1] [error] Failed to resolve hostname nowhere: Name or service not known', 'connect'],
  ['[error] pipe:0: Invalid data found when processing input', 'format'],
  ['[error] Output file #0 does not contain any stream', 'codecs'],
  ['[matroska @ 0x1] [warning] Starting new cluster due to timestamp', undefined],
])('FFmpeg says %s: %s', (line, cause) => {
  expect(causeOf(['[warning] something else', line])).toBe(cause);
});

describe('NAL units', () => {
  const unit = (...bytes: number[]): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, Buffer.from(bytes)]);
  };
  const sps = (level: number): number[] => [0x67, 0x64, 0, level, 0xac];
  const pps = [0x68, 0xee];
  const avcC = changedAvcC(Buffer.alloc(0), Buffer.concat([unit(...sps(30)), unit(...pps), unit(0x65, 1)]))!;

  test('an avcC is made of what a key frame carries', () => {
    expect(avcC.toString('hex')).toBe('0164001effe100056764001eac01000268ee');
  });

  test('known parameter sets change nothing, others do', () => {
    expect(changedAvcC(avcC, Buffer.concat([unit(...sps(30)), unit(...pps), unit(0x65, 1)]))).toBeUndefined();
    expect(changedAvcC(avcC, unit(0x65, 1))).toBeUndefined();
    expect(changedAvcC(avcC, Buffer.concat([unit(...sps(40)), unit(...pps), unit(0x65, 1)]))).toHaveLength(
      18,
    );
  });

  test('zeros behind the last unit go, and its length with them', () => {
    const access = Buffer.concat([unit(0x40, 1), unit(0x26, 1, 7, 0, 0)]);
    expect(withoutTrailingZeros(access)).toEqual(Buffer.concat([unit(0x40, 1), unit(0x26, 1, 7)]));
    const clean = Buffer.concat([unit(0x40, 1), unit(0x26, 1, 7)]);
    expect(withoutTrailingZeros(clean)).toBe(clean);
  });

  test('any bytes are taken without an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        changedAvcC(avcC, Buffer.from(bytes));
        expect(withoutTrailingZeros(Buffer.from(bytes)).length).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });
});

function parsed(uri: string): ReturnType<typeof parseSourceUri> | undefined {
  try {
    return parseSourceUri(uri);
  } catch {
    return undefined;
  }
}
