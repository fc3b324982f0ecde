import { METHODS } from 'node:http';
import { Router } from '@koa/router';
import Koa from 'koa';
import { answerErrors } from './errors.ts';
import { serveApi } from './files/apiRoutes.ts';
import { serveExports } from './files/exportRoutes.ts';
import { serveOperator } from './files/operatorRoutes.ts';
import { servePictures } from './files/pictureRoutes.ts';
import { serveRecords } from './files/recordRoutes.ts';
import { serveSite } from './files/siteRoutes.ts';
import type { SiteOptions } from './files/siteRoutes.ts';
import { guard, guardFromPages } from './guard.ts';
import type { GuardOptions } from './guard.ts';
import { jsonBody } from './jsonBody.ts';
import { cors, refuseBadUrl, trace } from './middleware.ts';
import { restRoutes } from './routes/restRoutes.ts';
import type { Route } from './routes/route.ts';
import { countRequests } from './requestCounts.ts';
import type { HttpServices } from './services.ts';
import { serveStatus } from './statusRoutes.ts';
import { announceSdp, serveWhip } from './whip/whipRoutes.ts';

/** Who is served. */
export interface HttpAccess {
  /** Value of `Access-Control-Allow-Origin`; empty turns CORS off. */
  readonly corsOrigin: string;
  /** Bearer token that clients of WHIP have to send; empty asks for none. */
  readonly whipToken: string;
  /** Who may use REST; the same object as long as nothing changed. */
  readonly rest: GuardOptions;
}

export interface HttpAppOptions extends SiteOptions {
  /** Of the package. */
  readonly version: string;
  /** Largest request body accepted, bytes. */
  readonly maxBodyBytes: number;
  /** Largest offer of WHIP accepted, bytes. */
  readonly maxSdpBytes: number;
  /** Folder of the finished recordings, absolute. */
  readonly recordsDir: string;
  /** Asked at each request, because a reload changes it. */
  readonly access: () => HttpAccess;
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
  app.use(cors(() => options.access().corsOrigin));
  app.use(countRequests(services.requests));
  app.use(answerErrors(services.log));
  app.use(refuseBadUrl);
  app.use(guard(() => options.access().rest, services.log));
  const router = new Router({ methods: METHODS });
  serveStatus(router, services);
  const routes = restRoutes(services);
  const readBody = jsonBody(options.maxBodyBytes);
  const fromPages = guardFromPages(() => options.access().corsOrigin, services.log);
  for (const { path, methods, isGuardedFromPages = false, handle } of routes) {
    const guards = isGuardedFromPages ? [fromPages] : [];
    router.register(`/rest-api${path}`, [...methods], [...guards, readBody, answer(handle)]);
  }
  const { webrtc, connections, log } = services;
  if (webrtc !== undefined) {
    const whip = { maxSdpBytes: options.maxSdpBytes, token: () => options.access().whipToken };
    serveWhip(router, { webrtc, connections, log }, whip);
  }
  serveExports(router, services.exports);
  servePictures(router, services.pictures);
  serveRecords(router, options.recordsDir);
  serveSite(router, options, log);
  serveApi(router, routes, options);
  serveOperator(router, options.packageDir);
  for (const { path } of router.stack) if (typeof path === 'string') services.requests.know(path);
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
