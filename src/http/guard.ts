import type { Context, Middleware } from 'koa';
import { RecorderdError } from '../domain/errors.ts';
import type { Logger } from '../domain/log.ts';
import type { AddressList } from '../tcp/addressList.ts';
import { plainAddress } from '../util/endpoint.ts';
import { RepeatLog } from '../util/repeatLog.ts';
import { Secret } from '../util/secret.ts';

/** Who may use what is guarded. */
export interface GuardOptions {
  /** Addresses that are answered at all. */
  readonly allow: AddressList;
  /** `user:password` of each user; with neither users nor a token nobody is asked. */
  readonly users: readonly string[];
  /** Bearer token that does instead of a user; empty for none. */
  readonly token: string;
}

/**
 * Open to everybody who reaches the port. Whatever is not named here is guarded, so that nothing is open by mistake.
 * WHIP has a token of its own.
 */
const OPEN = /^\/(?:(?:healthz|readyz|demo|favicon\.ico)\/?$|(?:client\/records|client2|whip)(?:\/|$))/;
const AUTHORIZATION = /^(Basic|Bearer) +(\S+) *$/i;

/**
 * Lets allowed addresses through, as `inForce` says at each request, and of those, where credentials are set, only clients that know one. The address is
 * that of the connection; headers of proxies are not believed.
 * @throws RecorderdError FORBIDDEN, UNAUTHORIZED
 */
export function guard(inForce: () => GuardOptions, log: Logger): Middleware {
  let known = inForce();
  let check = checkOf(known);
  return checked((ctx) => {
    if (OPEN.test(ctx.path)) return;
    const options = inForce();
    if (options !== known) check = checkOf((known = options));
    check(ctx);
  }, log);
}

/**
 * Keeps web pages of other sites out, unless `named` is theirs: no address tells whose page a browser shows. Without this
 * they could post what needs no body, which browsers send without a preflight, and anything while `cors_origin` is `*`.
 * A client without an `Origin` is no page.
 * @param named value of `cors_origin`, asked for at each request.
 * @throws RecorderdError FORBIDDEN
 */
export function guardFromPages(named: () => string, log: Logger): Middleware {
  return checked((ctx) => {
    const origin = ctx.get('Origin');
    if (origin === '' || origin === named() || hostOf(origin) === ctx.host.toLowerCase()) return;
    throw new RecorderdError('FORBIDDEN', `cors_origin does not name the web page's origin ${origin}`);
  }, log);
}

/** Answers only what `check` does not throw for; what it refuses is logged. */
function checked(check: (ctx: Context) => void, log: Logger): Middleware {
  const refusals = new RepeatLog(log, 'http request refused');
  return async (ctx, next) => {
    try {
      check(ctx);
    } catch (error) {
      // Without a reader a refused body would hold the connection until its timeout.
      ctx.req.resume();
      const reason = error instanceof Error ? error.message : String(error);
      refusals.add({ address: addressOf(ctx), path: ctx.path, reason });
      throw error;
    }
    await next();
  };
}

function checkOf({ allow, users, token }: GuardOptions): (ctx: Context) => void {
  const basic = users.map((user) => new Secret(user));
  const bearer = token === '' ? [] : [new Secret(token)];
  const challenges = [
    ...(basic.length > 0 ? ['Basic realm="recorderd", charset="UTF-8"'] : []),
    ...(bearer.length > 0 ? ['Bearer realm="recorderd"'] : []),
  ];
  return (ctx) => {
    const address = addressOf(ctx);
    if (!allow.has(address))
      throw new RecorderdError('FORBIDDEN', `rest_allow does not hold the address ${address}`);
    if (challenges.length === 0) return;
    const [, scheme = '', given = ''] = AUTHORIZATION.exec(ctx.get('Authorization')) ?? [];
    const isBasic = scheme.toLowerCase() === 'basic';
    const bytes = Buffer.from(given, isBasic ? 'base64' : 'latin1');
    // All are compared, so that the time does not tell which user it was.
    const matches = (isBasic ? basic : bearer).filter((secret) => secret.equals(bytes));
    if (matches.length > 0) return;
    ctx.set('WWW-Authenticate', challenges);
    throw new RecorderdError('UNAUTHORIZED', scheme === '' ? 'credentials needed' : 'wrong credentials');
  };
}

/** Host and port of an origin; undefined for `null`, which is that of pages that have none of their own. */
function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

function addressOf({ req }: Context): string {
  return plainAddress(req.socket.remoteAddress ?? '');
}
