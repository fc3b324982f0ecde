import { extname } from 'node:path';
import type { Router } from '@koa/router';
import { RecorderdError } from '../../domain/errors.ts';
import type { Container } from '../../domain/format.ts';
import { pathSegments } from '../urlPath.ts';
import { findFile } from './findFile.ts';
import { sendFile } from './sendFile.ts';

const TYPES: Readonly<Record<Container, string>> = {
  mp4: 'video/mp4',
  webm: 'video/webm',
  mkv: 'video/x-matroska',
  ts: 'video/mp2t',
};

/**
 * `/client/records/<name>`, as WCS serves them: finished recordings to play and to download. Only files with the
 * extension of a recording, none of a subfolder, no listing.
 */
export function serveRecords(router: Router, recordsDir: string): void {
  router.register('/client/records/:name', ['GET'], async (ctx) => {
    const [, , name = '', ...rest] = pathSegments(ctx.path) ?? [];
    const type = rest.length > 0 ? undefined : typeOf(name);
    const file = type === undefined ? undefined : await findFile(recordsDir, [name]);
    // A link may lead to a subfolder, which is not served either.
    if (type === undefined || file?.names.length !== 1) {
      throw new RecorderdError('NOT_FOUND', 'no such recording');
    }
    if (ctx.query['download'] !== undefined) ctx.attachment(name);
    // Asked for again each time: a start with `force` may put another file under the name.
    await sendFile(ctx, file, { 'Content-Type': type, 'Cache-Control': 'private, no-cache' });
  });
}

function typeOf(name: string): string | undefined {
  const extension = extname(name).slice(1).toLowerCase();
  return Object.hasOwn(TYPES, extension) ? TYPES[extension as Container] : undefined;
}
