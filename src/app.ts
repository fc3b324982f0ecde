import { statfs } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Settings } from './config/settings.ts';
import type { Logger } from './domain/log.ts';
import { PublishSecrets } from './domain/publishSecrets.ts';
import { EncoderDoors } from './encoderDoors.ts';
import { ffmpegFields, findFfmpegs } from './ffmpegs.ts';
import { createHttpApp } from './http/app.ts';
import type { HttpAccess } from './http/app.ts';
import { LiveEvents } from './http/events.ts';
import { RequestCounts } from './http/requestCounts.ts';
import { HttpServer } from './http/server.ts';
import type { HttpServices, ReadyCheck, StatusServices } from './http/services.ts';
import type { PulledCaptures } from './ingest/pull/pulledCaptures.ts';
import type { WebRtcServer } from './ingest/webrtc/server.ts';
import { Doors } from './listening.ts';
import type { Observation } from './observe/observation.ts';
import { openObservation } from './observing.ts';
import { openCaptures } from './openCaptures.ts';
import { openRecorder } from './openRecorder.ts';
import type { AppEnvironment, Recorder } from './openRecorder.ts';
import { openWebRtc } from './openWebRtc.ts';
import { openWorkers, type Workers } from './openWorkers.ts';
import type { Ffmpeg } from './process/ffmpeg.ts';
import { readyChecks } from './readiness.ts';
import { KeyFrameSnapshots } from './recorder/snapshot.ts';
import { SignallingServer } from './signalling/server.ts';
import { Connections } from './streams/connections.ts';
import type { WebRtcIngest } from './streams/contracts.ts';
import { Streams } from './streams/streams.ts';
import type { ConnectionLoad } from './tcp/admission.ts';
import { Lifetime } from './util/lifetime.ts';
import { within } from './util/within.ts';
import {
  hookKillGraceMs,
  httpAccess,
  httpLimits,
  signallingOptions,
  snapshotOptions,
  streamLimits,
} from './wiring.ts';
import type { IngestWorkers } from './workers/ingestWorkers.ts';
import { RoutedRecordings } from './workers/routedRecordings.ts';
import { RoutedSnapshots } from './workers/routedSnapshots.ts';
import { RoutedWebRtc } from './workers/routedWebRtc.ts';

/** What the doors for clients of REST and of the Web SDK work on. */
interface Services extends Omit<HttpServices, keyof StatusServices | 'webrtc' | 'requests' | 'log'> {
  readonly webrtc?: WebRtcIngest;
  readonly recordings: RoutedRecordings;
}

/** What is measured beside the services. */
interface Measured {
  readonly ffmpeg: Ffmpeg;
  readonly recorder: Recorder;
  readonly workers: IngestWorkers;
}

/** How long doors wait for the last answers when they close, milliseconds. */
const CLOSE_GRACE_MS = 1000;

/** The composition root: the only place where every room meets. */
export class App {
  #settings: Settings;
  readonly #environment: AppEnvironment;
  readonly #log: Logger;
  readonly #recordsDir: string;
  readonly #secrets: PublishSecrets;
  readonly #streams: Streams;
  readonly #connections: Connections;
  readonly #doors = new Lifetime();
  readonly #encoderDoors: EncoderDoors;
  #listeners: Doors | undefined;
  #signalling: SignallingServer | undefined;
  #webrtc: WebRtcServer | undefined;
  #captures: PulledCaptures | undefined;
  #recorder: Recorder | undefined;
  #workers: Workers | undefined;
  #draining = false;
  #httpAccess: HttpAccess;

  constructor(settings: Settings, environment: AppEnvironment, log: Logger) {
    this.#settings = settings;
    this.#environment = environment;
    this.#log = log;
    this.#recordsDir = resolve(environment.home, settings.record_dir);
    this.#httpAccess = httpAccess(settings);
    this.#secrets = new PublishSecrets(settings.publish_secrets);
    const rules = { secrets: this.#secrets, maxStreams: settings.max_streams };
    this.#streams = new Streams(settings.gop_cache_max_bytes, rules);
    this.#connections = new Connections(this.#secrets);
    const deps = { streams: this.#streams, connections: this.#connections, log };
    this.#encoderDoors = new EncoderDoors(settings, deps);
  }

  /** Opens everything; resolves when all doors are open. @throws UnavailableError */
  async start(): Promise<void> {
    const ffmpegs = await findFfmpegs(this.#settings, this.#environment);
    const doors = new Doors(this.#settings, this.#environment.home, this.#log);
    await doors.readCertificate();
    this.#listeners = doors;
    this.#recorder = await openRecorder(ffmpegs.recording, {
      settings: this.#settings,
      environment: this.#environment,
      recordsDir: this.#recordsDir,
      streams: this.#streams,
      exportFfmpeg: ffmpegs.general,
      workers: () => this.#workers?.pool,
      log: this.#log,
      lifetime: this.#doors,
    });
    this.#workers = await openWorkers({
      ...{ settings: this.#settings, recordsDir: this.#recordsDir, ffmpegs, recorder: this.#recorder },
      ...{ streams: this.#streams, connections: this.#connections, log: this.#log },
    });
    const workers = this.#workers.pool;
    const services = await this.#openServices(ffmpegs.general, this.#recorder, workers);
    await this.#encoderDoors.open(doors, workers);
    if (services.webrtc !== undefined) await this.#openSignalling(doors, services, services.webrtc);
    await this.#openHttp(doors, services, { ffmpeg: ffmpegs.general, recorder: this.#recorder, workers });
    this.#captures?.declare(this.#settings.captures);
    const { recordings, catalogue, left } = this.#recorder;
    void recordings.recover(left).then(() => catalogue.settle());
    this.#log.info('ready', { recordsDir: this.#recordsDir, ...ffmpegFields(ffmpegs) });
  }

  /** Resolves when the disk of the records answers. @throws the system's error. */
  async reachDisk(): Promise<void> {
    await statfs(this.#recordsDir);
  }

  /** Reads the certificate again. One that cannot be used changes nothing. Never rejects. */
  async renewCertificate(): Promise<void> {
    await this.#listeners?.renewCertificate();
  }

  /** Has what begins from now on go by `settings`, which differ from those before in live keys only. Never rejects. */
  async use(settings: Settings): Promise<void> {
    if (this.#draining) return;
    this.#settings = settings;
    this.#httpAccess = httpAccess(settings);
    this.#secrets.use(settings.publish_secrets);
    this.#streams.use(streamLimits(settings));
    await this.#recorder?.use(settings);
    await this.#workers?.use(settings);
    this.#captures?.declare(settings.captures);
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
    await within(Promise.all([this.#encoderDoors.drain(), this.#workers?.pool.drain()]), CLOSE_GRACE_MS);
    this.#webrtc?.drain();
    const files = Promise.all([this.#recorder?.recordings.close(), this.#workers?.pool.finish()]);
    const isComplete = (await within(files, timeLeft())) !== undefined;
    if (!isComplete) this.#log.error('files were not final within shutdown_timeout');
    // Before the hooks, which may take long: publishers fail over as soon as they are let go.
    await this.#closeIngest();
    const hooksMs = Math.max(0, timeLeft() - hookKillGraceMs(this.#settings));
    await Promise.all([this.#recorder?.hooks.drain(hooksMs), this.#recorder?.reports.drain(hooksMs)]);
    await this.#doors.close();
    return isComplete;
  }

  async #closeIngest(): Promise<void> {
    await Promise.all([
      this.#signalling?.close(CLOSE_GRACE_MS),
      this.#encoderDoors.close(),
      this.#captures?.close(),
      this.#workers?.pool.close(),
    ]);
    await this.#webrtc?.close();
  }

  async #openServices(ffmpeg: Ffmpeg, recorder: Recorder, workers: IngestWorkers): Promise<Services> {
    const { hooks, reports, catalogue, imports, retention, exports, pictures } = recorder;
    const snapshots = new KeyFrameSnapshots(
      snapshotOptions(ffmpeg),
      this.#log.child({ component: 'snapshots' }),
    );
    this.#captures = openCaptures({
      ...{ streams: this.#streams, recordings: recorder.recordings, ffmpeg, log: this.#log },
      settings: () => this.#settings,
    });
    const common = {
      streams: this.#streams,
      connections: this.#connections,
      recordings: new RoutedRecordings(recorder.recordings, workers),
      hooks,
      ...{ reports, catalogue, imports, retention, exports, pictures },
      snapshots: new RoutedSnapshots(snapshots),
      captures: this.#captures,
    };
    this.#webrtc = await openWebRtc(this.#settings, this.#streams, this.#log);
    if (this.#webrtc === undefined) return common;
    return {
      ...common,
      webrtc: new RoutedWebRtc(
        this.#webrtc,
        { workers, streams: this.#streams },
        this.#settings.webrtc_max_publishers,
      ),
    };
  }

  async #openSignalling(doors: Doors, services: Services, webrtc: WebRtcIngest): Promise<void> {
    const log = this.#log.child({ component: 'ws' });
    const server = new SignallingServer({ ...services, webrtc, log }, signallingOptions(this.#settings));
    this.#signalling = server;
    doors.addCertificateUser(server);
    for (const door of ['ws', 'wss'] as const) {
      await doors.open(door, (port, host, tls) => server.listen(port, host, tls));
    }
  }

  async #openHttp(doors: Doors, services: Services, observed: Measured): Promise<void> {
    const log = this.#log.child({ component: 'http' });
    const { home, packageDir, version } = this.#environment;
    const requests = new RequestCounts();
    const observation = this.#observe(services, observed, requests, () => server.connections);
    const maxListeners = this.#settings.events_max_listeners;
    const events = new LiveEvents(() => observation.live(), { maxListeners, log });
    const metrics = (): Promise<string> => observation.metrics();
    const status = { readiness: () => this.#readiness(), metrics, stat: () => observation.stat(), events };
    const app = createHttpApp(
      { ...services, ...status, requests, log },
      {
        maxBodyBytes: this.#settings.http_max_body_bytes,
        maxSdpBytes: this.#settings.http_max_body_bytes,
        recordsDir: this.#recordsDir,
        access: () => this.#httpAccess,
        signallingPorts: () => ({ ws: doors.ports.get('ws'), wss: doors.ports.get('wss') }),
        ...{ home, packageDir, version },
      },
    );
    const server = new HttpServer(app, { log, limits: httpLimits(this.#settings) });
    this.#doors.defer(() => server.close(CLOSE_GRACE_MS));
    this.#doors.defer(() => events.close());
    doors.addCertificateUser(server);
    for (const door of ['http', 'http.legacy', 'https', 'https.legacy'] as const) {
      await doors.open(door, (port, host, tls) => server.listen(port, host, tls));
    }
  }

  #observe(
    { streams, connections, captures, recordings }: Services,
    { ffmpeg, recorder, workers }: Measured,
    requests: RequestCounts,
    http: () => ConnectionLoad,
  ): Observation {
    const signalling = this.#signalling;
    return openObservation({
      ...{ streams, connections, captures, recordings, recorder, workers, requests },
      ...{ settings: this.#settings, environment: this.#environment, lifetime: this.#doors },
      ffmpegVersion: ffmpeg.version,
      doors: () => [
        ...this.#encoderDoors.loads(),
        ...(signalling === undefined ? [] : [{ door: 'ws', load: signalling.connections }]),
        { door: 'http', load: http() },
      ],
    });
  }

  #readiness(): Promise<readonly ReadyCheck[]> {
    return readyChecks({
      isDraining: this.#draining,
      recordsDir: this.#recordsDir,
      disk: this.#recorder?.disk.state ?? 'ok',
    });
  }
}
