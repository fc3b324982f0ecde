import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { Settings } from './config/settings.ts';
import type { Logger } from './domain/log.ts';
import { RecordHooks } from './hooks/recordHooks.ts';
import { createHttpApp } from './http/app.ts';
import { DEFAULT_HTTP_LIMITS, HttpServer } from './http/server.ts';
import type { TlsIdentity } from './http/server.ts';
import type { ReadyCheck } from './http/services.ts';
import { RtmpServer } from './ingest/rtmp/server.ts';
import { findFfmpeg } from './process/ffmpeg.ts';
import type { Ffmpeg } from './process/ffmpeg.ts';
import { Recordings } from './recorder/recordings.ts';
import { RecordWatcher } from './recorder/recordWatcher.ts';
import { Connections } from './streams/connections.ts';
import type { Stream } from './streams/stream.ts';
import { Streams } from './streams/streams.ts';
import { Lifetime } from './util/lifetime.ts';
import { within } from './util/within.ts';
import { hookKillGraceMs, hookOptions, recorderSettings, rtmpOptions } from './wiring.ts';

/** Where the process runs. */
export interface AppEnvironment {
  /** WCS home, absolute: relative paths of the settings start here. */
  readonly home: string;
  /** Folder of the installed package, which holds `vendor/`. */
  readonly packageDir: string;
  /** The process's environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Something the server cannot start without is missing: a port, a folder, FFmpeg, a certificate. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
}

interface Recorder {
  readonly recordings: Recordings;
  readonly hooks: RecordHooks;
}

/** The composition root: the only place where every room meets. */
export class App {
  readonly #settings: Settings;
  readonly #environment: AppEnvironment;
  readonly #log: Logger;
  readonly #recordsDir: string;
  readonly #streams: Streams;
  readonly #connections = new Connections();
  readonly #doors = new Lifetime();
  readonly #rtmp: RtmpServer[] = [];
  #recorder: Recorder | undefined;
  #draining = false;

  constructor(settings: Settings, environment: AppEnvironment, log: Logger) {
    this.#settings = settings;
    this.#environment = environment;
    this.#log = log;
    this.#recordsDir = resolve(environment.home, settings.record_dir);
    this.#streams = new Streams(settings.gop_cache_max_bytes);
  }

  /** Opens everything; resolves when all doors are open. @throws UnavailableError */
  async start(): Promise<void> {
    const { ffmpeg_path: configuredPath } = this.#settings;
    const searchPath = this.#environment.env['PATH'] ?? '';
    const vendorDir = join(this.#environment.packageDir, 'vendor');
    const ffmpeg = await needed('', findFfmpeg({ configuredPath, searchPath, vendorDir }));
    const tls = await this.#readTls();
    this.#recorder = await this.#openRecorder(ffmpeg);
    await this.#openRtmp(tls);
    await this.#openHttp(tls, this.#recorder.recordings);
    this.#log.info('ready', {
      recordsDir: this.#recordsDir,
      ffmpeg: ffmpeg.path,
      ffmpegVersion: ffmpeg.version,
    });
  }

  /**
   * Refuses new publishers, finishes every file, runs the hooks that time allows and keeps the rest for the next
   * start. @returns false when files were not final within `shutdown_timeout`.
   */
  async stop(): Promise<boolean> {
    this.#draining = true;
    const until = Date.now() + this.#settings.shutdown_timeout * 1000;
    const timeLeft = (): number => Math.max(0, until - Date.now());
    this.#streams.drain();
    for (const server of this.#rtmp) server.drain();
    const files = this.#recorder?.recordings.close().then(() => true) ?? Promise.resolve(true);
    const isComplete = (await within(files, timeLeft())) ?? false;
    if (!isComplete) this.#log.error('files were not final within shutdown_timeout');
    // Before the hooks, which may take long: encoders fail over as soon as they are let go.
    await Promise.all(this.#rtmp.map((server) => server.close()));
    await this.#recorder?.hooks.drain(Math.max(0, timeLeft() - hookKillGraceMs(this.#settings)));
    await this.#doors.close();
    return isComplete;
  }

  async #openRecorder(ffmpeg: Ffmpeg): Promise<Recorder> {
    const settings = this.#settings;
    const log = this.#log.child({ component: 'recorder' });
    const hooks = new RecordHooks(
      hookOptions(settings, this.#environment, this.#recordsDir),
      this.#log.child({ component: 'hooks' }),
    );
    const recordings = new Recordings({
      streams: this.#streams,
      settings: recorderSettings(settings, this.#recordsDir, ffmpeg),
      log,
      isAutomatic: (stream) => isRecordedAutomatically(stream, settings),
      onPart: (part) => hooks.enqueue(part),
    });
    const watcher = new RecordWatcher(this.#recordsDir, log);
    await needed(`record_dir: ${this.#recordsDir} cannot be used`, recordings.open());
    await needed(
      `record_dir: ${this.#recordsDir} cannot be written`,
      access(this.#recordsDir, constants.W_OK),
    );
    await needed(`record_dir: the hook spool cannot be used`, hooks.start());
    await watcher.open();
    this.#doors.defer(() => watcher.close());
    return { recordings, hooks };
  }

  async #readTls(): Promise<TlsIdentity | undefined> {
    const { tls_certificate: cert, tls_key: key } = this.#settings;
    if (cert === '' || key === '') return undefined;
    const { home } = this.#environment;
    const identity = {
      cert: await needed(`tls_certificate: ${cert} cannot be read`, readFile(resolve(home, cert))),
      key: await needed(`tls_key: ${key} cannot be read`, readFile(resolve(home, key))),
    };
    try {
      createSecureContext(identity);
    } catch (error) {
      throw new UnavailableError(`tls_certificate and tls_key cannot be used: ${String(error)}`, {
        cause: error,
      });
    }
    return identity;
  }

  async #openRtmp(tls: TlsIdentity | undefined): Promise<void> {
    const { 'rtmp.port': plain, 'rtmps.port': secure } = this.#settings;
    const deps = { streams: this.#streams, connections: this.#connections };
    for (const [door, port, identity] of [
      ['rtmp', plain, undefined],
      ['rtmps', tls === undefined ? undefined : secure, tls],
    ] as const) {
      if (port === undefined) continue;
      const options = {
        ...rtmpOptions(this.#settings),
        ...(identity === undefined ? {} : { tls: identity }),
      };
      const server = new RtmpServer({ ...deps, log: this.#log.child({ component: door }) }, options);
      this.#rtmp.push(server);
      await this.#listen(door, port, (host) => server.listen(port, host));
    }
  }

  async #openHttp(tls: TlsIdentity | undefined, recordings: Recordings): Promise<void> {
    const log = this.#log.child({ component: 'http' });
    const services = { streams: this.#streams, connections: this.#connections, recordings, log };
    const app = createHttpApp(
      { ...services, readiness: () => this.#readiness() },
      { maxBodyBytes: this.#settings.http_max_body_bytes, corsOrigin: this.#settings.cors_origin },
    );
    const server = new HttpServer(app, { log, limits: DEFAULT_HTTP_LIMITS });
    this.#doors.defer(() => server.close(1000));
    for (const door of ['http', 'http.legacy', 'https', 'https.legacy'] as const) {
      const isSecure = door.startsWith('https');
      const port = this.#settings[`${door}.port`];
      if (port === undefined || (isSecure && tls === undefined)) continue;
      await this.#listen(door, port, (host) => server.listen(port, host, isSecure ? tls : undefined));
    }
  }

  async #listen(
    door: string,
    port: number,
    open: (host: string | undefined) => Promise<number>,
  ): Promise<void> {
    const address = this.#settings.ip_local === '' ? undefined : this.#settings.ip_local;
    const bound = await needed(`${door}.port: cannot listen on port ${port}`, open(address));
    this.#log.info('listening', { door, port: bound, address: address ?? 'all interfaces' });
  }

  async #readiness(): Promise<readonly ReadyCheck[]> {
    const canWrite = await access(this.#recordsDir, constants.W_OK).then(
      () => true,
      () => false,
    );
    return [
      {
        name: 'accepting',
        ok: !this.#draining,
        ...(this.#draining ? { reason: 'the server is shutting down' } : {}),
      },
      {
        name: 'record_dir',
        ok: canWrite,
        ...(canWrite ? {} : { reason: 'the records folder cannot be written' }),
      },
    ];
  }
}

/** `record_streams` is the master switch; RTMP streams need `record_flash_published_streams` beside it. */
function isRecordedAutomatically(stream: Stream, settings: Settings): boolean {
  const isRtmp = stream.init.publisher.mediaProvider === 'Flash';
  return settings.record_streams && isRtmp && settings.record_flash_published_streams;
}

/** Waits for something the server cannot start without. @throws UnavailableError that begins with `what`. */
async function needed<T>(what: string, promise: Promise<T>): Promise<T> {
  return promise.catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UnavailableError(what === '' ? reason : `${what}: ${reason}`, { cause: error });
  });
}
