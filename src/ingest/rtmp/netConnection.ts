import { randomUUID } from 'node:crypto';
import { RecorderdError } from '../../domain/errors.ts';
import type { ErrorCode } from '../../domain/errors.ts';
import type { Logger } from '../../domain/log.ts';
import type { CustomParameters, Publisher } from '../../domain/publisher.ts';
import type { Connections } from '../../streams/connections.ts';
import type { Stream } from '../../streams/stream.ts';
import type { Streams } from '../../streams/streams.ts';
import type { LeapBounds } from '../../streams/timeline.ts';
import { amfObject, isAmfObject } from './amf0.ts';
import type { AmfValue } from './amf0.ts';
import type { Call } from './call.ts';
import { connectParameters, splitQuery } from './connectUrl.ts';
import type { NameWithQuery } from './connectUrl.ts';
import { identityOf } from './identity.ts';
import type { Identity } from './identity.ts';
import { ProtocolError } from './protocol.ts';
import { Publication } from './publication.ts';
import { CONNECT_PROPERTIES, connectInformation } from './replies.ts';
import type { Replies } from './replies.ts';

/** What a NetConnection needs from the connection that carries it. */
export interface NetConnectionHost {
  readonly streams: Streams;
  readonly connections: Connections;
  readonly log: Logger;
  readonly sessionId: string;
  readonly replies: Replies;
  /** Set Chunk Size to announce, bytes. */
  readonly chunkBytes: number;
  readonly leapBounds: LeapBounds;
  /** True when new publishers are to be refused. */
  readonly isDraining: () => boolean;
  /** True when another process publishes the stream, and this connection is over here. */
  readonly moves: (streamName: string) => boolean;
  /** Told when a publication begins, and when it ends while the connection stays. */
  readonly onPublishing: (publishing: boolean) => void;
  /** The media of the publication shall wait (true) or go on (false). */
  readonly onHold: (held: boolean) => void;
  /** Media that has arrived is wanted now. */
  readonly onWake: () => void;
  /** Closes the connection once what was said has been sent. */
  readonly close: (reason: string) => void;
}

type Handler = (connection: NetConnection, call: Call) => void;

const MAX_NET_STREAMS = 16;
const MAX_NAME_CHARACTERS = 1024;
const ENHANCED_PROPERTIES = ['fourCcList', 'videoFourCcInfoMap', 'audioFourCcInfoMap', 'capsEx'];

/** What refused publishers are told where it is not their name that is bad. */
const CODES: ReadonlyMap<ErrorCode, string> = new Map([
  ['UNAUTHORIZED', 'NetStream.Publish.Denied'],
  ['LIMIT_REACHED', 'NetStream.Publish.Rejected'],
]);

/**
 * The commands of one client (RTMP 1.0, 7.2) and what it publishes: one stream at a time, any number one after
 * another. Encoders are careless about the NetStream id of their media, so every message belongs to the publication
 * unless its id was given out for another NetStream.
 */
export class NetConnection {
  /** By name; a Map, because the name is the client's. */
  static readonly #HANDLERS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
    ['connect', (connection, call) => connection.#connect(call)],
    ['createStream', (connection, call) => connection.#createStream(call)],
    ['publish', (connection, call) => connection.#publish(call)],
    ['FCPublish', (connection, call) => connection.#fcPublish(call)],
    ['FCUnpublish', (connection, call) => connection.#fcUnpublish(call)],
    ['deleteStream', (connection, call) => connection.#deleteStream(call)],
    ['closeStream', (connection, call) => connection.#closeStream(call)],
    ['play', (connection, call) => connection.#play(call)],
    ['play2', (connection, call) => connection.#play(call)],
    ['releaseStream', (connection, call) => connection.#acknowledge(call)],
    ['getStreamLength', (connection, call) => connection.#acknowledge(call, 0)],
    ['_checkbw', (connection, call) => connection.#acknowledge(call)],
    ['pong', (connection, call) => connection.#acknowledge(call)],
    ['_result', () => undefined],
    ['_error', () => undefined],
  ]);

  readonly #host: NetConnectionHost;
  readonly #netStreams = new Set<number>();
  #lastStreamId = 0;
  #identity: Identity | undefined;
  #custom: CustomParameters = {};
  #unlist: (() => void) | undefined;
  #publication: Publication | undefined;

  constructor(host: NetConnectionHost) {
    this.#host = host;
  }

  /** The publication that messages of a NetStream belong to. */
  publicationOf(streamId: number): Publication | undefined {
    const publication = this.#publication;
    if (publication === undefined || streamId === publication.streamId) return publication;
    return this.#netStreams.has(streamId) ? undefined : publication;
  }

  /** Obeys a command. @throws ProtocolError for a command out of order. */
  call(call: Call): void {
    if (this.#identity === undefined && call.name !== 'connect') {
      throw new ProtocolError(`${JSON.stringify(call.name.slice(0, 32))} before connect`);
    }
    const handle = NetConnection.#HANDLERS.get(call.name);
    if (handle !== undefined) handle(this, call);
    else if (call.transaction !== 0) this.#host.replies.error(call.transaction, 'unknown command');
  }

  /** No more media comes for a while. */
  flush(): void {
    this.#publication?.stream.flush();
  }

  /** Logs what was dropped from the publication. To be called about once a second. */
  reportProblems(): void {
    this.#publication?.reportProblems();
  }

  /** Says goodbye and closes the connection. `info` is the text for the client. */
  terminate(info: string): void {
    if (this.#publication !== undefined) this.#sayUnpublished(this.#publication, info);
    else this.#say(0, 'status', 'NetConnection.Connect.Closed', info);
    this.#host.close(info);
  }

  /** Ends the publication and takes the connection off the list. Later calls do nothing. */
  end(reason: string): void {
    const publication = this.#publication;
    this.#publication = undefined;
    this.#unlist?.();
    this.#unlist = undefined;
    publication?.end(reason);
  }

  #connect({ transaction, object, args }: Call): void {
    if (this.#identity !== undefined) throw new ProtocolError('connect sent twice');
    const properties = isAmfObject(object) ? object : amfObject({});
    this.#identity = identityOf(args[0]);
    this.#custom = connectParameters(properties.get('app'), properties.get('tcUrl'));
    this.#unlist = this.#host.connections.add({
      ...this.#identity,
      sessionId: this.#host.sessionId,
      mediaProvider: 'Flash',
      custom: this.#custom,
      createdAt: Date.now(),
      terminate: (info) => this.terminate(info),
    });
    const isEnhanced = ENHANCED_PROPERTIES.some((key) => properties.has(key));
    this.#host.replies.limits(this.#host.chunkBytes);
    this.#host.replies.result(transaction, CONNECT_PROPERTIES, connectInformation(isEnhanced));
  }

  #createStream({ transaction }: Call): void {
    if (this.#netStreams.size >= MAX_NET_STREAMS) {
      this.#host.replies.error(transaction, `more than ${MAX_NET_STREAMS} streams on one connection`);
      return;
    }
    this.#netStreams.add(++this.#lastStreamId);
    this.#host.replies.result(transaction, null, this.#lastStreamId);
  }

  #publish(call: Call): void {
    const streamId = call.streamId === 0 ? this.#lastStreamId : call.streamId;
    const given = call.args[0];
    if (given === false) {
      this.#unpublish(streamId, 'publish false');
      return;
    }
    const named = typeof given === 'string' ? splitQuery(given) : undefined;
    if (named === undefined) this.#refuse(streamId, 'the stream name is not text');
    else if (named.name === '') this.#refuse(streamId, 'the stream name is empty');
    else if (named.name.length > MAX_NAME_CHARACTERS)
      this.#refuse(streamId, `the stream name is longer than ${MAX_NAME_CHARACTERS} characters`);
    else if (this.#publication !== undefined) this.#refuse(streamId, 'this connection publishes already');
    else this.#start(streamId, named);
  }

  #fcPublish(call: Call): void {
    this.#acknowledge(call);
    const description = typeof call.args[0] === 'string' ? call.args[0] : '';
    this.#fcStatus('onFCPublish', 'NetStream.Publish.Start', description);
  }

  #fcUnpublish(call: Call): void {
    this.#acknowledge(call);
    const publication = this.#publication;
    const given = call.args[0];
    if (publication === undefined) return;
    if (typeof given === 'string' && splitQuery(given).name !== publication.stream.name) return;
    this.#fcStatus('onFCUnpublish', 'NetStream.Unpublish.Success', publication.stream.name);
    this.#unpublish(publication.streamId, 'FCUnpublish');
  }

  #deleteStream({ args }: Call): void {
    const id = typeof args[0] === 'number' ? args[0] : 0;
    this.#unpublish(id, 'deleteStream');
    this.#netStreams.delete(id);
  }

  #closeStream({ streamId }: Call): void {
    this.#unpublish(streamId, 'closeStream');
  }

  #play({ streamId }: Call): void {
    this.#say(streamId, 'error', 'NetStream.Play.StreamNotFound', 'This server records and does not play.');
  }

  /** Answers a call that has nothing else to tell. */
  #acknowledge({ transaction }: Call, value?: AmfValue): void {
    if (transaction !== 0) this.#host.replies.result(transaction, null, value);
  }

  #start(streamId: number, { name, custom }: NameWithQuery): void {
    const mediaSessionId = randomUUID();
    const publisher = this.#publisher(mediaSessionId);
    let stream: Stream;
    try {
      if (this.#host.isDraining()) throw new RecorderdError('SHUTTING_DOWN', 'the server is shutting down');
      this.#host.streams.admit(name, [custom, publisher.custom]);
      if (this.#host.moves(name)) {
        this.end('it goes on in another process');
        return;
      }
      stream = this.#host.streams.publish({ name, mediaSessionId, publisher, custom, createdAt: Date.now() });
    } catch (error) {
      if (!(error instanceof RecorderdError)) throw error;
      this.#refuse(streamId, error.message, CODES.get(error.code));
      return;
    }
    const { streams, leapBounds, log } = this.#host;
    this.#publication = new Publication(stream, { streams, streamId, leapBounds }, log);
    stream.setPaused = (isPaused) => this.#host.onHold(isPaused);
    stream.wake = () => this.#host.onWake();
    this.#host.onPublishing(true);
    this.#host.replies.streamBegin(streamId);
    this.#say(streamId, 'status', 'NetStream.Publish.Start', `${name} is now published.`);
  }

  #publisher(mediaSessionId: string): Publisher {
    const { appKey, login } = this.#identity ?? identityOf(undefined);
    const terminate = (info: string): void => {
      if (this.#publication?.stream.mediaSessionId === mediaSessionId) this.terminate(info);
    };
    const custom = this.#custom;
    return { sessionId: this.#host.sessionId, appKey, login, mediaProvider: 'Flash', custom, terminate };
  }

  /** A refused publisher is sent away, except while it publishes something else. */
  #refuse(streamId: number, description: string, code = 'NetStream.Publish.BadName'): void {
    this.#say(streamId, 'error', code, description);
    if (this.#publication === undefined) this.#host.close(`publish refused: ${description}`);
  }

  #unpublish(streamId: number, reason: string): void {
    const publication = this.publicationOf(streamId);
    if (publication === undefined) return;
    this.#publication = undefined;
    publication.end(reason);
    this.#sayUnpublished(publication, `${publication.stream.name} is now unpublished.`);
    this.#host.onPublishing(false);
  }

  #sayUnpublished(publication: Publication, description: string): void {
    this.#say(publication.streamId, 'status', 'NetStream.Unpublish.Success', description);
  }

  #say(streamId: number, level: 'status' | 'error', ...[code, description]: [string, string]): void {
    this.#host.replies.status(streamId, { level, code, description });
  }

  #fcStatus(command: string, code: string, description: string): void {
    this.#host.replies.command(0, command, 0, null, amfObject({ level: 'status', code, description }));
  }
}
