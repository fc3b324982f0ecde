import { join } from 'node:path';
import type { Router } from '@koa/router';
import { RecorderdError } from '../../domain/errors.ts';
import { pathSegments } from '../urlPath.ts';
import { sendPage, strictPolicy } from './staticPage.ts';

const POLICY = strictPolicy({ 'img-src': "'self' data:", 'media-src': "'self'" });

/** The operator page at `/`, and what it loads at `/operator/…` (docs/operator-page.md). */
export function serveOperator(router: Router, packageDir: string): void {
  const folder = join(packageDir, 'web', 'operator');
  router.register('/', ['GET'], (ctx) => {
    if (ctx.query['action'] !== undefined)
      throw new RecorderdError('NOT_FOUND', 'the only action at / is ?action=stat');
    return sendPage(ctx, folder, 'index.html', POLICY);
  });
  router.register('/operator/:name', ['GET'], (ctx) => {
    const [, name = '', ...rest] = pathSegments(ctx.path) ?? [];
    if (rest.length > 0) throw new RecorderdError('NOT_FOUND', 'no such page');
    return sendPage(ctx, folder, name, POLICY);
  });
}
