import { join } from 'node:path';
import type { Router } from '@koa/router';
import { RecorderdError } from '../../domain/errors.ts';
import { openApiDocument } from '../openapi/document.ts';
import type { Route } from '../routes/route.ts';
import { pathSegments } from '../urlPath.ts';
import { findFile } from './findFile.ts';
import { sendFile } from './sendFile.ts';

export interface ApiOptions {
  /** Folder of the installed package, which holds `web/`. */
  readonly packageDir: string;
  /** Of the package. */
  readonly version: string;
}

const PAGE_HEADERS = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    'img-src data:',
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
};

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
    const file = await findFile(folder, [name === '' ? 'index.html' : name]);
    if (file === undefined) throw new RecorderdError('NOT_FOUND', 'no such page');
    await sendFile(ctx, file, PAGE_HEADERS);
  });
}
