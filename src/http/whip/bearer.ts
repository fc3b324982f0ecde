import { createHash, timingSafeEqual } from 'node:crypto';
import type { Middleware } from 'koa';
import { RecorderdError } from '../../domain/errors.ts';

const CREDENTIALS = /^Bearer +(\S+) *$/i;

/**
 * Asks for a bearer token (RFC 6750). An empty `token` asks for none.
 * @throws RecorderdError UNAUTHORIZED
 */
export function bearer(token: string): Middleware {
  const expected = digest(Buffer.from(token, 'utf8'));
  return async (ctx, next) => {
    const given = CREDENTIALS.exec(ctx.get('Authorization'))?.[1];
    // Digests are of one length, so that neither the length nor the beginning of the token shows in the time.
    if (
      token !== '' &&
      (given === undefined || !timingSafeEqual(digest(Buffer.from(given, 'latin1')), expected))
    ) {
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

function digest(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
