import type { Context, Middleware } from 'koa';
import { RecorderdError } from '../../domain/errors.ts';
import { Secret } from '../../util/secret.ts';

const CREDENTIALS = /^Bearer +(\S+) *$/i;

/** The bearer token of a request; undefined when it has none. */
export function bearerOf(ctx: Context): string | undefined {
  return CREDENTIALS.exec(ctx.get('Authorization'))?.[1];
}

/**
 * Asks for the bearer token (RFC 6750) that is in force at each request. An empty one asks for none.
 * @throws RecorderdError UNAUTHORIZED
 */
export function bearer(inForce: () => string): Middleware {
  return async (ctx, next) => {
    const token = inForce();
    const given = bearerOf(ctx);
    if (token !== '' && (given === undefined || !new Secret(token).equals(Buffer.from(given, 'latin1')))) {
      ctx.req.resume();
      // RFC 6750, 3: no error code when the client sent no token at all.
      const error = given === undefined ? '' : ', error="invalid_token"';
      ctx.set('WWW-Authenticate', `Bearer realm="whip"${error}`);
      throw new RecorderdError(
        'UNAUTHORIZED',
        given === undefined ? 'bearer token needed' : 'wrong bearer token',
      );
    }
    await next();
  };
}
