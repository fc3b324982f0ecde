import type { Router } from '@koa/router';
import type { Context } from 'koa';
import type { StatusServices } from './services.ts';
import { chosenGroups, statText } from './statPage.ts';

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Health, `/metrics`, `/rest-api/events`, and WCS's statistics at `/?action=stat`; `/` without it is left to others. */
export function serveStatus(router: Router, { readiness, metrics, stat, events }: StatusServices): void {
  router.register('/healthz', ['GET'], (ctx) => {
    ctx.body = { status: 'ok' };
  });
  router.register('/readyz', ['GET'], async (ctx) => {
    const checks = await readiness();
    const isReady = checks.every(({ ok }) => ok);
    ctx.body = { status: isReady ? 'ok' : 'unavailable', checks };
    ctx.status = isReady ? 200 : 503;
  });
  router.register('/metrics', ['GET'], async (ctx) => {
    ctx.body = await metrics();
    ctx.type = METRICS_TYPE;
  });
  router.register('/rest-api/events', ['GET'], (ctx) => events.listen(ctx));
  router.register('/', ['GET'], async (ctx, next) => {
    if (parameter(ctx, 'action') !== 'stat') {
      await next();
      return;
    }
    const groups = chosenGroups(await stat(), parameter(ctx, 'groups'));
    if (parameter(ctx, 'format') === 'json') {
      ctx.body = groups;
      return;
    }
    ctx.body = statText(groups);
    ctx.type = 'text/plain; charset=utf-8';
  });
}

/** The first of its name in the query. */
function parameter({ query }: Context, name: string): string | undefined {
  const value = query[name];
  return Array.isArray(value) ? value[0] : value;
}
