import { METHODS } from 'node:http';
import { Router } from '@koa/router';
import Koa from 'koa';
import { answerErrors } from './errors.ts';
import { serveExports } from './files/exportRoutes.ts';
import { serveRecords } from './files/recordRoutes.ts';
import { serveSite } from './files/siteRoutes.ts';
import type { SiteOptions } from './files/siteRoutes.ts';
import { guard } from './guard.ts';
import type { GuardOptions } from './guard.ts';
import { jsonBody } from './jsonBody.ts';
import { cors, refuseBadUrl, trace } from './middleware.ts';
import { catalogueRoutes } from './routes/catalogueRoutes.ts';
import { connectionRoutes } from './routes/connectionRoutes.ts';
import { hookRoutes } from './routes/hookRoutes.ts';
import { pullRoutes } from './routes/pullRoutes.ts';
import { recordingRoutes } from './routes/recordingRoutes.ts';
import { reportRoutes } from './routes/reportRoutes.ts';
import type { Route } from './routes/route.ts';
import { rtspRoutes } from './routes/rtspRoutes.ts';
import { streamRoutes } from './routes/streamRoutes.ts';
import type { HttpServices } from './services.ts';
import { announceSdp, serveWhip } from './whip/whipRoutes.ts';
import type { WhipOptions } from './whip/whipRoutes.ts';

export interface HttpAppOptions extends WhipOptions, SiteOptions {
  /** Largest request body accepted, bytes. */
  readonly maxBodyBytes: number;
  /** Value of `Access-Control-Allow-Origin`; empty turns CORS off. */
  readonly corsOrigin: string;
  /** Folder of the finished recordings, absolute. */
  readonly recordsDir: string;
  /** Who may use REST. */
  readonly rest: GuardOptions;
}

/**
 * Everything that is served by http (docs/rest.md, docs/whip.md, docs/demo.md) as a koa app; listens nowhere by
 * itself.
 */
export function createHttpApp(services: HttpServices, options: HttpAppOptions): Koa {
  const app = new Koa();
  app.on('error', (err: unknown) => services.log.debug('answer not delivered', { err }));
  app.use(trace(services.log));
  app.use(announceSdp);
  app.use(cors(options.corsOrigin));
  app.use(answerErrors(services.log));
  app.use(refuseBadUrl);
  app.use(guard(options.rest, services.log));
  const router = new Router({ methods: METHODS });
  serveHealth(router, services);
  const routes = [
    ...streamRoutes(services),
    ...recordingRoutes(services),
    ...hookRoutes(services),
    ...reportRoutes(services),
    ...catalogueRoutes(services),
    ...connectionRoutes(services),
    ...rtspRoutes(services.captures),
    ...pullRoutes(services.captures),
  ];
  const readBody = jsonBody(options.maxBodyBytes);
  for (const { path, methods, handle } of routes) {
    router.register(`/rest-api${path}`, [...methods], [readBody, answer(handle)]);
  }
  const { webrtc, connections, log } = services;
  if (webrtc !== undefined) serveWhip(router, { webrtc, connections, log }, options);
  serveExports(router, services.exports);
  serveRecords(router, options.recordsDir);
  serveSite(router, options, log);
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}

function answer(handle: Route['handle']): Koa.Middleware {
  return async (ctx) => {
    ctx.body = (await handle(ctx.request.body)) ?? null;
    ctx.status = 200;
  };
}

function serveHealth(router: Router, { readiness }: HttpServices): void {
  router.register('/healthz', ['GET'], (ctx) => {
    ctx.body = { status: 'ok' };
  });
  router.register('/readyz', ['GET'], async (ctx) => {
    const checks = await readiness();
    const isReady = checks.every(({ ok }) => ok);
    ctx.body = { status: isReady ? 'ok' : 'unavailable', checks };
    ctx.status = isReady ? 200 : 503;
  });
}
