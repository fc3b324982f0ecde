import { randomInt } from 'node:crypto';
import { isAmfObject } from './amf0.ts';
import type { AmfValue } from './amf0.ts';

/** What a connection is known by besides its addresses. */
export interface Identity {
  readonly appKey: string;
  readonly login: string;
}

const DEFAULT_APP_KEY = 'flashStreamingApp';
const LOGIN_CHARACTERS = 20;
const ALPHANUMERICS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const ALLOWED = /^[A-Za-z0-9_-]{1,64}$/;

/** The identity out of the options object that a client may add to connect; anything unusable is replaced. */
export function identityOf(options: AmfValue): Identity {
  const given = (key: string): string | undefined => {
    const value = isAmfObject(options) ? options.get(key) : undefined;
    return typeof value === 'string' && ALLOWED.test(value) ? value : undefined;
  };
  return { appKey: given('appKey') ?? DEFAULT_APP_KEY, login: given('login') ?? randomLogin() };
}

function randomLogin(): string {
  return Array.from({ length: LOGIN_CHARACTERS }, () =>
    ALPHANUMERICS.charAt(randomInt(ALPHANUMERICS.length)),
  ).join('');
}
