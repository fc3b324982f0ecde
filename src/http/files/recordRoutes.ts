import { extname } from 'node:path';
import type { Router } from '@koa/router';
import type { Context } from 'koa';
import { RecorderdError } from '../../domain/errors.ts';
import type { Container } from '../../domain/format.ts';
import { pathSegments } from '../urlPath.ts';
import { findFile } from './findFile.ts';
import type { FoundFile } from './findFile.ts';
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
    await sendRecord(ctx, file, name);
  });
}

/** Answers with a file of the type that `name` says. */
export function sendRecord(ctx: Context, file: FoundFile, name: string): Promise<void> {
  // Asked for again each time: a start with `force` may put another file under the name.
  const headers = { 'Content-Type': typeOf(name) ?? 'application/octet-stream' };
  return sendFile(ctx, file, { ...headers, 'Cache-Control': 'private, no-cache' });
}

function typeOf(name: string): string | undefined {
  const extension = extname(name).slice(1).toLowerCase();
  return Object.hasOwn(TYPES, extension) ? TYPES[extension as Container] : undefined;
}
