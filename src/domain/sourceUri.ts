import { RecorderdError } from './errors.ts';

/** Protocol that a source is pulled by, TLS included. */
export type SourceProtocol = 'rtsp' | 'rtmp';

/** Where a source is, with what may be shown of it kept apart from what may not. */
export interface SourceUri {
  readonly protocol: SourceProtocol;
  readonly host: string;
  readonly port: number;
  /** As written, but without user and password. */
  readonly shown: string;
  /** For FFmpeg only: with user and password. */
  readonly secret: string;
  /** `user:password` as written; empty when there is none. */
  readonly userInfo: string;
}

const PARTS = /^([a-z]+):\/\/([^/?#]*)(.*)$/is;
const AUTHORITY = /^(?:(.*)@)?(\[[0-9a-f:.]{2,45}\]|[\w.-]{1,253})(?::(\d{1,5}))?$/is;
const SCHEMES: Readonly<Record<string, { readonly protocol: SourceProtocol; readonly port: number }>> = {
  rtsp: { protocol: 'rtsp', port: 554 },
  rtsps: { protocol: 'rtsp', port: 322 },
  rtmp: { protocol: 'rtmp', port: 1935 },
  rtmps: { protocol: 'rtmp', port: 443 },
};
const MAX_CHARACTERS = 2048;

/**
 * Reads the URI of a source. Only rtsp, rtsps, rtmp and rtmps are sources: no files, no other protocols of FFmpeg.
 * @throws RecorderdError BAD_REQUEST that begins with WCS's "Bad URI"
 */
export function parseSourceUri(uri: string): SourceUri {
  refuseBadCharacters(uri);
  const [, scheme = '', authority = '', rest = ''] = PARTS.exec(uri) ?? [];
  const { protocol, port: usualPort } = schemeOf(scheme);
  const { userInfo, host, portText } = authorityOf(authority);
  const port = portText === '' ? usualPort : Number(portText);
  if (port < 1 || port > 65_535) throw badUri('its port is not valid');
  const place = `${host}${portText === '' ? '' : `:${portText}`}${rest}`;
  const login = userInfo === '' ? '' : `${userInfo}@`;
  return {
    protocol,
    host: host.replace(/^\[|\]$/g, ''),
    port,
    shown: `${scheme}://${place}`,
    secret: escaped(`${scheme.toLowerCase()}://${login}${place}`),
    userInfo,
  };
}

function authorityOf(authority: string) {
  const match = AUTHORITY.exec(authority);
  if (match === null) throw badUri('its host or port is not valid');
  const [, userInfo = '', host = '', portText = ''] = match;
  return { userInfo, host, portText };
}

/** `text` without the user and password of `uri` or of any URL. */
export function withoutSecrets(text: string, uri: SourceUri): string {
  const clean = text.replace(/:\/\/[^\s/?#]*@/g, '://');
  return uri.userInfo === '' ? clean : clean.replaceAll(uri.userInfo, '***');
}

/** FFmpeg's list of inputs is made of lines, and URIs have no blanks or controls (RFC 3986, 2). */
function refuseBadCharacters(uri: string): void {
  if (uri.length > MAX_CHARACTERS || /[\p{Cc}\p{Cs}\p{Z}]/u.test(uri)) {
    throw badUri(`it is longer than ${MAX_CHARACTERS} characters or holds blanks or control characters`);
  }
}

function schemeOf(scheme: string): { readonly protocol: SourceProtocol; readonly port: number } {
  const known = new Map(Object.entries(SCHEMES)).get(scheme.toLowerCase());
  if (known !== undefined) return known;
  throw badUri(`it must begin with one of ${Object.keys(SCHEMES).join(', ')} and ://`);
}

/** Characters beyond ASCII as a URI has them (RFC 3986, 2.5). */
function escaped(uri: string): string {
  return uri.replace(/[^\x21-\x7e]+/g, (text) => encodeURIComponent(text));
}

function badUri(why: string): RecorderdError {
  return new RecorderdError('BAD_REQUEST', `Bad URI: ${why}`);
}
