import type { Logger } from '../../domain/log.ts';
import type { Connections } from '../../streams/connections.ts';
import type { Streams } from '../../streams/streams.ts';
import type { LeapBounds } from '../../streams/timeline.ts';
import type { Crossing } from '../../tcp/crossing.ts';
import type { Link } from '../../tcp/socketLink.ts';
import { splitAggregate } from './aggregate.ts';
import { messageValues, readCall } from './call.ts';
import { ChunkReader } from './chunkReader.ts';
import type { ChunkLimits } from './chunkStreams.ts';
import { Handshake } from './handshake.ts';
import { NetConnection } from './netConnection.ts';
import { MESSAGE_TYPE, ProtocolError, USER_EVENT } from './protocol.ts';
import type { MessageSink } from './protocol.ts';
import { Replies } from './replies.ts';

/** Limits of one session. */
export interface SessionOptions extends ChunkLimits {
  /** From the connection to the end of the handshake. */
  readonly handshakeTimeoutMs: number;
  /** Without a publication. */
  readonly publishTimeoutMs: number;
  /** Without a byte while publishing. */
  readonly publisherTimeoutMs: number;
  /** Longest command or data message, bytes. */
  readonly maxCommandBytes: number;
  /** Set Chunk Size that is announced, bytes. */
  readonly chunkSize: number;
  /** Beyond which timestamps of a publisher are mended. */
  readonly leapBounds: LeapBounds;
}

/** What all sessions of a server share. */
export interface SessionDeps {
  readonly streams: Streams;
  readonly connections: Connections;
  readonly log: Logger;
  /** True when new publishers are to be refused. */
  readonly isDraining: () => boolean;
  /** See {@link Crossing.moves}. */
  readonly moves: Crossing['moves'];
}

type Phase = 'handshake' | 'idle' | 'publishing' | 'closing' | 'closed';

/** How long a client may take to read the last words. */
const CLOSING_MS = 1_000;
const REPORT_MS = 1_000;

/**
 * One client from its first byte to its last: handshake, messages, time limits. Nothing it receives makes it throw;
 * a protocol error closes this connection only.
 */
export class Session implements MessageSink {
  readonly #options: SessionOptions;
  readonly #link: Link;
  readonly #log: Logger;
  readonly #replies: Replies;
  readonly #reader: ChunkReader;
  readonly #connection: NetConnection;
  #handshake: Handshake | undefined;
  #phase: Phase = 'handshake';
  /** Start of the phase, or of the silence while publishing; `performance.now()`. */
  #since = performance.now();
  #reportedAt = 0;
  #bytes = 0;
  #isHeld = false;
  #ackWindowBytes = Infinity;
  #bytesAcknowledged = 0;
  #reason: string | undefined;
  #isFaulty = false;
  #hasPublished = false;

  constructor(deps: SessionDeps, options: SessionOptions, link: Link, sessionId: string) {
    this.#options = options;
    this.#link = link;
    this.#log = deps.log.child({ sessionId });
    this.#replies = new Replies((bytes) => this.#send(bytes));
    this.#reader = new ChunkReader(options, this);
    this.#handshake = new Handshake((bytes) => this.#send(bytes));
    this.#connection = new NetConnection({
      ...deps,
      log: this.#log,
      sessionId,
      replies: this.#replies,
      chunkBytes: options.chunkSize,
      leapBounds: options.leapBounds,
      moves: (name) => this.#moves(deps.moves(name)),
      onPublishing: (publishing) => this.#onPublishing(publishing),
      onHold: (held) => this.#link.setHeld((this.#isHeld = held)),
      onWake: () => this.#link.wake(),
      close: (reason) => this.#close(reason),
    });
  }

  /** Why the session ended; the first cause. */
  get reason(): string {
    return this.#reason ?? 'connection closed by the client';
  }

  /** True when the client broke the protocol or a limit. */
  get isFaulty(): boolean {
    return this.#isFaulty;
  }

  /** True once this client has published a stream. */
  get hasPublished(): boolean {
    return this.#hasPublished;
  }

  /** Takes bytes from the client. */
  receive(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#phase === 'publishing') this.#since = performance.now();
    if (!this.#isOver()) this.#use(chunk);
    // The client is not read for a while.
    if (this.#link.onRead(chunk.length)) this.#connection.flush();
  }

  onMessage(type: number, streamId: number, timestamp: number, payload: Buffer): void {
    if (this.#isOver()) return;
    switch (type) {
      case MESSAGE_TYPE.video:
        this.#connection.publicationOf(streamId)?.video(timestamp, payload);
        break;
      case MESSAGE_TYPE.audio:
        this.#connection.publicationOf(streamId)?.audio(timestamp, payload);
        break;
      case MESSAGE_TYPE.aggregate:
        splitAggregate(streamId, timestamp, payload, this);
        break;
      case MESSAGE_TYPE.commandAmf0:
      case MESSAGE_TYPE.commandAmf3:
        this.#command(type, streamId, payload);
        break;
      case MESSAGE_TYPE.dataAmf0:
      case MESSAGE_TYPE.dataAmf3:
        this.#data(type, streamId, payload);
        break;
      default:
        this.#control(type, payload);
    }
  }

  /** Enforces the time limits; `now` is `performance.now()`. To be called several times within each limit. */
  check(now: number): void {
    // A publisher that is made to wait is not silent.
    if (this.#phase === 'publishing' && this.#isHeld) this.#since = now;
    if (now - this.#since > this.#limitMs()) this.#timeOut();
    if (now - this.#reportedAt < REPORT_MS) return;
    this.#reportedAt = now;
    this.#connection.reportProblems();
  }

  /** Says goodbye and ends everything. `info` is the text for the client. */
  terminate(info: string): void {
    if (this.#phase === 'handshake') this.#abort(info);
    else if (!this.#isOver()) this.#connection.terminate(info);
  }

  /** Told when the connection is gone. `error` is its cause, if any; without a stream any end is an ordinary one. */
  closed(error?: Error): void {
    this.#abort(this.#phase === 'publishing' && error !== undefined ? error.message : this.reason);
  }

  #moves(isMoving: boolean): boolean {
    if (isMoving) this.#phase = 'closed';
    return isMoving;
  }

  #isOver(): boolean {
    return this.#phase === 'closing' || this.#phase === 'closed';
  }

  #use(chunk: Buffer): void {
    try {
      const rest = this.#shakeHands(chunk);
      if (rest !== undefined) this.#reader.push(rest);
      this.#acknowledge();
    } catch (error) {
      this.#fail(error);
    }
  }

  #shakeHands(chunk: Buffer): Buffer | undefined {
    if (this.#handshake === undefined) return chunk;
    const rest = this.#handshake.push(chunk);
    if (rest !== undefined) {
      this.#handshake = undefined;
      this.#enter('idle');
    }
    return rest;
  }

  #command(type: number, streamId: number, payload: Buffer): void {
    if (payload.length > this.#options.maxCommandBytes) {
      throw new ProtocolError(`command of ${payload.length} bytes; at most ${this.#options.maxCommandBytes}`);
    }
    this.#connection.call(readCall(type, streamId, payload));
  }

  /** Metadata is a hint: what cannot be read is passed over. */
  #data(type: number, streamId: number, payload: Buffer): void {
    const publication = this.#connection.publicationOf(streamId);
    if (publication === undefined || payload.length > this.#options.maxCommandBytes) return;
    try {
      const values = messageValues(type, payload);
      if (values[0] === '@setDataFrame') values.shift();
      if (values[0] === 'onMetaData') publication.metadata(values[1]);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
  }

  #control(type: number, payload: Buffer): void {
    if (payload.length < 4) return;
    if (type === MESSAGE_TYPE.windowAckSize) {
      this.#ackWindowBytes = Math.max(1, payload.readUInt32BE(0));
    } else if (type === MESSAGE_TYPE.userControl && payload.readUInt16BE(0) === USER_EVENT.pingRequest) {
      this.#replies.pong(payload.subarray(2, 6));
    }
  }

  /** Acknowledges once per window (RTMP 1.0, 5.4.3), and once per read when several windows came at once. */
  #acknowledge(): void {
    if (this.#bytes - this.#bytesAcknowledged < this.#ackWindowBytes) return;
    this.#bytesAcknowledged = this.#bytes;
    this.#replies.acknowledge(this.#bytes);
  }

  #onPublishing(publishing: boolean): void {
    this.#hasPublished ||= publishing;
    this.#enter(publishing ? 'publishing' : 'idle');
    this.#link.setBatched(publishing);
  }

  #enter(phase: Phase): void {
    if (this.#isOver()) return;
    this.#phase = phase;
    this.#since = performance.now();
  }

  #limitMs(): number {
    switch (this.#phase) {
      case 'handshake':
        return this.#options.handshakeTimeoutMs;
      case 'idle':
        return this.#options.publishTimeoutMs;
      case 'publishing':
        return this.#options.publisherTimeoutMs;
      case 'closing':
        return CLOSING_MS;
      case 'closed':
        return Infinity;
    }
  }

  #timeOut(): void {
    if (this.#phase === 'handshake') this.#abort(`no handshake within ${this.#limitMs()} ms`);
    else if (this.#phase === 'idle') this.#close(`nothing published for ${this.#limitMs()} ms`);
    else if (this.#phase === 'publishing') this.#abort(`publisher silent for ${this.#limitMs()} ms`);
    else this.#abort(this.reason);
  }

  #send(bytes: Buffer): void {
    if (this.#phase !== 'closed' && !this.#link.send(bytes))
      this.#fail(new ProtocolError('replies are not read'));
  }

  #fail(error: unknown): void {
    this.#isFaulty = true;
    if (!(error instanceof ProtocolError)) this.#log.error('rtmp session failed', { err: error });
    this.#abort(error instanceof ProtocolError ? error.message : 'internal error');
  }

  /** Resolves when what the kernel holds now is in the stream; from now on everything is read at once. */
  arrived(): Promise<void> {
    return new Promise((resolve) => this.#link.readArrived(resolve));
  }

  /** What has arrived is used before the connection closes. */
  #close(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#link.readArrived(() => this.#finish());
  }

  #finish(): void {
    if (this.#isOver()) return;
    this.#enter('closing');
    this.#endPublication();
    this.#link.end();
  }

  #abort(reason: string): void {
    if (this.#phase === 'closed') return;
    this.#reason ??= reason;
    this.#phase = 'closed';
    this.#endPublication();
    this.#link.destroy();
  }

  /** A subscriber that fails at the end of a stream must not take the process down. */
  #endPublication(): void {
    try {
      this.#connection.end(this.reason);
    } catch (error) {
      this.#log.error('ending an rtmp stream failed', { err: error });
    }
  }
}
