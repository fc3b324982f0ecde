import type { Socket } from 'node:net';
import { RecorderdError } from './domain/errors.ts';
import type { Logger } from './domain/log.ts';
import { PublishSecrets } from './domain/publishSecrets.ts';
import type { Connection, Publisher } from './domain/publisher.ts';
import type { RecordingOptions } from './domain/recording.ts';
import { RtmpServer } from './ingest/rtmp/server.ts';
import { RtspServer } from './ingest/rtsp/server.ts';
import { WebRtcServer } from './ingest/webrtc/server.ts';
import { DiskSpace } from './recorder/diskSpace.ts';
import { Recordings } from './recorder/recordings.ts';
import { KeyFrameSnapshots } from './recorder/snapshot.ts';
import { isRecordedAutomatically } from './streams/automaticRecording.ts';
import { Connections } from './streams/connections.ts';
import type { WebRtcPublication } from './streams/contracts.ts';
import type { Stream } from './streams/stream.ts';
import { Streams } from './streams/streams.ts';
import type { Channel } from './workers/channel.ts';
import type {
  AdoptedClient,
  RemoteOffer,
  SupervisorCalls,
  WorkerCalls,
  WorkerSettings,
} from './workers/messages.ts';
import { Telling } from './workers/telling.ts';

/** Streams that have ended, and whose final name somebody may still ask for. */
const MAX_ENDED = 1000;

/** An ingest worker: receives and records the streams that the supervisor hands over, and tells it what goes on. */
export class WorkerApp {
  readonly #channel: Channel<SupervisorCalls, WorkerCalls>;
  readonly #log: Logger;
  #automatic: WorkerSettings['automatic'];
  readonly #secrets: PublishSecrets;
  readonly #streams: Streams;
  readonly #connections: Connections;
  readonly #recordings: Recordings;
  readonly #disk: DiskSpace;
  readonly #snapshots: KeyFrameSnapshots;
  readonly #encoders: { readonly rtmp: RtmpServer; readonly rtsp: RtspServer };
  readonly #webrtc: WebRtcServer | undefined;
  readonly #publications = new Map<string, WebRtcPublication>();
  readonly #ended = new Map<string, Stream>();
  readonly #telling: Telling;
  #others = 0;

  constructor(settings: WorkerSettings, channel: Channel<SupervisorCalls, WorkerCalls>, log: Logger) {
    this.#channel = channel;
    this.#log = log;
    this.#automatic = settings.automatic;
    this.#secrets = new PublishSecrets(settings.secrets);
    // How many streams there may be was decided before they come here.
    this.#streams = new Streams(settings.streams.gopCacheMaxBytes, { secrets: this.#secrets });
    this.#connections = this.#toldConnections();
    const recorderLog = log.child({ component: 'recorder' });
    this.#disk = new DiskSpace(settings.disk, recorderLog);
    this.#snapshots = new KeyFrameSnapshots(settings.snapshots, log.child({ component: 'snapshots' }));
    this.#recordings = new Recordings({
      streams: this.#streams,
      settings: settings.recorder,
      ...{ disk: this.#disk, log: recorderLog, others: () => this.#others },
      isAutomatic: (stream) => isRecordedAutomatically(stream, this.#automatic),
      onPart: (part, evidence) => channel.call('part', { part, evidence }),
    });
    const deps = { streams: this.#streams, connections: this.#connections };
    this.#encoders = {
      rtmp: new RtmpServer({ ...deps, log: log.child({ component: 'rtmp' }) }, settings.rtmp),
      rtsp: new RtspServer({ ...deps, log: log.child({ component: 'rtsp' }) }, settings.rtsp),
    };
    const webRtcDeps = { streams: this.#streams, log: log.child({ component: 'webrtc' }) };
    this.#webrtc = settings.webrtc && new WebRtcServer(webRtcDeps, settings.webrtc);
    this.#telling = new Telling(channel, this.#streams, this.#recordings);
  }

  /** @returns whether it takes WebRTC, too. @throws the system's error when the records folder cannot be had. */
  async start(): Promise<boolean> {
    this.#telling.begin();
    this.#streams.events.on('unpublished', (stream) => this.#remember(stream));
    await this.#recordings.open();
    await this.#disk.open();
    return this.#openWebRtc();
  }

  /** Without its port the worker has no WebRTC; that of the supervisor goes on. */
  async #openWebRtc(): Promise<boolean> {
    try {
      const port = await this.#webrtc?.start();
      if (port !== undefined) this.#log.info('ingest worker takes WebRTC', { port });
      return port !== undefined;
    } catch (err) {
      this.#log.warn('ingest worker has no media port and takes no WebRTC', { err });
      return false;
    }
  }

  async use(settings: WorkerSettings): Promise<void> {
    this.#automatic = settings.automatic;
    this.#secrets.use(settings.secrets);
    this.#streams.use({ ...settings.streams, maxStreams: Infinity });
    this.#recordings.use(settings.recorder);
    await this.#disk.use(settings.disk);
  }

  adopt({ encoder, place, received, key }: AdoptedClient, socket?: Socket): void {
    // Closed on its way.
    if (socket?.remoteAddress === undefined) {
      socket?.destroy();
      this.#channel.tell('left', key);
      return;
    }
    socket.once('close', () => this.#channel.tell('left', key));
    socket.on('error', () => undefined);
    this.#encoders[encoder].adopt(socket, place, Buffer.from(received));
  }

  others(recordings: number): void {
    this.#others = recordings;
  }

  terminateStream(mediaSessionId: string, info: string): void {
    this.#streams.byMediaSessionId(mediaSessionId)?.init.publisher.terminate(info);
  }

  terminateConnection(sessionId: string, info: string): void {
    this.#connections.bySessionId(sessionId)?.terminate(info);
  }

  startRecording(mediaSessionId: string, options: RecordingOptions): void {
    this.#recordings.start(this.#live(mediaSessionId), options);
    this.#telling.now();
  }

  async stopRecording(mediaSessionId: string): Promise<void> {
    const stopped = this.#recordings.stop(mediaSessionId);
    this.#telling.soon();
    await stopped;
    // Before the answer: who is told that it ended may ask for another one elsewhere.
    this.#telling.now();
  }

  async whenFinal(mediaSessionId: string): Promise<string | undefined> {
    const stream = this.#streams.byMediaSessionId(mediaSessionId) ?? this.#ended.get(mediaSessionId);
    return stream && this.#recordings.whenFinal(stream);
  }

  snapshot(mediaSessionId: string): Promise<Uint8Array> {
    return this.#snapshots.take(this.#live(mediaSessionId));
  }

  /** @returns the SDP answer. @throws RecorderdError as `WebRtcIngest.publish` does. */
  async publishWebRtc(offer: RemoteOffer): Promise<string> {
    if (this.#webrtc === undefined) throw new RecorderdError('INTERNAL', 'WebRTC is turned off');
    const { mediaSessionId } = offer;
    const terminate: Publisher['terminate'] = (info) => this.endWebRtc(mediaSessionId, info);
    const publisher = { ...offer.publisher, terminate };
    const publication = await this.#webrtc.publish(
      { ...offer, publisher },
      {
        onPublishing: () => {
          this.#telling.now();
          this.#channel.tell('webRtcPublishing', mediaSessionId);
        },
        onEnded: (info) => {
          this.#publications.delete(mediaSessionId);
          this.#channel.tell('webRtcEnded', { mediaSessionId, info });
        },
      },
    );
    this.#publications.set(mediaSessionId, publication);
    return publication.answer;
  }

  endWebRtc(mediaSessionId: string, info: string): void {
    this.#publications.get(mediaSessionId)?.end(info);
  }

  /** Refuses what begins; resolves when what has arrived is in the streams. */
  async drain(): Promise<void> {
    this.#streams.drain();
    await Promise.all([this.#encoders.rtmp.drain(), this.#encoders.rtsp.drain()]);
    this.#webrtc?.drain();
  }

  /** Ends every recording; resolves when their files are final. */
  async finish(): Promise<void> {
    await this.#recordings.close();
  }

  /** Ends every stream and connection. */
  async close(): Promise<void> {
    await Promise.all([this.#encoders.rtmp.close(), this.#encoders.rtsp.close(), this.#webrtc?.close()]);
    this.#disk.close();
    this.#telling.end();
    this.#telling.now();
  }

  #live(mediaSessionId: string): Stream {
    const stream = this.#streams.byMediaSessionId(mediaSessionId);
    if (stream !== undefined) return stream;
    throw new RecorderdError('STREAM_NOT_FOUND', `Stream not found: mediaSessionId ${mediaSessionId}`);
  }

  #remember(stream: Stream): void {
    this.#ended.set(stream.mediaSessionId, stream);
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > MAX_ENDED && oldest !== undefined) this.#ended.delete(oldest);
  }

  #toldConnections(): Connections {
    return new Connections(this.#secrets, {
      onAdded: (connection) => this.#channel.tell('connected', withoutFunctions(connection)),
      onRemoved: ({ sessionId }) => this.#channel.tell('disconnected', sessionId),
    });
  }
}

/** Functions do not travel. */
function withoutFunctions(connection: Connection): Omit<Connection, 'terminate'> {
  return Object.fromEntries(
    Object.entries(connection).filter(([, value]) => typeof value !== 'function'),
  ) as unknown as Omit<Connection, 'terminate'>;
}
