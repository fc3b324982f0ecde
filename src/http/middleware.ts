import { randomUUID } from 'node:crypto';
import type { Middleware } from 'koa';
import { RecorderdError } from '../domain/errors.ts';
import type { Logger } from '../domain/log.ts';

const REQUEST_ID = /^[\w.:+/=-]{1,128}$/;
const PREFLIGHT_MAX_AGE_SECONDS = '600';
const ALLOWED_METHODS = 'GET, POST, OPTIONS';
const WHIP_METHODS = 'POST, PATCH, DELETE, OPTIONS';
const ALLOWED_HEADERS =
  'Accept, Authorization, Content-Type, If-Match, Origin, Range, Record, X-Requested-With, X-Request-Id';
const EXPOSED_HEADERS = 'Content-Range, ETag, Location, WWW-Authenticate, X-Request-Id';

/** Takes or makes an `X-Request-Id`, answers it, and notes the request at debug. */
export function trace(log: Logger): Middleware {
  return async (ctx, next) => {
    const startedAt = performance.now();
    const given = ctx.get('X-Request-Id');
    const requestId = REQUEST_ID.test(given) ? given : randomUUID();
    ctx.set('X-Request-Id', requestId);
    ctx.set('Cache-Control', 'no-store');
    ctx.set('X-Content-Type-Options', 'nosniff');
    await next();
    log.debug('request answered', {
      requestId,
      method: ctx.method,
      url: ctx.originalUrl,
      status: ctx.status,
      durationMs: Math.round(performance.now() - startedAt),
    });
  };
}

/**
 * Lets pages of the origin use the interface and answers preflights. WCS sends `*` together with
 * `Allow-Credentials: true`, which browsers refuse for requests with credentials; kept as it is for `*`.
 * An empty origin sends no such header at all.
 */
export function cors(inForce: () => string): Middleware {
  return async (ctx, next) => {
    const origin = inForce();
    if (origin !== '') {
      ctx.set('Access-Control-Allow-Origin', origin);
      ctx.set('Access-Control-Allow-Credentials', 'true');
      ctx.set('Access-Control-Expose-Headers', EXPOSED_HEADERS);
    }
    if (origin === '' || ctx.method !== 'OPTIONS') {
      await next();
      return;
    }
    ctx.set('Access-Control-Allow-Methods', ctx.path.startsWith('/whip/') ? WHIP_METHODS : ALLOWED_METHODS);
    ctx.set('Access-Control-Allow-Headers', ALLOWED_HEADERS);
    ctx.set('Access-Control-Max-Age', PREFLIGHT_MAX_AGE_SECONDS);
    ctx.body = null;
    ctx.status = 200;
  };
}

/**
 * Stops a URL that is none before koa and the router meet it: their parser throws an error of its own.
 * @throws RecorderdError BAD_REQUEST
 */
export const refuseBadUrl: Middleware = async (ctx, next) => {
  if (!URL.canParse(ctx.originalUrl, 'http://localhost')) {
    throw new RecorderdError('BAD_REQUEST', 'the request URL is not valid');
  }
  await next();
};
