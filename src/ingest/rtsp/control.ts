import { randomBytes } from 'node:crypto';
import type { Logger } from '../../domain/log.ts';
import type { Connections } from '../../streams/connections.ts';
import type { Streams } from '../../streams/streams.ts';
import type { ClientPlace } from '../../tcp/clientPlace.ts';
import { readAnnouncement } from './announce.ts';
import { Announced } from './announced.ts';
import type { AnnouncedOptions } from './announced.ts';
import type { MediaPorts } from './mediaPorts.ts';
import { RtspError } from './message.ts';
import type { Reply, RtspRequest } from './message.ts';
import { Publication } from './publication.ts';
import type { PublicationOptions } from './publication.ts';
import { streamNameOf } from './streamName.ts';

/** Limits of what a client may ask for. */
export interface ControlOptions extends AnnouncedOptions, PublicationOptions {
  readonly maxTracks: number;
}

/** What the requests of a client work on. */
export interface ControlHost {
  readonly streams: Streams;
  readonly connections: Connections;
  readonly log: Logger;
  readonly client: ClientPlace;
  readonly ports: MediaPorts;
  /** True when new publishers are to be refused. */
  readonly isDraining: () => boolean;
  /** True when another process serves the stream, and this connection is over here. */
  readonly moves: (streamName: string) => boolean;
  /** Starts the periodic work of a publication; the returned function ends it. */
  readonly attend: (publication: Publication) => () => void;
  /** Told when a publication begins, and when it ends. */
  readonly onPublishing: (publication: Publication | undefined) => void;
  /** The media shall wait (true) or go on (false). */
  readonly onHold: (held: boolean) => void;
  /** Takes interleaved packets for the client. */
  readonly send: (bytes: Buffer) => void;
  /** Closes the connection once what was said has been sent. */
  readonly close: (reason: string) => void;
}

type Handler = (control: Control, request: RtspRequest) => Reply | Promise<Reply>;

const PUBLIC = 'OPTIONS, ANNOUNCE, SETUP, RECORD, TEARDOWN, GET_PARAMETER, SET_PARAMETER';
const REFUSED_PLAY = 'This server records and does not play';
/** Sessions are kept alive by their media; this is what clients are told to keep to. */
const SESSION_TIMEOUT_SECONDS = 60;

/**
 * The requests of one client (RFC 2326, 10): one stream at a time, any number one after another. A session belongs to
 * its connection and ends with it.
 */
export class Control {
  /** By name; a Map, because the name is the client's. */
  static readonly #HANDLERS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
    ['OPTIONS', () => ({ status: 200, headers: { Public: PUBLIC } })],
    ['ANNOUNCE', (control, request) => control.#announce(request)],
    ['SETUP', (control, request) => control.#setup(request)],
    ['RECORD', (control, request) => control.#record(request)],
    ['TEARDOWN', (control, request) => control.#teardown(request)],
    ['GET_PARAMETER', (_, request) => parameter(request)],
    ['SET_PARAMETER', (_, request) => parameter(request)],
    ['DESCRIBE', () => refusal(405, REFUSED_PLAY)],
    ['PLAY', () => refusal(405, REFUSED_PLAY)],
    ['PAUSE', () => refusal(501, 'A recording cannot be paused')],
    ['REDIRECT', () => refusal(405, 'Only a server can redirect')],
  ]);

  readonly #host: ControlHost;
  readonly #options: ControlOptions;
  #sessionId = '';
  #announced: Announced | undefined;
  #publication: Publication | undefined;
  #unlist: (() => void) | undefined;

  constructor(host: ControlHost, options: ControlOptions) {
    this.#host = host;
    this.#options = options;
  }

  /** The line that takes the frames of an interleaved channel. */
  lineOf(channel: number): ReturnType<Announced['lineOf']> {
    return this.#announced?.lineOf(channel);
  }

  /** Obeys a request. @throws RtspError when it is refused. */
  handle(request: RtspRequest): Reply | Promise<Reply> {
    const handler = Control.#HANDLERS.get(request.method);
    if (handler === undefined) return refusal(501, 'Method is not known');
    const required = request.headers.get('require');
    if (required !== undefined)
      throw new RtspError(551, 'Option not supported', { headers: { Unsupported: oneLine(required) } });
    const session = request.headers.get('session')?.split(';', 1)[0]?.trim();
    if (session !== undefined && session !== this.#sessionId) throw new RtspError(454, 'Session Not Found');
    return handler(this, request);
  }

  /** Says goodbye and closes the connection. */
  terminate(info: string): void {
    const publication = this.#publication;
    this.#publication = undefined;
    publication?.finish(info);
    this.#host.close(info);
  }

  /** Ends the session, with UDP media after what is still on its way. Later calls do nothing. */
  end(reason: string): void {
    this.#unlist?.();
    this.#unlist = undefined;
    const publication = this.#publication;
    this.#publication = undefined;
    if (publication === undefined) this.#announced?.close();
    this.#announced = undefined;
    this.#sessionId = '';
    publication?.leave(reason);
  }

  #announce(request: RtspRequest): Reply {
    if (this.#announced !== undefined) throw outOfOrder('This connection has announced a stream already');
    this.#refuseWhileDraining();
    const type = request.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
    if (type !== undefined && type !== 'application/sdp')
      throw new RtspError(415, 'Only application/sdp can be announced', {
        headers: { Accept: 'application/sdp' },
      });
    const named = streamNameOf(request.uri);
    const tracks = readAnnouncement(request.body.toString('utf8'), this.#options.maxTracks);
    this.#host.streams.admit(named.name, [named.custom]);
    if (this.#host.moves(named.name)) return { status: 200 };
    const { client, ports, send } = this.#host;
    this.#announced = new Announced({ named, tracks, client, ports, send }, this.#options);
    this.#sessionId = randomBytes(8).toString('hex');
    const { sessionId, mediaProvider, appKey, login, custom } = this.#announced.identity;
    this.#unlist = this.#host.connections.add({
      ...{ sessionId, mediaProvider, appKey, login, custom, createdAt: Date.now() },
      terminate: (info) => this.terminate(info),
    });
    this.#warnOfLeftOut(this.#announced);
    return { status: 200, headers: this.#sessionHeader() };
  }

  async #setup(request: RtspRequest): Promise<Reply> {
    const announced = this.#announced;
    if (announced === undefined) throw outOfOrder('SETUP comes after ANNOUNCE');
    if (this.#publication !== undefined) throw outOfOrder('SETUP comes before RECORD');
    const transport = await announced.setup(request.uri, request.headers.get('transport') ?? '');
    // The connection may have been closed meanwhile.
    if (this.#announced !== announced) announced.close();
    return { status: 200, headers: { Transport: transport, ...this.#sessionHeader() } };
  }

  #record(request: RtspRequest): Reply {
    const announced = this.#announced;
    if (announced === undefined || !announced.isSetUp)
      throw outOfOrder(`RECORD comes after ${announced === undefined ? 'ANNOUNCE and SETUP' : 'SETUP'}`);
    if (this.#publication !== undefined) throw outOfOrder('The stream is being recorded already');
    if (!request.headers.has('session')) throw new RtspError(454, 'Session Not Found');
    this.#refuseWhileDraining();
    this.#publish(announced);
    return { status: 200, headers: this.#sessionHeader() };
  }

  #teardown(request: RtspRequest): Reply {
    if (this.#announced === undefined || !request.headers.has('session'))
      throw new RtspError(454, 'Session Not Found');
    const headers = this.#sessionHeader();
    const hasPublished = this.#publication !== undefined;
    this.end('TEARDOWN');
    if (hasPublished) this.#host.onPublishing(undefined);
    return { status: 200, headers };
  }

  #publish(announced: Announced): void {
    const { streams, log, onHold } = this.#host;
    const identity = announced.identity;
    const { streamInit, lines } = announced;
    const terminate = (info: string): void => {
      if (this.#publication === publication) this.terminate(info);
    };
    const stream = streams.publish({ ...streamInit, publisher: { ...identity, terminate } });
    const publication = new Publication(
      { stream, streams, lines, log, onGone: () => this.#gone(publication, stopTicks) },
      this.#options,
    );
    const stopTicks = this.#host.attend(publication);
    this.#publication = publication;
    if (lines.every((line) => line.isOrdered)) stream.setPaused = onHold;
    this.#host.onPublishing(publication);
  }

  #gone(publication: Publication, stopTicks: () => void): void {
    stopTicks();
    if (this.#publication !== publication) return;
    // It ended by a fault; nothing more can be done with what the client sends.
    this.#publication = undefined;
    this.#host.close('the stream has ended');
  }

  #refuseWhileDraining(): void {
    if (this.#host.isDraining()) throw new RtspError(503, 'The server is shutting down');
  }

  #warnOfLeftOut(announced: Announced): void {
    const { leftOut, name } = announced;
    if (leftOut.length === 0) return;
    this.#host.log.warn('rtsp tracks are left out', { streamName: name, tracks: leftOut });
  }

  #sessionHeader(): Readonly<Record<string, string>> {
    return { Session: `${this.#sessionId};timeout=${SESSION_TIMEOUT_SECONDS}` };
  }
}

function outOfOrder(reason: string): RtspError {
  return new RtspError(455, reason);
}

function refusal(status: 405 | 501, reason: string): Reply {
  return { status, reason, headers: { Allow: PUBLIC } };
}

/** Clients keep a session alive with it; there are no parameters to get or set. */
function parameter({ body }: RtspRequest): Reply {
  return body.toString('latin1').trim() === '' ? { status: 200 } : { status: 451 };
}

/** Text of a client that goes back to it. */
function oneLine(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 256);
}
