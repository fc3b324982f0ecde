import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogFields, Logger } from '../../../src/domain/log.ts';
import type { FinishedPart } from '../../../src/domain/recording.ts';
import { RecordHooks } from '../../../src/hooks/recordHooks.ts';
import type { HookOptions } from '../../../src/hooks/recordHooks.ts';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger that keeps its lines. */
export function recordingLog(lines: LogLine[], own: LogFields = {}): Logger {
  const at = (level: LogLine['level']) => (message: string, fields?: LogFields) => {
    lines.push({ level, message, fields: { ...own, ...fields } });
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => recordingLog(lines, { ...own, ...fields }),
  };
}

export function part(overrides: Partial<FinishedPart> = {}): FinishedPart {
  return {
    recordingId: overrides.streamName === undefined ? 'rec-1' : `rec of ${overrides.streamName}`,
    mediaSessionId: '4f112b20-13d0-11e7-b521-59a9cb7eddeb',
    sessionId: '/10.0.0.1:50000/10.0.0.2:1935',
    streamName: 'stream',
    path: '/records/stream.mp4',
    index: 2,
    last: true,
    startedAt: 1_563_776_083_752,
    endedAt: 1_563_776_093_752,
    durationMs: 10_000,
    bytes: 123_456,
    container: 'mp4',
    videoCodec: 'h264',
    audioCodec: 'aac',
    stopReason: 'publisher-left',
    ...overrides,
  };
}

/** A home folder of its own with the servers (one hook room each) that live in it, one after another. */
export class Home {
  readonly dir = mkdtempSync(join(tmpdir(), 'hooks home '));
  readonly spoolDir = join(this.dir, 'state', 'hooks');
  readonly lines: LogLine[] = [];
  readonly #rooms: RecordHooks[] = [];

  constructor() {
    mkdirSync(join(this.dir, 'scripts'));
    mkdirSync(join(this.dir, 'bin'));
  }

  script(lines: readonly string[], name = 'scripts/hook.sh', mode = 0o755): string {
    const path = join(this.dir, name);
    writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
    chmodSync(path, mode);
    return path;
  }

  options(options: Partial<HookOptions> = {}): HookOptions {
    return {
      script: 'hook.sh',
      homeDir: this.dir,
      spoolDir: this.spoolDir,
      timeoutMs: 20_000,
      killGraceMs: 5000,
      parallel: 2,
      retries: 0,
      retryDelayMs: 10,
      retryMaxMs: 1000,
      retryExitCodes: [75],
      parkedMax: 100,
      env: { PATH: process.env['PATH'], HOME: '/home/of-server', SECRET: 'not for scripts' },
      ...options,
    };
  }

  /** A room that is not started yet. */
  room(options: Partial<HookOptions> = {}): RecordHooks {
    const room = new RecordHooks(this.options(options), recordingLog(this.lines));
    this.#rooms.push(room);
    return room;
  }

  /** A started room. */
  async hooks(options: Partial<HookOptions> = {}): Promise<RecordHooks> {
    const room = this.room(options);
    await room.start();
    return room;
  }

  /** Runs one part through a fresh room to its end and returns the lines about it. */
  async run(one: FinishedPart, options: Partial<HookOptions> = {}): Promise<LogLine[]> {
    const hooks = await this.hooks(options);
    const before = this.lines.length;
    await hooks.enqueue(one);
    await hooks.drain(20_000);
    return this.lines.slice(before);
  }

  exists(name: string): boolean {
    return existsSync(join(this.dir, name));
  }

  read(name: string): string {
    return readFileSync(join(this.dir, name), 'utf8');
  }

  spooled(): string[] {
    return readdirSync(this.spoolDir)
      .filter((name) => name !== 'parked')
      .sort();
  }

  /** Ids of the runs that are parked. */
  parked(): string[] {
    return readdirSync(join(this.spoolDir, 'parked'))
      .map((name) => name.replace('.json', ''))
      .sort();
  }

  async remove(): Promise<void> {
    await Promise.all(this.#rooms.map((room) => room.drain(0)));
    rmSync(this.dir, { recursive: true });
  }
}
