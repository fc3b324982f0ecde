import type { Context } from 'koa';
import { RecorderdError } from '../../domain/errors.ts';
import { findFile } from './findFile.ts';
import { sendFile } from './sendFile.ts';

const NOTHING_ELSE: Readonly<Record<string, string>> = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self'",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
};

/**
 * Value of `Content-Security-Policy` for a page without inline script or style that calls this server only.
 * @param more directives besides, or in place of these.
 */
export function strictPolicy(more: Readonly<Record<string, string>>): string {
  return Object.entries({ ...NOTHING_ELSE, ...more })
    .map(([directive, sources]) => `${directive} ${sources}`)
    .join('; ');
}

/**
 * Answers with a file of a page's folder; an upgrade never mixes old and new files, because each use asks whether its copy
 * is still good.
 * @throws RecorderdError NOT_FOUND
 */
export async function sendPage(ctx: Context, folder: string, name: string, policy: string): Promise<void> {
  const file = await findFile(folder, [name]);
  if (file === undefined) throw new RecorderdError('NOT_FOUND', 'no such page');
  await sendFile(ctx, file, {
    'Content-Security-Policy': policy,
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-cache',
  });
}
