import { join } from 'node:path';
import type { Router } from '@koa/router';
import { openApiDocument } from '../openapi/document.ts';
import type { Route } from '../routes/route.ts';
import { pathSegments } from '../urlPath.ts';
import { sendPage, strictPolicy } from './staticPage.ts';

export interface ApiOptions {
  /** Folder of the installed package, which holds `web/`. */
  readonly packageDir: string;
  /** Of the package. */
  readonly version: string;
}

const POLICY = strictPolicy({ 'img-src': 'data:' });

/** `/openapi.json`, and the page at `/api/` that shows it. */
export function serveApi(router: Router, routes: readonly Route[], options: ApiOptions): void {
  const { packageDir, version } = options;
  const document = JSON.stringify(openApiDocument(routes, version));
  const folder = join(packageDir, 'web', 'api');
  router.register('/openapi.json', ['GET'], (ctx) => {
    ctx.type = 'application/json; charset=utf-8';
    ctx.body = document;
  });
  router.register('/api{/:name}', ['GET'], async (ctx) => {
    // The page's own links are relative.
    if (ctx.path === '/api') {
      ctx.redirect('/api/');
      return;
    }
    const [, name = ''] = pathSegments(ctx.path) ?? [];
    await sendPage(ctx, folder, name === '' ? 'index.html' : name, POLICY);
  });
}
