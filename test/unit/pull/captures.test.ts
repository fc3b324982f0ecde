import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHttpApp } from '../../../src/http/app.ts';
import { RequestCounts } from '../../../src/http/requestCounts.ts';
import { DEFAULT_HTTP_LIMITS, HttpServer } from '../../../src/http/server.ts';
import { PulledCaptures } from '../../../src/ingest/pull/pulledCaptures.ts';
import type { PullOptions } from '../../../src/ingest/pull/settings.ts';
import { SourceChild } from '../../../src/process/sourceChild.ts';
import { Connections } from '../../../src/streams/connections.ts';
import { Streams } from '../../../src/streams/streams.ts';
import { eventually } from '../../support/eventually.ts';
import { PULL_OPTIONS } from '../../support/pullRig.ts';
import { memoryLog } from '../../support/rtmpHarness.ts';
import {
  EMPTY_CATALOGUE,
  HTTP_DEFAULTS,
  MemoryRecordings,
  MemorySnapshots,
  NO_EXPORTS,
  NO_PICTURES,
  NO_HOOKS,
  NO_REPORTS,
  NO_IMPORTS,
  NO_RETENTION,
  NO_STATUS,
} from '../http/support.ts';

function program(script: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'recorderd-source-')), 'program');
  writeFileSync(path, `#!/bin/bash\n${script}\n`, { mode: 0o755 });
  return path;
}

/** Stands in for an FFmpeg whose source does not answer yet. */
const WAITING = program('exec sleep 60');

class Bench {
  readonly streams = new Streams(1 << 20);
  readonly log = memoryLog();
  captures!: PulledCaptures;
  server: HttpServer | undefined;
  port = 0;

  async start(options: Partial<PullOptions> = {}): Promise<void> {
    const { streams, log } = this;
    this.captures = new PulledCaptures(
      { streams, log },
      { ...PULL_OPTIONS, ffmpegPath: WAITING, ...options },
    );
    const app = createHttpApp(
      {
        streams,
        log,
        captures: this.captures,
        connections: new Connections(),
        recordings: new MemoryRecordings(),
        hooks: NO_HOOKS,
        reports: NO_REPORTS,
        catalogue: EMPTY_CATALOGUE,
        imports: NO_IMPORTS,
        retention: NO_RETENTION,
        exports: NO_EXPORTS,
        pictures: NO_PICTURES,
        snapshots: new MemorySnapshots(),
        requests: new RequestCounts(),
        ...NO_STATUS,
      },
      HTTP_DEFAULTS,
    );
    this.server = new HttpServer(app, { log, limits: DEFAULT_HTTP_LIMITS });
    this.port = await this.server.listen(0, '127.0.0.1');
  }

  async rest(path: string, body?: unknown): Promise<{ status: number; json: unknown }> {
    const response = await fetch(`http://127.0.0.1:${this.port}/rest-api${path}`, {
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, json: text === '' ? undefined : (JSON.parse(text) as unknown) };
  }

  async close(): Promise<void> {
    await this.captures.close();
    await this.server?.close(0);
  }
}

let bench: Bench;
beforeEach(() => (bench = new Bench()));
afterEach(() => bench.close());

describe('/rest-api/rtsp', () => {
  beforeEach(() => bench.start({ maxCaptures: 3, stopGraceMs: 50 }));

  test('startup, find_all, find, terminate', async () => {
    expect(await bench.rest('/rtsp/find_all')).toMatchObject({
      status: 404,
      json: { code: 'CAPTURE_NOT_FOUND' },
    });
    const uri = 'rtsp://admin:secret@127.0.0.1:9/cam';
    expect(await bench.rest('/rtsp/startup', { uri, toStream: 'door' })).toEqual({
      status: 200,
      json: undefined,
    });
    const view = {
      uri: 'rtsp://127.0.0.1:9/cam',
      status: 'PENDING',
      toStream: 'door',
      localStreamName: 'door',
      mediaSessionId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      info: null,
    };
    expect(await bench.rest('/rtsp/find_all')).toEqual({ status: 200, json: [view] });
    expect(await bench.rest('/rtsp/find_all', {})).toEqual({ status: 200, json: [view] });
    expect((await bench.rest('/rtsp/find', { uri, status: 'PENDING' })).json).toEqual([view]);
    expect((await bench.rest('/rtsp/find', { uri: view.uri })).json).toEqual([view]);
    expect((await bench.rest('/rtsp/find', { uri, status: 'PLAYING' })).status).toBe(404);
    expect((await bench.rest('/pull/rtmp/find_all')).status).toBe(404);
    expect((await bench.rest('/rtsp/terminate', { uri })).status).toBe(200);
    expect((await bench.rest('/rtsp/terminate', { uri })).status).toBe(404);
    expect(JSON.stringify(bench.log.lines)).not.toContain('secret');
  });

  test('409 for a URI or a name that is in use', async () => {
    const uri = 'rtsp://127.0.0.1:9/cam';
    await bench.rest('/rtsp/startup', { uri, localStreamName: 'door' });
    expect(await bench.rest('/rtsp/startup', { uri })).toMatchObject({
      status: 409,
      json: { code: 'CAPTURE_IN_USE' },
    });
    for (const other of [
      { uri: `${uri}2`, toStream: 'door' },
      { uri: `${uri}2`, localStreamName: 'live' },
    ]) {
      if (other.localStreamName !== undefined) publish('live');
      expect(await bench.rest('/rtsp/startup', other)).toMatchObject({
        status: 409,
        json: { code: 'STREAM_NAME_IN_USE' },
      });
    }
  });

  test.each([
    [{ uri: 'rtmp://h/live/x' }, /scheme/],
    [{ uri: 'file:///etc/passwd' }, /Bad URI/],
    [{ uri: 'http://169.254.169.254/latest' }, /Bad URI/],
    [{}, /uri/],
    [{ uri: 7 }, /uri/],
    [{ uri: 'rtsp://h/1', toStream: 'x'.repeat(2000) }, /name/],
  ])('%j is refused: 400', async (body, why) => {
    const { status, json } = await bench.rest('/rtsp/startup', body);
    expect(status).toBe(400);
    expect((json as { message: string }).message).toMatch(why);
  });

  test('no more captures than allowed', async () => {
    for (const n of [1, 2, 3]) {
      expect((await bench.rest('/rtsp/startup', { uri: `rtsp://127.0.0.1:9/${n}` })).status).toBe(200);
    }
    expect(await bench.rest('/rtsp/startup', { uri: 'rtsp://127.0.0.1:9/4' })).toMatchObject({
      status: 503,
      json: { code: 'LIMIT_REACHED' },
    });
  });
});

describe('/rest-api/pull', () => {
  beforeEach(() => bench.start({ stopGraceMs: 50 }));

  test.each(['/pull', '/pull/rtmp'])('%s: pull, find_all, terminate', async (folder) => {
    const body = { uri: 'rtmp://127.0.0.1:9/live/there', localStreamName: 'here', remoteStreamName: 'there' };
    expect((await bench.rest(`${folder}/pull`, body)).status).toBe(200);
    expect((await bench.rest(`${folder}/find_all`)).json).toMatchObject([
      { uri: body.uri, localStreamName: 'here', remoteStreamName: 'there', status: 'PENDING' },
    ]);
    expect((await bench.rest('/rtsp/find_all')).status).toBe(404);
    expect((await bench.rest(`${folder}/terminate`, {})).status).toBe(400);
    expect((await bench.rest(`${folder}/terminate`, { localStreamName: 'other' })).status).toBe(404);
    const { localStreamName, remoteStreamName } = body;
    expect((await bench.rest(`${folder}/terminate`, { localStreamName, remoteStreamName })).status).toBe(200);
    expect((await bench.rest(`${folder}/find_all`)).status).toBe(404);
  });

  test('a stream that is named apart', async () => {
    await bench.rest('/pull/pull', { uri: 'rtmp://127.0.0.1:9/live', remoteStreamName: 'there' });
    expect((await bench.rest('/pull/find_all')).json).toMatchObject([
      { uri: 'rtmp://127.0.0.1:9/live/there', localStreamName: 'rtmp://127.0.0.1:9/live/there' },
    ]);
    expect((await bench.rest('/pull/terminate', { uri: 'rtmp://127.0.0.1:9/live/there' })).status).toBe(200);
  });

  test('another node by WebSocket is not a source', async () => {
    expect((await bench.rest('/pull/pull', { uri: 'wss://h:8443', localStreamName: 'a' })).status).toBe(400);
  });
});

describe('captures', () => {
  test('a source that says nothing is given up, and can be found for a while', async () => {
    await bench.start({ connectTimeoutMs: 300, failedKeepMs: 500 });
    const capture = bench.captures.start({ uri: 'rtsp://127.0.0.1:9/x', protocol: 'rtsp', origin: 'rest' });
    await expect(capture.whenPlaying()).rejects.toThrow('Failed to connect to rtsp stream');
    expect(bench.captures.find({})).toMatchObject([
      { status: 'FAILED', info: 'Failed to connect to rtsp stream' },
    ]);
    await eventually(() => (bench.captures.find({}).length === 0 ? true : undefined), 'it is forgotten');
  });

  test('a failed one can be started again at once', async () => {
    await bench.start({ connectTimeoutMs: 300 });
    const request = { uri: 'rtsp://127.0.0.1:9/x', protocol: 'rtsp', origin: 'rest' } as const;
    await expect(bench.captures.start(request).whenPlaying()).rejects.toThrow();
    bench.captures.start(request);
    expect(bench.captures.find({})).toMatchObject([{ status: 'PENDING' }]);
  });

  test('FFmpeg that writes something else', async () => {
    await bench.start({ ffmpegPath: program('echo "this is not media, but it is long enough"; sleep 60') });
    const capture = bench.captures.start({ uri: 'rtsp://127.0.0.1:9/x', protocol: 'rtsp', origin: 'rest' });
    await expect(capture.whenPlaying()).rejects.toThrow('Rtsp has wrong format');
  });

  test('FFmpeg that cannot be started', async () => {
    await bench.start({ ffmpegPath: '/nowhere/ffmpeg' });
    const capture = bench.captures.start({ uri: 'rtsp://127.0.0.1:9/x', protocol: 'rtsp', origin: 'rest' });
    await expect(capture.whenPlaying()).rejects.toThrow('Rtsp has wrong format');
    expect(JSON.stringify(bench.log.lines)).toContain('ENOENT');
  });

  test('FFmpeg before 5.0 is not used', async () => {
    await bench.start({ ffmpegVersion: '4.4.2-0ubuntu0' });
    const start = () => bench.captures.start({ uri: 'rtsp://h/x', protocol: 'rtsp', origin: 'rest' });
    expect(start).toThrow(expect.objectContaining({ code: 'CAPTURE_UNAVAILABLE' }));
  });

  test('close ends them, with their children', async () => {
    await bench.start({ stopGraceMs: 100, ffmpegPath: program('trap "" TERM; sleep 60 & wait; wait') });
    bench.captures.start({ uri: 'rtsp://127.0.0.1:9/x', protocol: 'rtsp', origin: 'settings' });
    const pid = Number(
      bench.log.lines.find(({ message }) => message === 'source child started')!.fields['pid'],
    );
    await bench.captures.close();
    expect(() => process.kill(pid, 0)).toThrow();
    expect(() => bench.captures.start({ uri: 'rtsp://h/x', protocol: 'rtsp', origin: 'rest' })).toThrow(
      expect.objectContaining({ code: 'SHUTTING_DOWN' }),
    );
  });
});

describe('a child that gives media', () => {
  const start = (script: string, onData: (chunk: Buffer) => void = () => undefined): SourceChild =>
    new SourceChild({ command: program(script), args: [], input: 'the secret\n', onData });

  beforeEach(() => bench.start());

  test('gets its input, and all it writes is read before its exit', async () => {
    let bytes = 0;
    const child = start(
      'cat; head -c 3000000 /dev/zero; echo no >&2; exit 3',
      (chunk) => (bytes += chunk.length),
    );
    expect(await child.exited).toEqual({ code: 3, signal: undefined, lastLines: ['no'] });
    expect(bytes).toBe(3_000_011);
  });

  test('waits while it is paused', async () => {
    let bytes = 0;
    const child = start('head -c 3000000 /dev/zero', (chunk) => {
      bytes += chunk.length;
      child.pause();
    });
    await eventually(() => (bytes > 0 ? true : undefined), 'first bytes');
    const seen = bytes;
    expect(seen).toBeLessThan(1_000_000);
    child.pause();
    const exit = child.exited.then(() => 'ended');
    expect(await Promise.race([exit, new Promise((resolve) => setTimeout(resolve, 200, 'waits'))])).toBe(
      'waits',
    );
    child.kill();
    await child.exited;
  });

  test('asked to end it may say goodbye; one that does not listen is killed', async () => {
    let running = 0;
    const count = (): void => {
      running++;
    };
    const polite = start('trap "echo bye >&2; exit 0" TERM; echo up; while :; do sleep 0.05; done', count);
    const deaf = start('trap "" TERM; echo up; while :; do sleep 0.05; done', count);
    await eventually(() => (running === 2 ? true : undefined), 'both run');
    expect((await deaf.stop(300)).signal).toBe('SIGKILL');
    expect(await polite.stop(5_000)).toMatchObject({
      code: 0,
      lastLines: expect.arrayContaining(['bye']) as string[],
    });
  });
});

function publish(name: string): void {
  bench.streams.publish({
    name,
    mediaSessionId: name,
    publisher: {
      sessionId: '',
      appKey: '',
      login: '',
      mediaProvider: 'Flash',
      custom: {},
      terminate: () => undefined,
    },
    custom: {},
    createdAt: 0,
  });
}
