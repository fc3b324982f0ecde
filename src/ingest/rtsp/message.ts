/** Reason phrases of the statuses that the server gives (RFC 2326, 7.1.1; 409 and 431 are HTTP's). */
const REASONS = {
  200: 'OK',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  413: 'Request Entity Too Large',
  415: 'Unsupported Media Type',
  431: 'Request Header Fields Too Large',
  451: 'Parameter Not Understood',
  454: 'Session Not Found',
  455: 'Method Not Valid in This State',
  461: 'Unsupported Transport',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  505: 'RTSP Version Not Supported',
  551: 'Option not supported',
} as const;

export type Status = keyof typeof REASONS;

/** One request of a client (RFC 2326, 6). */
export interface RtspRequest {
  readonly method: string;
  /** As sent; `*` for the server as a whole. */
  readonly uri: string;
  /** Names in lower case; values of repeated fields are joined by a comma and a blank. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** What the server says to a request. */
export interface Reply {
  readonly status: Status;
  /** Takes the place of the standard phrase: encoders show it to their users. Fixed texts only. */
  readonly reason?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Why the connection closes once the reply is sent. */
  readonly closes?: string;
}

/** What an error has besides its status. */
interface RtspErrorMore extends ErrorOptions {
  readonly closes?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request that is refused. With `closes` nothing that follows on the connection can be understood. */
export class RtspError extends Error {
  override readonly name = 'RtspError';
  readonly status: Status;
  readonly closes: boolean;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: Status, reason: string, more: RtspErrorMore = {}) {
    super(reason, more);
    this.status = status;
    this.closes = more.closes ?? false;
    this.headers = more.headers ?? {};
  }
}

/** A head without its body. */
export type RequestHead = Omit<RtspRequest, 'body'>;

const START_LINE = /^([A-Z_]{1,32}) (\S+) RTSP\/(\d{1,3}\.\d{1,3})$/;
const RESPONSE_LINE = /^RTSP\/\d/;
const FIELD = /^([A-Za-z0-9!#$%&'*+\-.^_`|~]{1,64})[ \t]*:(.*)$/;
const MAX_FIELDS = 64;

function broken(reason: string): RtspError {
  return new RtspError(400, reason, { closes: true });
}

function fields(lines: readonly string[]): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  let last: string | undefined;
  if (lines.length > MAX_FIELDS)
    throw new RtspError(431, `more than ${MAX_FIELDS} header fields`, { closes: true });
  for (const line of lines) {
    if (/^[ \t]/.test(line) && last !== undefined) {
      headers.set(last, `${headers.get(last) ?? ''} ${line.trim()}`);
      continue;
    }
    const [, name, value = ''] = FIELD.exec(line) ?? [];
    if (name === undefined) throw broken('malformed header field');
    last = name.toLowerCase();
    const before = headers.get(last);
    headers.set(last, before === undefined ? value.trim() : `${before}, ${value.trim()}`);
  }
  return headers;
}

/**
 * Reads a head: the lines up to the empty one, without it. Undefined for a response, of which the server has asked
 * for none. @throws RtspError 400, 431 or 505 that closes the connection.
 */
export function parseHead(text: string): {
  readonly head: RequestHead | undefined;
  readonly bodyBytes: number;
} {
  const [start = '', ...lines] = text.split(/\r?\n/);
  // eslint-disable-next-line no-control-regex -- finding control characters is the purpose
  if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text.replaceAll('\r\n', '\n')))
    throw broken('control characters in a request');
  const headers = fields(lines);
  const bodyBytes = contentLength(headers);
  if (RESPONSE_LINE.test(start)) return { head: undefined, bodyBytes };
  const [, method, uri, version] = START_LINE.exec(start) ?? [];
  if (method === undefined || uri === undefined) throw broken('malformed request line');
  if (version !== '1.0') throw new RtspError(505, 'the server speaks RTSP 1.0', { closes: true });
  return { head: { method, uri, headers }, bodyBytes };
}

function contentLength(headers: ReadonlyMap<string, string>): number {
  const text = headers.get('content-length') ?? '0';
  if (!/^\d{1,9}$/.test(text)) throw broken('malformed Content-Length');
  return Number(text);
}

/** A response as it goes out. @param cseq of the request; undefined when it had none that could be read. */
export function writeReply(reply: Reply, cseq: string | undefined): Buffer {
  const lines = [`RTSP/1.0 ${reply.status} ${reply.reason ?? REASONS[reply.status]}`];
  if (cseq !== undefined) lines.push(`CSeq: ${cseq}`);
  for (const [name, value] of Object.entries(reply.headers ?? {})) lines.push(`${name}: ${value}`);
  if (reply.closes !== undefined) lines.push('Connection: close');
  lines.push('Server: recorderd');
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
}

/** The sequence number of a request; undefined when it is none. */
export function cseqOf({ headers }: Pick<RtspRequest, 'headers'>): string | undefined {
  const text = headers.get('cseq');
  return text !== undefined && /^\d{1,10}$/.test(text) ? text : undefined;
}
