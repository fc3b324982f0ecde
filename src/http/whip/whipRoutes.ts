import type { Router } from '@koa/router';
import type { Context, Middleware } from 'koa';
import { RecorderdError } from '../../domain/errors.ts';
import type { CustomParameters } from '../../domain/publisher.ts';
import { endpoint } from '../../util/endpoint.ts';
import { pathSegments } from '../urlPath.ts';
import { bearer, bearerOf } from './bearer.ts';
import { sdpBody } from './sdpBody.ts';
import { WhipSessions } from './whipSessions.ts';
import type { WhipSessionsDeps } from './whipSessions.ts';

export interface WhipOptions {
  /** Bearer token that clients have to send, asked at each request; empty asks for none. */
  readonly token: () => string;
  /** Largest offer accepted, bytes. */
  readonly maxSdpBytes: number;
}

const RETRY_AFTER_SECONDS = '5';

/** WHIP (RFC 9725) at `/whip/{streamName}`: docs/whip.md. */
export function serveWhip(router: Router, deps: WhipSessionsDeps, options: WhipOptions): void {
  const sessions = new WhipSessions(deps);
  const authorize = bearer(options.token);
  router.register('/whip/:name', ['POST'], [authorize, (ctx: Context) => create(ctx, sessions, options)]);
  router.register('/whip/:name/:id', ['DELETE'], [authorize, (ctx: Context) => remove(ctx, sessions)]);
  // RFC 9725, 4.3: a server with neither trickle ICE nor ICE restarts says so.
  router.register('/whip/:name/:id', ['PATCH'], [authorize, refusePatch]);
}

/** RFC 9725, 4.2: an answer to OPTIONS names the type that may be posted. */
export const announceSdp: Middleware = async (ctx, next) => {
  if (ctx.method === 'OPTIONS' && ctx.path.startsWith('/whip/')) ctx.set('Accept-Post', 'application/sdp');
  await next();
};

async function create(ctx: Context, sessions: WhipSessions, { maxSdpBytes }: WhipOptions): Promise<void> {
  const { name } = addressed(ctx);
  // First of all: a socket that is closed meanwhile knows no addresses any more.
  const addresses = addressesOf(ctx);
  const query = new URLSearchParams(ctx.querystring);
  const record = recordWish(query.get('record') ?? ctx.get('Record'));
  query.delete('record');
  const sdp = await sdpBody(ctx, maxSdpBytes);
  const custom = Object.fromEntries(query);
  const token = bearerOf(ctx);
  const credentials: CustomParameters = token === undefined ? {} : { token };
  const { id, answer } = await sessions
    .open({ name, sdp, record, custom, credentials, addresses })
    .catch((error: unknown) => {
      if (error instanceof RecorderdError && error.status === 503)
        ctx.set('Retry-After', RETRY_AFTER_SECONDS);
      if (error instanceof RecorderdError && error.status === 401)
        ctx.set('WWW-Authenticate', 'Bearer realm="whip"');
      throw error;
    });
  endUnlessDelivered(ctx, () => void sessions.end(name, id, 'Stopped by session disconnect'));
  ctx.status = 201;
  ctx.set('Location', `/whip/${encodeURIComponent(name)}/${id}`);
  ctx.set('ETag', `"${id}"`);
  ctx.type = 'application/sdp';
  ctx.body = answer;
}

/** A session whose address nobody learned would hold its name until media fails to come. */
function endUnlessDelivered({ res }: Context, end: () => void): void {
  if (res.closed) end();
  res.once('close', () => {
    if (!res.writableFinished) end();
  });
}

function remove(ctx: Context, sessions: WhipSessions): void {
  const { name, id } = addressed(ctx);
  if (!sessions.end(name, id, 'Stopped by publisher stop'))
    throw new RecorderdError('NOT_FOUND', 'no such session');
  ctx.body = null;
  ctx.status = 200;
}

function refusePatch(ctx: Context): void {
  ctx.req.resume();
  throw new RecorderdError('NOT_IMPLEMENTED', 'neither trickle ICE nor ICE restarts are supported');
}

/** Stream name and session id out of the path; the name may hold an encoded slash. */
function addressed(ctx: Context): { readonly name: string; readonly id: string } {
  const [, name, id] = pathSegments(ctx.path) ?? [];
  if (name === undefined) throw new RecorderdError('BAD_REQUEST', 'the stream name is not encoded correctly');
  return { name, id: id ?? '' };
}

function recordWish(value: string): boolean {
  if (value !== '' && value !== 'true' && value !== 'false') {
    throw new RecorderdError('BAD_REQUEST', 'record: must be true or false');
  }
  return value === 'true';
}

function addressesOf({ req: { socket } }: Context): string {
  const { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 } = socket;
  return `/${endpoint(remoteAddress, remotePort)}/${endpoint(localAddress, localPort)}`;
}
