import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { LineSplitter } from '../../src/util/lines.ts';
import { eventually } from './eventually.ts';

export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string; readonly level: string };

/** Keys given by --set; undefined leaves one of those below to the settings file. */
type TestSettings = Readonly<Record<string, string | number | boolean | undefined>>;

/** A recorderd process with a home folder of its own, on free ports. */
export class TestServer {
  readonly home: string;
  readonly logs: LogLine[] = [];
  readonly #child: ChildProcess;
  #exit: { code: number | null; signal: NodeJS.Signals | null } | undefined;
  #isStopping = false;

  private constructor(home: string, settings: TestSettings) {
    this.home = home;
    const all: TestSettings = {
      'http.port': 0,
      'rtmp.port': 0,
      'rtsp.port': 0,
      'ws.port': 0,
      media_port: 0,
      'https.port': '',
      // Not by need: a busy machine would decide what is tested. `RECORDERD_INGEST_WORKERS=2` runs all tests with two.
      ingest_workers: process.env['RECORDERD_INGEST_WORKERS'] ?? 0,
      log_format: 'json',
      log_level: 'debug',
      ...settings,
    };
    const given = Object.entries(all).filter(([, value]) => value !== undefined);
    const flags = given.flatMap(([key, value]) => ['--set', `${key}=${String(value)}`]);
    this.#child = spawn(process.execPath, [resolve('dist/main.js'), '--home', home, ...flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const lines = new LineSplitter((line) => this.logs.push(parseLine(line)));
    this.#child.stdout?.on('data', (chunk: Buffer) => lines.write(chunk));
    this.#child.stderr?.on('data', (chunk: Buffer) => lines.write(chunk));
    this.#child.on('exit', (code, signal) => (this.#exit = { code, signal }));
  }

  /** Starts a server and waits until it is ready. `home` may be given to start again on the same folders. */
  static async start(
    settings: TestSettings = {},
    home = mkdtempSync(join(tmpdir(), 'recorderd-test-')),
  ): Promise<TestServer> {
    mkdirSync(home, { recursive: true });
    const server = new TestServer(home, settings);
    await eventually(() => {
      if (server.#exit !== undefined) throw new Error(`server ended: ${JSON.stringify(server.logs)}`);
      return server.logged('ready');
    }, 'server is ready');
    return server;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get recordsDir(): string {
    return join(this.home, 'records');
  }

  /** The port that a door was bound to. */
  port(door: string): number {
    const line = this.logs.find((each) => each.msg === 'listening' && each['door'] === door);
    if (line === undefined) throw new Error(`door ${door} is not open`);
    return Number(line['port']);
  }

  rtspUrl(name: string): string {
    return `rtsp://127.0.0.1:${this.port('rtsp')}/live/${name}`;
  }

  rtmpUrl(name: string): string {
    return `rtmp://127.0.0.1:${this.port('rtmp')}/live/${name}`;
  }

  logged(msg: string): LogLine | undefined {
    return this.logs.find((line) => line.msg === msg);
  }

  allLogged(msg: string): LogLine[] {
    return this.logs.filter((line) => line.msg === msg);
  }

  /** Names of the finished records, sorted. */
  records(): string[] {
    return readdirSync(this.recordsDir)
      .filter((name) => !name.startsWith('.'))
      .sort();
  }

  /** Waits until exactly `count` records are there. */
  async recordsFinished(count: number, withinMs = 20_000): Promise<string[]> {
    return eventually(
      () => (this.records().length >= count ? this.records() : undefined),
      `${count} records`,
      withinMs,
    );
  }

  async rest(path: string, body?: unknown): Promise<{ status: number; text: string; json: unknown }> {
    const response = await fetch(`http://127.0.0.1:${this.port('http')}/rest-api${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await response.text();
    return { status: response.status, text, json: text === '' ? undefined : (JSON.parse(text) as unknown) };
  }

  signal(signal: NodeJS.Signals): void {
    this.#isStopping ||= signal === 'SIGTERM';
    this.#child.kill(signal);
  }

  /** Waits for the process to end. */
  async exited(withinMs = 40_000): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    return eventually(() => this.#exit, 'server exit', withinMs);
  }

  /** Stops the server and removes its home. @throws when it does not exit cleanly or logged an error. */
  async close(options: { keepHome?: boolean } = {}): Promise<void> {
    // A second one would end it at once.
    if (this.#exit === undefined && !this.#isStopping) this.signal('SIGTERM');
    const exit = await this.exited();
    if (options.keepHome !== true) rmSync(this.home, { recursive: true, force: true });
    if (exit.code !== 0)
      throw new Error(`server exit ${JSON.stringify(exit)}: ${JSON.stringify(this.logs.slice(-20))}`);
  }
}

function parseLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { level: 'raw', msg: line };
  }
}
