import { randomInt, randomUUID } from 'node:crypto';
import type { CustomParameters } from '../domain/publisher.ts';
import type { Connections } from '../streams/connections.ts';

/** What a Web SDK session is known by. */
export interface Identity {
  readonly sessionId: string;
  readonly appKey: string;
  readonly login: string;
  readonly custom: CustomParameters;
}

const LOGIN_CHARACTERS = 26;
/** WCS's logins are numbers to the base of 32. */
const DIGITS = '0123456789abcdefghijklmnopqrstuv';

/** A login as WCS gives it to a client without SIP, e.g. `737lrm8t053nlg8c2n23ctco33`. */
export function randomLogin(): string {
  return Array.from({ length: LOGIN_CHARACTERS }, () => DIGITS.charAt(randomInt(DIGITS.length))).join('');
}

/** `plain`, unless a session of that name is listed already: then with a UUID behind it, as newer WCS do always. */
export function freeSessionId(plain: string, connections: Connections): string {
  return connections.bySessionId(plain) === undefined ? plain : `${plain}-${randomUUID()}`;
}
