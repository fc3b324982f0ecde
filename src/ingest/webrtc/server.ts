import { RecorderdError } from '../../domain/errors.ts';
import type { Logger } from '../../domain/log.ts';
import type {
  WebRtcIngest,
  WebRtcOffer,
  WebRtcPublication,
  WebRtcPublicationEvents,
} from '../../streams/contracts.ts';
import type { Stream } from '../../streams/stream.ts';
import type { Streams } from '../../streams/streams.ts';
import { Ticker } from '../../util/ticker.ts';
import { NativeTransportFactory } from './nativeTransport.ts';
import type { AddressOptions } from './nativeTransport.ts';
import { negotiate } from './negotiation.ts';
import type { CodecPreferences, Negotiated } from './negotiation.ts';
import { readOffer } from './offer.ts';
import { Publication } from './publication.ts';
import type { PublicationOptions } from './publication.ts';
import { shortReceiveBuffer } from './receiveBuffer.ts';
import type { TransportFactory } from './transport.ts';

/** Addresses, limits and manners of WebRTC reception. */
export interface WebRtcOptions extends AddressOptions, PublicationOptions {
  readonly maxPublishers: number;
  /** Absent takes H.264 and VP8 as the client prefers, and Opus before PCMA and PCMU. */
  readonly codecs?: CodecPreferences;
}

/** What the WebRTC room works with. */
export interface WebRtcDeps {
  readonly streams: Streams;
  readonly log: Logger;
  /** Stands in for libdatachannel. */
  readonly transports?: TransportFactory;
}

const DEFAULT_CODECS: CodecPreferences = { video: ['h264', 'vp8'], audio: ['opus', 'pcma', 'pcmu'] };
/** Retransmissions are asked for with this precision. */
const TICK_MS = 20;

/** Answers WebRTC offers and turns each into a stream. */
export class WebRtcServer implements WebRtcIngest {
  readonly #deps: WebRtcDeps;
  readonly #options: WebRtcOptions;
  readonly #transports: TransportFactory;
  readonly #publications = new Set<Publication>();
  readonly #closing = new Set<Promise<void>>();
  readonly #ticker = new Ticker(TICK_MS);
  #isReady = false;
  #hasToldOfTcp = false;

  constructor(deps: WebRtcDeps, options: WebRtcOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#transports = deps.transports ?? new NativeTransportFactory(options);
  }

  /**
   * Takes the UDP port. @returns the port, or the first of the range. @throws the system's error, e.g. EADDRINUSE.
   */
  async start(): Promise<number> {
    const port = await this.#transports.start();
    if (this.#options.portRange === undefined) await this.#checkBuffer();
    this.#isReady = true;
    return port;
  }

  /** Publications that have not ended. */
  get publishers(): number {
    return this.#publications.size;
  }

  async publish(offer: WebRtcOffer, events: WebRtcPublicationEvents): Promise<WebRtcPublication> {
    this.#admit(offer);
    const negotiated = negotiate(readOffer(offer.sdp), this.#options.codecs ?? DEFAULT_CODECS);
    const stream = this.#list(offer, negotiated);
    const publication = this.#create(stream, negotiated, events);
    if (offer.transport === 'TCP') this.#tellOfTcp();
    try {
      await publication.open();
    } catch (error) {
      publication.abandon();
      throw this.#refusal(error);
    }
    // The client or the server may have ended it meanwhile.
    if (stream.ended)
      throw new RecorderdError('SHUTTING_DOWN', 'the publication ended before it was answered');
    return publication;
  }

  /** Refuses new publishers from now on; what has been received of the others is in their streams on return. */
  drain(): void {
    this.#isReady = false;
    for (const publication of this.#publications) publication.flush();
  }

  /** Ends every stream. Resolves when sockets and threads are let go, after about a second at most. */
  async close(): Promise<void> {
    this.drain();
    for (const publication of [...this.#publications]) publication.finish('Requested stream shutdown');
    await Promise.all(this.#closing);
    await this.#transports.close();
  }

  /** One socket for all: what its buffer cannot hold while the machine is busy has to be sent again, if it still can be. */
  async #checkBuffer(): Promise<void> {
    const short = await shortReceiveBuffer();
    if (short !== undefined)
      this.#deps.log.warn('net.core.rmem_max is too small for many WebRTC publishers', short);
  }

  #admit({ mediaSessionId }: WebRtcOffer): void {
    if (!this.#isReady) throw new RecorderdError('SHUTTING_DOWN', 'the server is shutting down');
    if (this.#publications.size >= this.#options.maxPublishers) {
      throw new RecorderdError('LIMIT_REACHED', 'too many WebRTC publishers');
    }
    if (this.#deps.streams.byMediaSessionId(mediaSessionId) !== undefined) {
      throw new RecorderdError('BAD_REQUEST', 'MediaSessionId is already in use');
    }
  }

  #list(offer: WebRtcOffer, { audio, video }: Negotiated): Stream {
    const { name, mediaSessionId, publisher, custom, credentials = {}, record } = offer;
    const createdAt = Date.now();
    const stream = this.#deps.streams.publish({
      ...{ name, mediaSessionId, publisher, custom, credentials, record, createdAt },
      status: 'PENDING',
      expected: { audio: audio !== undefined, video: video !== undefined },
    });
    return stream;
  }

  #create(stream: Stream, negotiated: Negotiated, events: WebRtcPublicationEvents): Publication {
    const { streams, log } = this.#deps;
    try {
      const transport = this.#transports.create(stream.mediaSessionId);
      const onGone = (closed: Promise<void>): void => {
        stopTicks();
        this.#publications.delete(publication);
        this.#closing.add(closed);
        void closed.finally(() => this.#closing.delete(closed));
      };
      const publication = new Publication(
        { stream, streams, negotiated, transport, events, log, onGone },
        this.#options,
      );
      const stopTicks = this.#ticker.add(() => publication.tick(performance.now()));
      this.#publications.add(publication);
      return publication;
    } catch (error) {
      streams.unpublish(stream);
      throw this.#refusal(error);
    }
  }

  #refusal(error: unknown): RecorderdError {
    if (error instanceof RecorderdError) return error;
    this.#deps.log.error('webrtc transport failed to answer', { err: error });
    return this.#options.portRange === undefined
      ? new RecorderdError('INTERNAL', 'WebRTC transport failed', { cause: error })
      : new RecorderdError('LIMIT_REACHED', 'no free media port', { cause: error });
  }

  #tellOfTcp(): void {
    if (this.#hasToldOfTcp) return;
    this.#hasToldOfTcp = true;
    this.#deps.log.info('webrtc client asked for TCP, media goes over UDP');
  }
}
