import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HOOK_VARIABLES } from '../../../src/hooks/hookEnvironment.ts';
import { eventually } from '../../support/eventually.ts';
import { HookSpool } from '../../../src/hooks/hookSpool.ts';
import { Home, part, recordingLog } from './support.ts';

let home: Home;
beforeEach(() => (home = new Home()));
afterEach(() => home.remove());

/** Notes each run on a line of `runs`; runs end only when `go` exists. */
const GATED = [
  '#!/bin/bash',
  'echo "start $1 $RECORD_PART_INDEX" >> ../runs',
  'until [ -e ../go ]; do sleep 0.02; done',
  'echo "end $1 $RECORD_PART_INDEX" >> ../runs',
];

function runs(): string[] {
  return home.exists('runs') ? home.read('runs').trim().split('\n') : [];
}

function open(): void {
  writeFileSync(join(home.dir, 'go'), '');
}

async function untilRuns(count: number): Promise<string[]> {
  return eventually(() => (runs().length >= count ? runs() : undefined), `${count} lines of runs`);
}

describe('what a script gets', () => {
  test("the sample script of WCS's page works as written", async () => {
    // The folders of the page hold no space, which the unquoted `cp` of the sample needs.
    const folder = mkdtempSync(join(tmpdir(), 'sample-'));
    const [records, www] = [join(folder, 'records'), join(folder, 'stream_records')] as const;
    mkdirSync(records);
    mkdirSync(www);
    writeFileSync(join(records, 'stream-1.mp4'), 'the media');
    home.script([
      'STREAM_NAME=$1',
      'SRC_FILE=$2',
      `SRC_DIR="${records}/"`,
      `REPLACE_STR="${www}/$STREAM_NAME-"`,
      'DST_FILE="${SRC_FILE/$SRC_DIR/$REPLACE_STR}"',
      'cp $SRC_FILE $DST_FILE',
    ]);
    const lines = await home.run(part({ streamName: 'test', path: join(records, 'stream-1.mp4') }));
    expect(lines).toMatchObject([{ level: 'info', message: 'record hook finished', fields: { output: '' } }]);
    expect(readFileSync(join(www, 'test-stream-1.mp4'), 'utf8')).toBe('the media');
    rmSync(folder, { recursive: true });
  });

  test.each([
    ['spaces', ' a  b '],
    ['quotes', `it's "so" \\ \``],
    ['commands', '$(touch bad) `touch bad` ; touch bad & | > bad'],
    ['line ends', 'a\nb\r\nc\n'],
    ['a leading dash', '--help'],
    ['a pattern', '*'],
    ['nothing', ''],
    ['other alphabets', 'эфир 直播 😀'],
  ])('a stream name with %s is exactly $1, with and without #!', async (_, streamName) => {
    const path = `/records/${streamName.replaceAll('/', '')}.mp4`;
    for (const first of ['#!/bin/bash', '# no interpreter named']) {
      home.script([first, `printf '%s\\0' "$#" "$1" "$2" "$RECORD_STREAM_NAME" "$RECORD_FILE" > ../seen`]);
      await home.run(part({ streamName, path }));
      expect(home.read('seen').split('\0')).toEqual(['2', streamName, path, streamName, path, '']);
    }
    expect(home.exists('scripts/bad')).toBe(false);
  });

  test('NUL, which no program can be given, is replaced and told', async () => {
    home.script(['#!/bin/sh', `printf '%s' "$1" > ../seen`]);
    const lines = await home.run(part({ streamName: 'a\0b' }));
    expect(home.read('seen')).toBe('a\uFFFDb');
    expect(lines.map((line) => line.level)).toEqual(['warn', 'info']);
  });

  test('its own folder, the RECORD variables, and little of the server', async () => {
    home.script(['#!/bin/sh', 'pwd > ../pwd', 'env -0 > ../env']);
    await home.run(part({ audioCodec: undefined }));
    expect(home.read('pwd').trim()).toBe(join(home.dir, 'scripts'));
    const pairs = home.read('env').split('\0').slice(0, -1);
    const seen = Object.fromEntries(
      pairs.map((pair) => pair.split(/=(.*)/s).slice(0, 2) as [string, string]),
    );
    expect(seen).toMatchObject({ HOME: '/home/of-server', PATH: process.env['PATH'] });
    expect(seen).not.toHaveProperty('SECRET');
    const records = Object.fromEntries(Object.entries(seen).filter(([name]) => name.startsWith('RECORD_')));
    expect(Object.keys(records).sort()).toEqual(Object.keys(HOOK_VARIABLES).sort());
    expect(records).toEqual({
      RECORD_ID: 'rec-1',
      RECORD_MEDIA_SESSION_ID: '4f112b20-13d0-11e7-b521-59a9cb7eddeb',
      RECORD_SESSION_ID: '/10.0.0.1:50000/10.0.0.2:1935',
      RECORD_STREAM_NAME: 'stream',
      RECORD_FILE: '/records/stream.mp4',
      RECORD_PART_INDEX: '2',
      RECORD_LAST_PART: 'true',
      RECORD_START_MS: '1563776083752',
      RECORD_END_MS: '1563776093752',
      RECORD_DURATION_MS: '10000',
      RECORD_BYTES: '123456',
      RECORD_CONTAINER: 'mp4',
      RECORD_VIDEO_CODEC: 'h264',
      RECORD_AUDIO_CODEC: '',
      RECORD_STOP_REASON: 'publisher-left',
    });
  });
});

/** What is said of a run that is not tried again, after the line that tells why. */
const PARKED = { level: 'error', message: 'record hook run is parked', fields: { id: '000000000001' } };

describe('a script that goes wrong is one clear line, and its run is parked', () => {
  test('failing', async () => {
    home.script(['echo to no avail >&2', 'exit 3']);
    const lines = await home.run(part());
    expect(lines).toMatchObject([
      {
        level: 'error',
        message: 'record hook failed',
        fields: { exitCode: 3, output: 'to no avail\n', streamName: 'stream', file: '/records/stream.mp4' },
      },
      PARKED,
    ]);
    expect(lines[0]?.fields['durationMs']).toBeTypeOf('number');
    expect(lines[1]?.fields).toMatchObject({
      tries: 1,
      reason: 'exit code 3',
      rerun: 'POST /rest-api/hooks/run {"id":"000000000001"}',
    });
    expect([home.spooled(), home.parked()]).toEqual([[], ['000000000001']]);
  });

  test('endless, and deaf to SIGTERM', async () => {
    home.script(['trap "" TERM', 'while :; do sleep 1000; done']);
    const lines = await home.run(part(), { timeoutMs: 200, killGraceMs: 200 });
    const message = 'record hook is ended by its time limit';
    const fields = { signal: 'SIGKILL', timeoutMs: 200 };
    expect(lines).toMatchObject([{ level: 'error', message, fields }, PARKED]);
    expect([home.spooled(), home.parked()]).toEqual([[], ['000000000001']]);
  });

  test('flooding', async () => {
    home.script(['seq 1 200000', 'exit 1']);
    const [line] = await home.run(part());
    expect(line?.message).toBe('record hook failed');
    expect(String(line?.fields['output']).length).toBeLessThan(8400);
  });

  test.each([
    ['missing', undefined, 0o755, /^not found: /],
    ['not executable', '#!/bin/sh', 0o644, /^is not executable/],
  ])('%s, also said at the start', async (_, first, mode, reason) => {
    if (first !== undefined) home.script([first], 'scripts/hook.sh', mode);
    await home.run(part());
    const message = 'record hook script cannot be run';
    expect(home.lines.map((line) => line.level)).toEqual(['warn', 'error', 'error']);
    expect(home.lines.pop()).toMatchObject(PARKED);
    for (const line of home.lines) {
      expect(line.message).toBe(message);
      expect(line.fields['reason']).toMatch(reason);
    }
    expect([home.spooled(), home.parked()]).toEqual([[], ['000000000001']]);
  });

  test.each(['#!/no/such/shell', '#!/bin/bash\r'])(
    'with an interpreter that does not exist: %j',
    async (first) => {
      home.script([first]);
      const [line] = await home.run(part());
      expect(line).toMatchObject({ level: 'error', message: 'record hook cannot be started' });
      expect(line?.fields['reason']).toMatch(/^the interpreter named in its first line does not exist/);
    },
  );

  test('replaced while the server runs: the next run takes the new one', async () => {
    const hooks = await home.hooks();
    await hooks.enqueue(part());
    await eventually(() => (hooks.owed() === 0 ? true : undefined), 'the end of the first run');
    home.script(['touch ../ran']);
    await hooks.enqueue(part());
    await hooks.drain(20_000);
    expect(home.exists('ran')).toBe(true);
  });
});

test.each([
  ['a child that keeps the output open', 'sleep 60 & echo $! >> ../pids'],
  ['a session of its own', 'setsid sleep 60 & echo $! >> ../pids'],
  ['a child of a child that has ended', '(sleep 60 & echo $! >> ../pids)'],
])('%s in the background does not hold up the next run', async (_, line) => {
  home.script(['echo "$RECORD_PART_INDEX" >> ../runs', line]);
  const hooks = await home.hooks({ parallel: 1 });
  for (const index of [1, 2]) await hooks.enqueue(part({ index }));
  await hooks.drain(20_000);
  expect(runs()).toEqual(['1', '2']);
  expect(home.lines.map((each) => each.message)).toEqual(Array(2).fill('record hook finished'));
  // They go on, and are this test's to end.
  for (const pid of home.read('pids').trim().split('\n')) process.kill(Number(pid), 'SIGKILL');
});

test('runs of a stream follow one another in order, streams run side by side up to the bound', async () => {
  home.script(GATED);
  const hooks = await home.hooks({ parallel: 2 });
  for (const [streamName, index] of ['a1', 'a2', 'b1', 'c1', 'a3'].map(
    (n) => [n.charAt(0), Number(n.charAt(1))] as const,
  )) {
    await hooks.enqueue(part({ streamName, index }));
  }
  expect((await untilRuns(2)).sort()).toEqual(['start a 1', 'start b 1']);
  expect(hooks.owed()).toBe(5);
  open();
  await hooks.drain(20_000);
  expect(hooks.owed()).toBe(0);
  const ofA = runs().filter((line) => line.includes(' a '));
  expect(ofA).toEqual(['start a 1', 'end a 1', 'start a 2', 'end a 2', 'start a 3', 'end a 3']);
  expect(runs()).toHaveLength(10);
  let running = 0;
  for (const line of runs()) {
    running += line.startsWith('start') ? 1 : -1;
    expect(running).toBeLessThanOrEqual(2);
  }
});

describe('across restarts', () => {
  test('what drain cannot wait for stays owed, and a new process runs it in order', async () => {
    home.script(GATED);
    const first = await home.hooks({ parallel: 1, killGraceMs: 2000 });
    for (const index of [1, 2, 3]) await first.enqueue(part({ index }));
    await untilRuns(1);
    await first.drain(0);
    expect(first.owed()).toBe(3);
    expect(home.spooled()).toHaveLength(3);
    expect(home.lines.map((line) => line.message)).toEqual([
      'record hook is ended by shutdown, it runs again at the next start',
      'record hook runs are left for the next start',
    ]);
    // A part that is finished during the shutdown is kept too.
    await first.enqueue(part({ index: 4 }));
    open();
    const second = await home.hooks({ parallel: 1 });
    await second.drain(20_000);
    expect(runs().filter((line) => line.startsWith('end'))).toEqual(
      ['1', '2', '3', '4'].map((n) => `end stream ${n}`),
    );
    expect(runs().filter((line) => line.startsWith('start'))).toHaveLength(5);
    expect(home.spooled()).toEqual([]);
  });

  test('a part that comes before the start waits behind what is owed, and replaces nothing', async () => {
    home.script(GATED);
    const first = await home.hooks();
    await first.drain(0);
    for (const index of [1, 2]) await first.enqueue(part({ index }));
    open();
    const second = home.room();
    await second.enqueue(part({ index: 3 }));
    await second.start();
    await second.drain(20_000);
    expect(runs().filter((line) => line.startsWith('end'))).toEqual([
      'end stream 1',
      'end stream 2',
      'end stream 3',
    ]);
  });

  test('what a killed server left running is ended before it runs again; who has its number is not', async () => {
    home.script(GATED);
    const env = { ...process.env, RECORD_ID: 'rec-1', RECORD_FILE: '/records/stream.mp4' };
    const detached = { detached: true, stdio: 'ignore', cwd: join(home.dir, 'scripts') } as const;
    const left = spawn('./hook.sh', [], { ...detached, env });
    const stranger = spawn('sleep', ['60'], detached);
    const spool = new HookSpool(home.spoolDir, recordingLog([]));
    await spool.open();
    for (const child of [left, stranger]) {
      const run = spool.next(part());
      await spool.save(run);
      writeFileSync(spool.pidFile(run.id), `${child.pid}\n`);
    }
    await untilRuns(1);
    const hooks = await home.hooks();
    expect(await eventually(() => left.signalCode ?? undefined, 'its end')).toBe('SIGTERM');
    open();
    await hooks.drain(20_000);
    expect(runs().filter((line) => line.startsWith('end'))).toHaveLength(2);
    expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
    stranger.kill('SIGKILL');
    expect(home.spooled()).toEqual([]);
  });
});

test('a spool that cannot be written is told, and the hook runs all the same', async () => {
  home.script(['touch ../ran']);
  const hooks = await home.hooks();
  rmSync(home.spoolDir, { recursive: true });
  await hooks.enqueue(part());
  await hooks.drain(20_000);
  expect(home.lines.map((line) => line.level)).toEqual(['error', 'warn', 'info']);
  expect(home.exists('ran')).toBe(true);
});

test('without a script there is neither spool nor run', async () => {
  expect(await home.run(part(), { script: '' })).toEqual([]);
  expect(home.exists('state')).toBe(false);
});

test('a spool folder that cannot be made stops the start', async () => {
  home.script(['#!/bin/sh']);
  writeFileSync(join(home.dir, 'state'), 'a file');
  await expect(home.hooks()).rejects.toThrow('ENOTDIR');
});
