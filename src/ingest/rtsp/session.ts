import { RecorderdError } from '../../domain/errors.ts';
import type { ErrorCode } from '../../domain/errors.ts';
import type { Logger } from '../../domain/log.ts';
import type { ClientSession } from '../../tcp/clientServer.ts';
import type { Link } from '../../tcp/socketLink.ts';
import { Control } from './control.ts';
import type { ControlHost, ControlOptions } from './control.ts';
import { cseqOf, RtspError, writeReply } from './message.ts';
import type { Reply, RtspRequest } from './message.ts';
import type { Publication } from './publication.ts';
import { RequestQueue } from './requestQueue.ts';
import { RequestReader } from './requestReader.ts';
import type { ReaderLimits, ReaderSink } from './requestReader.ts';

/** Limits of one session. */
export interface SessionOptions extends ReaderLimits, ControlOptions {
  /** From the connection to the first whole request, and from the first byte of any request to its last. */
  readonly requestTimeoutMs: number;
  /** Without a publication. */
  readonly publishTimeoutMs: number;
  /** Without media while publishing. */
  readonly publisherTimeoutMs: number;
}

/** What a session is given by its server. */
export type SessionDeps = Omit<ControlHost, 'onPublishing' | 'onHold' | 'send' | 'close'>;

type Phase = 'opening' | 'idle' | 'publishing' | 'closing' | 'closed';

/** How long a client may take to read the last words. */
const CLOSING_MS = 1_000;

/** What publishers are told; the messages of the errors hold their own words. */
const REFUSALS: ReadonlyMap<ErrorCode, Reply> = new Map<ErrorCode, Reply>([
  ['STREAM_NAME_IN_USE', { status: 409, reason: 'Stream name is already in use' }],
  // Not 401: it would offer a way of logging in.
  ['UNAUTHORIZED', { status: 403, reason: 'Wrong token' }],
  ['LIMIT_REACHED', { status: 503, reason: 'Too many streams or recordings' }],
  ['SHUTTING_DOWN', { status: 503, reason: 'The server is shutting down' }],
]);

/**
 * One client from its first byte to its last: requests in order, interleaved media, time limits. Nothing it receives
 * makes it throw; what cannot be understood closes this connection only.
 */
export class Session implements ReaderSink, ClientSession {
  readonly #options: SessionOptions;
  readonly #link: Link;
  readonly #log: Logger;
  readonly #reader: RequestReader;
  readonly #control: Control;
  readonly #requests: RequestQueue;
  #publication: Publication | undefined;
  #phase: Phase = 'opening';
  /** Start of the phase; `performance.now()`. */
  #since = performance.now();
  /** Since when one message has been begun and is not whole. */
  #begunSince: number | undefined;
  #completed = 0;
  #isHeld = false;
  #releasedMs = -Infinity;
  #reason: string | undefined;
  #isFaulty = false;
  #hasPublished = false;

  constructor(deps: SessionDeps, options: SessionOptions, link: Link) {
    this.#options = options;
    this.#link = link;
    this.#log = deps.log.child({ sessionId: deps.client.sessionId });
    this.#reader = new RequestReader(options, this);
    this.#requests = new RequestQueue({
      handle: (request) => this.#handle(request),
      replyTo: (error) => this.#replyTo(error),
      say: (reply, request) => this.#say(reply, request),
    });
    this.#control = new Control(
      {
        ...deps,
        log: this.#log,
        moves: (name) => this.#moves(deps.moves(name)),
        onPublishing: (publication) => this.#onPublishing(publication),
        onHold: (held) => this.#hold(held),
        send: (bytes) => this.#send(bytes),
        close: (reason) => this.#close(reason),
      },
      options,
    );
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
    if (this.#isOver()) return;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#refuse(error);
    }
    const { isIdle, completed } = this.#reader;
    if (isIdle) this.#begunSince = undefined;
    else if (this.#begunSince === undefined || completed !== this.#completed)
      this.#begunSince = performance.now();
    this.#completed = completed;
  }

  takesFrames(channel: number): boolean {
    return this.#control.lineOf(channel) !== undefined;
  }

  onFrame(channel: number, data: Buffer): void {
    this.#control.lineOf(channel)?.frame(channel, data);
  }

  onRequest(request: RtspRequest): void {
    if (this.#isOver()) return;
    if (this.#phase === 'opening') this.#enter('idle');
    this.#requests.push(request);
  }

  /** Enforces the time limits; `now` is `performance.now()`. To be called several times within each limit. */
  check(now: number): void {
    const { requestTimeoutMs } = this.#options;
    const isBegun = this.#begunSince !== undefined && this.#phase === 'idle';
    if (isBegun && now - (this.#begunSince ?? now) > requestTimeoutMs) {
      this.#refuse(new RtspError(408, `no whole request within ${requestTimeoutMs} ms`, { closes: true }));
    } else if (now - this.#activeSince() > this.#limitMs()) this.#timeOut();
  }

  /** Says goodbye and ends everything. */
  terminate(info: string): void {
    if (this.#phase === 'opening') this.#abort(info);
    else if (!this.#isOver()) this.#control.terminate(info);
  }

  /** Resolves when what the kernel holds now has been read. */
  arrived(): Promise<void> {
    return new Promise((resolve) => this.#link.readArrived(resolve));
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

  #handle(request: RtspRequest): Reply | Promise<Reply> {
    try {
      if (cseqOf(request) === undefined) throw new RtspError(400, 'CSeq is missing', { closes: true });
      return this.#control.handle(request);
    } catch (error) {
      return this.#replyTo(error);
    }
  }

  #replyTo(error: unknown): Reply {
    if (error instanceof RtspError) {
      const { status, message: reason, headers, closes } = error;
      return { status, reason, headers, ...(closes ? { closes: reason } : {}) };
    }
    if (error instanceof RecorderdError) {
      const refused = REFUSALS.get(error.code) ?? { status: 503 };
      // One guess per connection.
      return error.code === 'UNAUTHORIZED'
        ? { ...refused, closes: `publish refused: ${error.message}` }
        : refused;
    }
    this.#log.error('rtsp session failed', { err: error });
    return { status: 500, closes: 'internal error' };
  }

  #say(reply: Reply, request?: RtspRequest): void {
    if (this.#isOver()) return;
    this.#log.debug('rtsp request', { method: request?.method, status: reply.status, reason: reply.reason });
    // Not to know the token breaks no protocol.
    this.#isFaulty ||= reply.closes !== undefined && reply.status !== 403;
    this.#send(writeReply(reply, request && cseqOf(request)));
    if (reply.closes !== undefined) this.#close(reply.closes);
  }

  /** An error in what came: the client is told, and nothing that follows is read. */
  #refuse(error: unknown): void {
    const reply = this.#replyTo(error);
    this.#say({ ...reply, closes: reply.closes ?? reply.reason ?? 'refused' });
  }

  #onPublishing(publication: Publication | undefined): void {
    this.#publication = publication;
    this.#hasPublished ||= publication !== undefined;
    this.#enter(publication === undefined ? 'idle' : 'publishing');
  }

  #hold(held: boolean): void {
    this.#isHeld = held;
    this.#releasedMs = performance.now();
    this.#link.setHeld(held);
  }

  #enter(phase: Phase): void {
    if (this.#isOver()) return;
    this.#phase = phase;
    // The time to publish runs from the connection on, whatever is asked in it.
    if (phase !== 'idle' || this.#hasPublished) this.#since = performance.now();
  }

  #activeSince(): number {
    if (this.#phase !== 'publishing') return this.#since;
    // A publisher that is made to wait is not silent.
    return this.#isHeld ? Infinity : Math.max(this.#publication?.lastMediaMs ?? 0, this.#releasedMs);
  }

  #limitMs(): number {
    switch (this.#phase) {
      case 'opening':
        return this.#options.requestTimeoutMs;
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
    const limit = this.#limitMs();
    if (this.#phase === 'opening') this.#abort(`no whole request within ${limit} ms`);
    else if (this.#phase === 'idle') this.#close(`nothing published for ${limit} ms`);
    else if (this.#phase === 'publishing') this.#abort(`publisher silent for ${limit} ms`);
    else this.#abort(this.reason);
  }

  #send(bytes: Buffer): void {
    if (this.#phase === 'closed' || this.#link.send(bytes)) return;
    this.#isFaulty = true;
    this.#abort('replies are not read');
  }

  /** What was said is sent before the connection closes. */
  #close(reason: string): void {
    if (this.#isOver()) return;
    this.#reason ??= reason;
    this.#enter('closing');
    this.#end();
    this.#link.end();
  }

  #abort(reason: string): void {
    if (this.#phase === 'closed') return;
    this.#reason ??= reason;
    this.#phase = 'closed';
    this.#end();
    this.#link.destroy();
  }

  #end(): void {
    this.#reader.stop();
    this.#requests.clear();
    this.#control.end(this.reason);
  }
}
