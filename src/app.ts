import { join, resolve } from 'node:path';
import type { Settings } from './config/settings.ts';
import type { Logger } from './domain/log.ts';
import { PublishSecrets } from './domain/publishSecrets.ts';
import { EncoderDoors } from './encoderDoors.ts';
import { createHttpApp } from './http/app.ts';
import { HttpServer } from './http/server.ts';
import type { ReadyCheck } from './http/services.ts';
import type { CaptureGap } from './ingest/pull/capture.ts';
import { PulledCaptures } from './ingest/pull/pulledCaptures.ts';
import { WebRtcServer } from './ingest/webrtc/server.ts';
import { Doors, needed } from './listening.ts';
import { openRecorder } from './openRecorder.ts';
import type { AppEnvironment, Recorder } from './openRecorder.ts';
import { findFfmpeg } from './process/ffmpeg.ts';
import type { Ffmpeg } from './process/ffmpeg.ts';
import { readyChecks } from './readiness.ts';
import type { Recordings } from './recorder/recordings.ts';
import { KeyFrameSnapshots } from './recorder/snapshot.ts';
import { SignallingServer } from './signalling/server.ts';
import { Connections } from './streams/connections.ts';
import type { Captures } from './streams/captures.ts';
import type {
  CatalogueControl,
  ExportControl,
  HookControl,
  RecordingControl,
  ReportControl,
  RetentionControl,
  Snapshots,
} from './streams/contracts.ts';
import type { Stream } from './streams/stream.ts';
import { Streams } from './streams/streams.ts';
import { Lifetime } from './util/lifetime.ts';
import { within } from './util/within.ts';
import {
  hookKillGraceMs,
  httpLimits,
  pullOptions,
  restAccess,
  signallingOptions,
  snapshotOptions,
  webRtcOptions,
} from './wiring.ts';

/** What the doors for clients of REST and of the Web SDK work on. */
interface Services {
  readonly streams: Streams;
  readonly connections: Connections;
  readonly recordings: RecordingControl;
  readonly hooks: HookControl;
  readonly reports: ReportControl;
  readonly catalogue: CatalogueControl;
  readonly retention: RetentionControl;
  readonly exports: ExportControl;
  readonly snapshots: Snapshots;
  readonly captures: Captures;
  readonly webrtc?: WebRtcServer;
}

/** How long doors wait for the last answers when they close, milliseconds. */
const CLOSE_GRACE_MS = 1000;

/** The composition root: the only place where every room meets. */
export class App {
  readonly #settings: Settings;
  readonly #environment: AppEnvironment;
  readonly #log: Logger;
  readonly #recordsDir: string;
  readonly #streams: Streams;
  readonly #connections: Connections;
  readonly #doors = new Lifetime();
  readonly #encoderDoors: EncoderDoors;
  #listeners: Doors | undefined;
  #signalling: SignallingServer | undefined;
  #webrtc: WebRtcServer | undefined;
  #captures: PulledCaptures | undefined;
  #recorder: Recorder | undefined;
  #draining = false;

  constructor(settings: Settings, environment: AppEnvironment, log: Logger) {
    this.#settings = settings;
    this.#environment = environment;
    this.#log = log;
    this.#recordsDir = resolve(environment.home, settings.record_dir);
    const secrets = new PublishSecrets(settings.publish_secrets);
    const rules = { secrets, maxStreams: settings.max_streams };
    this.#streams = new Streams(settings.gop_cache_max_bytes, rules);
    this.#connections = new Connections(secrets);
    const deps = { streams: this.#streams, connections: this.#connections, log };
    this.#encoderDoors = new EncoderDoors(settings, deps);
  }

  /** Opens everything; resolves when all doors are open. @throws UnavailableError */
  async start(): Promise<void> {
    const { ffmpeg_path: configuredPath } = this.#settings;
    const searchPath = this.#environment.env['PATH'] ?? '';
    const vendorDir = join(this.#environment.packageDir, 'vendor');
    const ffmpeg = await needed('', findFfmpeg({ configuredPath, searchPath, vendorDir }));
    const doors = new Doors(this.#settings, this.#environment.home, this.#log);
    await doors.readCertificate();
    this.#listeners = doors;
    this.#recorder = await openRecorder(ffmpeg, {
      settings: this.#settings,
      environment: this.#environment,
      recordsDir: this.#recordsDir,
      streams: this.#streams,
      log: this.#log,
      lifetime: this.#doors,
    });
    const services = await this.#openServices(ffmpeg, this.#recorder);
    await this.#encoderDoors.open(doors);
    if (services.webrtc !== undefined) await this.#openSignalling(doors, services, services.webrtc);
    await this.#openHttp(doors, services);
    this.#captures?.open(this.#settings.captures);
    const { recordings, catalogue } = this.#recorder;
    void recordings.recover().then(() => catalogue.settle());
    this.#log.info('ready', {
      recordsDir: this.#recordsDir,
      ffmpeg: ffmpeg.path,
      ffmpegVersion: ffmpeg.version,
    });
  }

  /** Reads anew what can change while the server runs: the certificate. Never throws. */
  async reload(): Promise<void> {
    await this.#listeners?.renewCertificate();
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
    this.#signalling?.drain();
    await within(this.#encoderDoors.drain(), CLOSE_GRACE_MS);
    this.#webrtc?.drain();
    const files = this.#recorder?.recordings.close().then(() => true) ?? Promise.resolve(true);
    const isComplete = (await within(files, timeLeft())) ?? false;
    if (!isComplete) this.#log.error('files were not final within shutdown_timeout');
    // Before the hooks, which may take long: publishers fail over as soon as they are let go.
    await Promise.all([
      this.#signalling?.close(CLOSE_GRACE_MS),
      this.#encoderDoors.close(),
      this.#captures?.close(),
    ]);
    await this.#webrtc?.close();
    const hooksMs = Math.max(0, timeLeft() - hookKillGraceMs(this.#settings));
    await Promise.all([this.#recorder?.hooks.drain(hooksMs), this.#recorder?.reports.drain(hooksMs)]);
    await this.#doors.close();
    return isComplete;
  }

  async #openServices(ffmpeg: Ffmpeg, recorder: Recorder): Promise<Services> {
    const { recordings, hooks, reports, catalogue, retention, exports } = recorder;
    const snapshots = new KeyFrameSnapshots(
      snapshotOptions(ffmpeg),
      this.#log.child({ component: 'snapshots' }),
    );
    const captures = this.#createCaptures(ffmpeg, recordings);
    const common = {
      streams: this.#streams,
      connections: this.#connections,
      recordings,
      hooks,
      ...{ reports, catalogue, retention, exports },
      snapshots,
      captures,
    };
    const options = webRtcOptions(this.#settings);
    if (options === undefined) return common;
    const log = this.#log.child({ component: 'webrtc' });
    const webrtc = new WebRtcServer({ streams: this.#streams, log }, options);
    this.#webrtc = webrtc;
    const setting = options.portRange === undefined ? 'media_port' : 'media_port_from';
    const opening = webrtc.start();
    const port = await needed(
      `${setting}: cannot listen on port ${options.portRange?.from ?? options.port ?? 0}`,
      opening,
    );
    this.#log.info('listening', { door: 'media', port, address: options.bindAddress ?? 'all interfaces' });
    return { ...common, webrtc };
  }

  #createCaptures(ffmpeg: Ffmpeg, recordings: Recordings): Captures {
    const isNewPart = this.#settings.record_reconnect === 'part';
    const onGap = (stream: Stream, { from, to, cause }: CaptureGap): void => {
      if (isNewPart) recordings.beginPart(stream, 'gap');
      stream.report({ cause: 'source-lost', from, to, lostMs: to - from, detail: cause });
    };
    const log = this.#log.child({ component: 'captures' });
    this.#captures = new PulledCaptures(
      { streams: this.#streams, log, onGap },
      pullOptions(this.#settings, ffmpeg),
    );
    return this.#captures;
  }

  async #openSignalling(doors: Doors, services: Services, webrtc: WebRtcServer): Promise<void> {
    const log = this.#log.child({ component: 'ws' });
    const server = new SignallingServer({ ...services, webrtc, log }, signallingOptions(this.#settings));
    this.#signalling = server;
    doors.addCertificateUser(server);
    for (const door of ['ws', 'wss'] as const) {
      await doors.open(door, (port, host, tls) => server.listen(port, host, tls));
    }
  }

  async #openHttp(doors: Doors, services: Services): Promise<void> {
    const log = this.#log.child({ component: 'http' });
    const { home, packageDir } = this.#environment;
    const app = createHttpApp(
      { ...services, log, readiness: () => this.#readiness() },
      {
        maxBodyBytes: this.#settings.http_max_body_bytes,
        maxSdpBytes: this.#settings.http_max_body_bytes,
        corsOrigin: this.#settings.cors_origin,
        whipToken: this.#settings.whip_token,
        recordsDir: this.#recordsDir,
        rest: restAccess(this.#settings),
        signallingPorts: () => ({ ws: doors.ports.get('ws'), wss: doors.ports.get('wss') }),
        home,
        packageDir,
      },
    );
    const server = new HttpServer(app, { log, limits: httpLimits(this.#settings) });
    this.#doors.defer(() => server.close(CLOSE_GRACE_MS));
    doors.addCertificateUser(server);
    for (const door of ['http', 'http.legacy', 'https', 'https.legacy'] as const) {
      await doors.open(door, (port, host, tls) => server.listen(port, host, tls));
    }
  }

  #readiness(): Promise<readonly ReadyCheck[]> {
    return readyChecks({
      isDraining: this.#draining,
      recordsDir: this.#recordsDir,
      disk: this.#recorder?.disk.state ?? 'ok',
    });
  }
}
