import { Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Log, LogOptions } from '../../../src/ops/log.ts';
import { createLog } from '../../../src/ops/log.ts';

class Collector extends Writable {
  text = '';
  readonly isTTY: boolean;

  constructor(isTTY = false) {
    super();
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString('utf8');
    done();
  }

  get lines(): string[] {
    return this.text.split('\n').slice(0, -1);
  }
}

/** Takes one write after the other, each only when `drain` lets it. */
class SlowReader extends Writable {
  text = '';
  #done: (() => void) | undefined;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString('utf8');
    this.#done = done;
  }

  async drain(until: Promise<unknown>): Promise<string[]> {
    const isOver = until.then(() => true);
    while (!(await Promise.race([isOver, turn()]))) this.#done?.();
    return this.text.trimEnd().split('\n');
  }
}

const turn = (): Promise<false> => new Promise((resolve) => setImmediate(() => resolve(false)));
const ESCAPE = String.fromCharCode(27);

async function written(
  write: (log: Log['log']) => void,
  options: Partial<LogOptions> = {},
): Promise<string[]> {
  const stream = new Collector();
  const { log, close } = createLog({ level: 'debug', format: 'json', stream, ...options });
  write(log);
  await close();
  return stream.lines;
}

const json = async (write: (log: Log['log']) => void): Promise<Record<string, unknown>[]> =>
  (await written(write)).map((line) => JSON.parse(line) as Record<string, unknown>);

const text = (write: (log: Log['log']) => void): Promise<string[]> => written(write, { format: 'text' });

describe('JSON lines', () => {
  test('time, level, component, message, then the fields', async () => {
    const [line = ''] = await written((log) =>
      log.child({ component: 'recorder', mediaSessionId: 'm1' }).info('part closed', { bytes: 7 }),
    );
    expect(line).toMatch(
      /^\{"ts":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","level":"info","component":"recorder","msg":"part closed",/,
    );
    expect(JSON.parse(line)).toMatchObject({ mediaSessionId: 'm1', bytes: 7 });
  });

  test('children add fields, the nearest value wins, the parent is untouched', async () => {
    const lines = await json((log) => {
      const child = log.child({ a: 1, b: 1 }).child({ b: 2 });
      child.warn('x', { c: 3 });
      child.warn('y', { a: 9 });
      log.warn('z');
    });
    expect(lines[0]).toMatchObject({ msg: 'x', a: 1, b: 2, c: 3 });
    expect(lines[1]).toMatchObject({ msg: 'y', a: 9, b: 2 });
    expect(Object.keys(lines[2]!)).toEqual(['ts', 'level', 'msg']);
  });

  test('a field cannot take the place of a part of the line', async () => {
    const [line] = await json((log) => log.info('real', { msg: 'fake', level: 'error', ts: 0, line: 1 }));
    expect(line).toMatchObject({
      msg: 'real',
      level: 'info',
      _msg: 'fake',
      _level: 'error',
      _ts: 0,
      line: 1,
    });
  });

  test('errors carry name, message, code, stack and causes', async () => {
    const cause = Object.assign(new Error('no space'), { code: 'ENOSPC' });
    const err = new AggregateError([new TypeError('one')], 'close failed', { cause });
    const [line] = await json((log) => log.error('part failed', { err }));
    expect(line?.['err']).toMatchObject({
      name: 'AggregateError',
      message: 'close failed',
      stack: expect.stringContaining('log.test.ts') as string,
      cause: { name: 'Error', message: 'no space', code: 'ENOSPC' },
      errors: [{ name: 'TypeError', message: 'one' }],
    });
  });

  test('any value becomes bounded plain data', async () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    const hostile = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('no');
        },
      },
    );
    const [line] = await json((log) =>
      log.info('x', {
        big: 2n ** 64n,
        bytes: Buffer.alloc(9),
        when: new Date(0),
        map: new Map([['k', new Set([1])]]),
        list: Array.from({ length: 1000 }, (_, at) => at),
        long: 'y'.repeat(100_000),
        cycle,
        hostile,
        fn: () => 1,
        none: undefined,
      }),
    );
    expect(line).toMatchObject({
      big: '18446744073709551616',
      bytes: '[9 bytes]',
      when: '1970-01-01T00:00:00.000Z',
      map: { k: [1] },
      cycle: { self: { self: { self: '[deep]' } } },
      hostile: '[unreadable]',
      fn: '[function]',
    });
    expect(line?.['list']).toHaveLength(64);
    expect(String(line?.['long'])).toHaveLength(4097);
  });
});

describe('text', () => {
  test('is readable', async () => {
    const [line = '', bare = ''] = await text((log) => {
      log.child({ component: 'http' }).warn('slow', { a: 1, b: 'x', c: 'two words', d: '', e: { f: null } });
      log.info('bare');
    });
    expect(line.slice(23)).toBe(' WARN  http      slow  a=1  b=x  c="two words"  d=""  e={"f":null}');
    expect(line.slice(0, 23)).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/);
    expect(bare.slice(23)).toBe(' INFO            bare');
  });

  test('names an error and its causes on the line, and shows the stack of errors only', async () => {
    const cause = Object.assign(new Error('no space'), { code: 'ENOSPC' });
    const err = new Error('part failed', { cause });
    const lines = await text((log) => {
      log.warn('w', { err });
      log.error('e', { err });
    });
    expect(lines[0]).toMatch(/ w {2}err="part failed" <- "no space \(ENOSPC\)"$/);
    expect(lines[1]).toMatch(/ e {2}err=/);
    expect(lines[2]).toMatch(/^ {4}at /);
  });

  test.each([
    [true, 'auto', new RegExp(`^${ESCAPE}\\[33m\\d.*${ESCAPE}\\[0m$`)],
    [false, 'text', /^\d{4}-.*WARN/],
    [false, 'auto', /^\{"ts"/],
    [true, 'json', /^\{"ts"/],
  ] as const)('terminal %s, format %s', async (isTTY, format, expected) => {
    const stream = new Collector(isTTY);
    const { log, close } = createLog({ level: 'info', format, stream });
    log.warn('x');
    await close();
    expect(stream.lines[0]).toMatch(expected);
  });
});

describe('what clients send', () => {
  const anyText = fc.string({ unit: 'binary', maxLength: 60 });

  test.each(['text', 'json'] as const)('stays on its line without control characters: %s', async (format) => {
    await fc.assert(
      fc.asyncProperty(anyText, anyText, anyText, async (message, key, value) => {
        const lines = await written(
          (log) => log.warn(message, { [key]: value, component: value, err: new Error(message) }),
          { format },
        );
        expect(lines).toHaveLength(1);
        expect(lines[0]).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
      }),
      { seed: 7, numRuns: 200 },
    );
  });

  test('a forged line inside an error stays inside its value', async () => {
    const err = new Error('x\n2026-01-01 00:00:00.000 INFO forged');
    const lines = await text((log) => log.error('real', { err }));
    expect(lines.filter((line) => line.startsWith('20'))).toHaveLength(1);
  });

  test('passwords and tokens are masked', async () => {
    const [line = ''] = await written((log) =>
      log.info('pull rtsp://admin:p@ss:w0rd@camera/1', {
        url: 'rtmp://h/live?token=abc&x=1&accessKey=def#g',
        custom: { token: 't0ken', room: 'blue', deep: { userPassword: 'hunter2' } },
        err: new Error('refused https://u:v@h/'),
      }),
    );
    expect(line).toContain('pull rtsp://***@camera/1');
    expect(line).toContain('rtmp://h/live?token=***&x=1&accessKey=***#g');
    expect(JSON.parse(line)).toMatchObject({
      custom: { token: '***', room: 'blue', deep: { userPassword: '***' } },
      err: { message: 'refused https://***@h/' },
    });
    expect(line).not.toMatch(/p@ss|abc|def|t0ken|hunter2|u:v/);
  });
});

describe('levels and end', () => {
  test.each([
    ['debug', 4],
    ['info', 3],
    ['warn', 2],
    ['error', 1],
  ] as const)('level %s', async (level, count) => {
    const lines = await written(
      (log) => {
        log.debug('d');
        log.info('i');
        log.warn('w');
        log.error('e');
      },
      { level },
    );
    expect(lines).toHaveLength(count);
  });

  test('close waits for a slow reader, may be called twice, and lines after it are ignored', async () => {
    const stream = new SlowReader();
    const { log, close } = createLog({ level: 'info', format: 'json', stream });
    for (let i = 0; i < 100; i++) log.info('x', { i });
    const closed = Promise.all([close(), close()]);
    log.info('too late');
    expect(await stream.drain(closed)).toHaveLength(100);
    expect(stream.writableEnded).toBe(false);
  });

  test('close does not wait for ever', async () => {
    const stream = new Writable({ write: () => undefined });
    const { log, close } = createLog({ level: 'info', format: 'json', stream, flushTimeoutMs: 5 });
    log.info('x');
    await expect(close()).resolves.toBeUndefined();
  });

  test('a stream that fails ends the log quietly', async () => {
    const stream = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) });
    const { log, close } = createLog({ level: 'info', format: 'json', stream });
    log.info('x');
    await turn();
    expect(stream.destroyed).toBe(true);
    log.info('y');
    await expect(close()).resolves.toBeUndefined();
  });

  test('lines that would wait beyond the bound are dropped and counted', async () => {
    const stream = new SlowReader();
    const { log, close } = createLog({ level: 'info', format: 'json', stream, maxWaitingBytes: 1000 });
    for (let i = 0; i < 500; i++) {
      log.info('x', { i });
      await turn();
    }
    expect(stream.writableLength).toBeLessThan(1200);
    const lines = (await stream.drain(close())).map(
      (line) => JSON.parse(line) as { msg: string; lines?: number },
    );
    const dropped = lines.find(({ msg }) => msg === 'log lines dropped')?.lines ?? 0;
    expect(dropped).toBeGreaterThan(0);
    expect(lines.filter(({ msg }) => msg === 'x')).toHaveLength(500 - dropped);
  });
});
