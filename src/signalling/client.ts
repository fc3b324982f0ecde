import type { LogFields } from '../domain/log.ts';
import type { Snapshots } from '../streams/contracts.ts';
import type { Streams } from '../streams/streams.ts';
import type { Identity } from './identity.ts';
import type { Plays } from './plays.ts';
import type { Publications } from './publications.ts';

/** A session as the handlers of its messages see it. */
export interface Client {
  /** Undefined until its `connection` message. */
  readonly identity: Identity | undefined;
  readonly publications: Publications;
  readonly plays: Plays;
  readonly streams: Streams;
  readonly snapshots: Snapshots;
  /** Snapshots of this session that are being taken. */
  runningSnapshots: number;
  readonly maxSnapshots: number;
  /** Lists the session under what the client says of itself. @returns its identity. */
  connect(about: ClientInfo): Identity;
  /** Sends one message; nothing once the session is over. */
  say(message: string, ...data: readonly unknown[]): void;
  /** Writes a debug line; a bounded number per session. */
  note(what: string, fields?: LogFields): void;
}

/** What a client says of itself. */
export interface ClientInfo {
  readonly appKey: string;
  readonly mediaProviders: readonly string[];
  readonly clientVersion?: string | undefined;
  readonly custom: Readonly<Record<string, string>>;
}
