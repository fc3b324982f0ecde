import type { LogFields, Logger } from '../domain/log.ts';
import type { Captures } from '../streams/captures.ts';
import type { Connections } from '../streams/connections.ts';
import type { RecordingControl, Snapshots, WebRtcIngest } from '../streams/contracts.ts';
import type { Streams } from '../streams/streams.ts';
import { within } from '../util/within.ts';
import type { Client, ClientInfo } from './client.ts';
import { HANDLERS } from './handlers.ts';
import { freeSessionId, randomLogin } from './identity.ts';
import type { Identity } from './identity.ts';
import { INFO } from './infos.ts';
import { CLOSE } from './link.ts';
import type { CloseCode, Link } from './link.ts';
import { parseMessage } from './messages.ts';
import { Plays } from './plays.ts';
import { Publications } from './publications.ts';

/** Limits of one session. */
export interface SessionOptions {
  /** From the open socket to the `connection` message. */
  readonly connectTimeoutMs: number;
  /** How long the last event of a stream waits for its file to be final. */
  readonly finalTimeoutMs: number;
  readonly maxStreamsPerSession: number;
  readonly maxSnapshotsPerSession: number;
  readonly keepAlive: KeepAlive;
}

/** How clients are checked, WCS's `keep_alive.*`. */
export interface KeepAlive {
  /** By `ping` messages, by ping frames of the WebSocket protocol, or not at all. */
  readonly algorithm: 'HIGH_LEVEL' | 'INTERNAL' | 'NONE';
  readonly intervalMs: number;
  /** Pings in a row that may stay unanswered. */
  readonly probes: number;
}

/** What all sessions of a server share. */
export interface SessionDeps {
  readonly streams: Streams;
  readonly connections: Connections;
  readonly webrtc: WebRtcIngest;
  readonly recordings: RecordingControl;
  readonly snapshots: Snapshots;
  readonly captures: Captures;
  readonly log: Logger;
  readonly idsInUse: Set<string>;
  readonly refusals: { add(fields: LogFields): void };
  readonly isDraining: () => boolean;
}

const MAX_NOTES = 32;
/** Beyond the time of the last event, so that the event is out before its socket closes. */
const LAST_EVENT_MS = 1_000;

/** One client from its open socket to the end. Nothing it receives makes it throw. */
export class Session implements Client {
  readonly publications: Publications;
  readonly plays: Plays;
  readonly streams: Streams;
  readonly snapshots: Snapshots;
  readonly maxSnapshots: number;
  runningSnapshots = 0;
  readonly #deps: SessionDeps;
  readonly #options: SessionOptions;
  readonly #link: Link;
  readonly #plainId: string;
  readonly #log: Logger;
  readonly #openedAt = performance.now();
  #identity: Identity | undefined;
  #unlist: (() => void) | undefined;
  #unanswered = 0;
  #notes = 0;
  #reason: string | undefined;
  #isClosing = false;
  #isClosed = false;
  #isFaulty = false;

  /** @param plainId `/clientIP:port/serverIP:port` of the socket. */
  constructor(deps: SessionDeps, options: SessionOptions, link: Link, plainId: string) {
    this.#deps = deps;
    this.#options = options;
    this.#link = link;
    this.#plainId = plainId;
    this.#log = deps.log.child({ sessionId: plainId });
    this.streams = deps.streams;
    this.snapshots = deps.snapshots;
    this.maxSnapshots = options.maxSnapshotsPerSession;
    this.plays = new Plays(deps.captures, deps.streams, options.maxStreamsPerSession);
    this.publications = new Publications({
      ...deps,
      log: this.#log,
      finalTimeoutMs: options.finalTimeoutMs,
      maxStreams: options.maxStreamsPerSession,
      say: (message, ...data) => this.say(message, ...data),
    });
  }

  get identity(): Identity | undefined {
    return this.#identity;
  }

  /** Why the session ended; the first cause. */
  get reason(): string {
    return this.#reason ?? 'connection closed by the client';
  }

  /** True when the client broke the protocol or a limit. */
  get isFaulty(): boolean {
    return this.#isFaulty;
  }

  /** Takes one text message of the client. */
  receive(text: string): void {
    this.#unanswered = 0;
    if (this.#isClosing) return;
    try {
      const message = parseMessage(text);
      if (message === undefined)
        this.fault(CLOSE.policyViolation, 'message is not of the form {message, data}');
      else this.#serve(message.name, message.body);
    } catch (err) {
      this.#log.error('web sdk message failed', { err });
      this.fault(CLOSE.internalError, 'message could not be served');
    }
  }

  /** The client is alive: something came that is no message. */
  alive(): void {
    this.#unanswered = 0;
  }

  /** The client broke a rule: its streams end and the socket closes with the reason. */
  fault(code: CloseCode, reason: string): void {
    if (this.#isClosing) return;
    this.#isFaulty = true;
    this.#begin(reason);
    void this.publications.endAll(INFO.sessionDisconnect);
    this.#link.close(code, reason);
  }

  /** To be called once per keep-alive interval. */
  probe(): void {
    const { algorithm, probes } = this.#options.keepAlive;
    if (this.#unanswered >= probes) {
      this.#begin(INFO.keepAlive);
      void this.publications.endAll(INFO.keepAlive);
      this.#link.terminate();
      return;
    }
    this.#unanswered++;
    if (algorithm === 'HIGH_LEVEL') this.say('ping', null);
    else this.#link.ping();
  }

  /** Enforces the time to `connection`. @param now `performance.now()`. */
  check(now: number): void {
    if (this.#identity !== undefined || now - this.#openedAt <= this.#options.connectTimeoutMs) return;
    this.fault(CLOSE.policyViolation, 'no connection message in time');
  }

  /** Ends every stream, tells the client about each, then closes the socket. `info` is WCS's text. */
  async terminate(info: string, code: CloseCode = CLOSE.normal): Promise<void> {
    if (this.#isClosing) return;
    this.#begin(info);
    await within(this.publications.endAll(info), this.#options.finalTimeoutMs + LAST_EVENT_MS);
    this.#link.close(code, info);
  }

  /** The client left more unread than it may; its link cuts it off. */
  overflowed(): void {
    this.#isFaulty = true;
    this.#begin('the client does not read what is sent to it');
  }

  /** The socket is gone. */
  closed(): void {
    this.#isClosed = true;
    this.#begin(this.reason);
    void this.publications.endAll(INFO.sessionDisconnect);
  }

  connect(about: ClientInfo): Identity {
    const { appKey, mediaProviders, clientVersion, custom } = about;
    const { connections } = this.#deps;
    const sessionId = freeSessionId(this.#plainId, connections);
    const identity = { sessionId, appKey, login: randomLogin(), custom };
    this.#identity = identity;
    this.#unlist = connections.add({
      ...identity,
      mediaProvider: 'WebRTC',
      createdAt: Date.now(),
      mediaProviders,
      ...(clientVersion === undefined ? {} : { clientVersion }),
      terminate: (info) => void this.terminate(info),
    });
    this.#log.debug('web sdk session established', { sessionId, appKey });
    return identity;
  }

  say(message: string, ...data: readonly unknown[]): void {
    if (!this.#isClosed) this.#link.send(JSON.stringify({ message, data }));
  }

  note(what: string, fields: LogFields = {}): void {
    if (this.#notes++ < MAX_NOTES) this.#log.debug(what, fields);
  }

  #serve(name: string, body: unknown): void {
    const handle = HANDLERS.get(name);
    if (handle === undefined) this.note('unknown message ignored', { name: name.slice(0, 64) });
    else handle(this, body);
  }

  /** From now on nothing is taken from the client and REST does not list it. */
  #begin(reason: string): void {
    this.#reason ??= reason;
    this.#isClosing = true;
    this.plays.end();
    this.#unlist?.();
    this.#unlist = undefined;
  }
}
