import { bodyParser } from '@koa/bodyparser';
import type { Context, Middleware } from 'koa';
import { RecorderdError } from '../domain/errors.ts';

/**
 * Reads the body of a POST as JSON whatever its Content-Type says, because `curl -d` sends a form type; an absent
 * body is an empty object. A browser (it sends `Origin`) must declare JSON: other types skip the CORS preflight,
 * so any page could post them.
 * @param maxBytes largest body accepted.
 * @throws RecorderdError BAD_REQUEST, BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE
 */
export function jsonBody(maxBytes: number): Middleware {
  const parse = bodyParser({
    parsedMethods: ['POST'],
    enableTypes: ['json'],
    detectJSON: () => true,
    jsonLimit: maxBytes,
    onError: (error, ctx) => {
      // Without a reader a refused body would hold the connection until its timeout.
      ctx.req.resume();
      throw explain(error, ctx, maxBytes);
    },
  });
  return async (ctx, next) => {
    if (ctx.method === 'POST') refuseUndeclared(ctx);
    await parse(ctx, next);
  };
}

function refuseUndeclared(ctx: Context): void {
  const encoding = ctx.get('Content-Encoding');
  if (encoding !== '' && encoding !== 'identity') {
    throw new RecorderdError('UNSUPPORTED_MEDIA_TYPE', `Content-Encoding ${encoding} is not accepted`);
  }
  const isFromBrowser = ctx.get('Origin') !== '';
  if (isFromBrowser && ctx.request.length !== 0 && ctx.is('json', '+json') === false) throw notJson(ctx);
}

function explain(error: Error, ctx: Context, maxBytes: number): RecorderdError {
  if ('status' in error && error.status === 413) {
    return new RecorderdError('BODY_TOO_LARGE', `body is larger than ${maxBytes} bytes`);
  }
  if (!(error instanceof SyntaxError)) {
    return new RecorderdError('BAD_REQUEST', `body cannot be read: ${error.message}`, { cause: error });
  }
  const looksLikeJson = 'body' in error && typeof error.body === 'string' && /^\s*[[{]/.test(error.body);
  if (!looksLikeJson && ctx.request.type !== '' && ctx.is('json', '+json') === false) return notJson(ctx);
  return new RecorderdError('BAD_REQUEST', `body is not valid JSON: ${error.message}`);
}

function notJson(ctx: Context): RecorderdError {
  const type = ctx.request.type === '' ? 'undeclared' : ctx.request.type;
  return new RecorderdError('UNSUPPORTED_MEDIA_TYPE', `body must be application/json, it is ${type}`);
}
