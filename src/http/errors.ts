import { STATUS_CODES } from 'node:http';
import type { Middleware } from 'koa';
import { RecorderdError } from '../domain/errors.ts';
import type { ErrorCode } from '../domain/errors.ts';
import type { Logger } from '../domain/log.ts';

/** Body of every error answer: the fields WCS clients look for, and `code`, which never changes its meaning. */
export interface ErrorBody {
  /** Name of the status as a class name, e.g. `NotFoundException`. */
  readonly exception: string;
  readonly reason: string;
  readonly path: string;
  /** Reason phrase of the status, e.g. `Not Found`. */
  readonly error: string;
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly status: number;
  readonly code: ErrorCode;
}

/** Describes `error` to a client that asked for `path`. */
export function errorBody(error: RecorderdError, path: string, now: number): ErrorBody {
  const phrase = STATUS_CODES[error.status] ?? 'Unknown';
  return {
    exception: `${phrase.replaceAll(' ', '')}Exception`,
    reason: error.message,
    path,
    error: phrase,
    message: error.message,
    timestamp: now,
    status: error.status,
    code: error.code,
  };
}

/** Turns whatever a request ended with, the router's bare 404 and 405 included, into an {@link ErrorBody}. */
export function answerErrors(log: Logger): Middleware {
  return async (ctx, next) => {
    const path = ctx.originalUrl.replace(/\?.*/s, '');
    try {
      await next();
      if (ctx.status === 404) throw new RecorderdError('NOT_FOUND', `nothing is served at ${path}`);
      if (ctx.status === 405) {
        const allowed = ctx.response.get('Allow');
        throw new RecorderdError('METHOD_NOT_ALLOWED', `${ctx.method} is not allowed here; use ${allowed}`);
      }
    } catch (thrown) {
      const error = thrown instanceof RecorderdError ? thrown : internalError(thrown);
      const requestId = ctx.response.get('X-Request-Id');
      if (error.status === 500)
        log.error('request failed', { requestId, method: ctx.method, path, err: thrown });
      (ctx.state as { errorCode?: string }).errorCode = error.code;
      ctx.status = error.status;
      ctx.body = errorBody(error, path, Date.now());
    }
  };
}

function internalError(cause: unknown): RecorderdError {
  return new RecorderdError('INTERNAL', 'internal error; the log tells more under this X-Request-Id', {
    cause,
  });
}
