import type { ServerResponse } from 'node:http';
import type { Stats } from 'node:fs';
import type { Context } from 'koa';
import send from 'send';
import { RecorderdError } from '../../domain/errors.ts';
import type { FoundFile } from './findFile.ts';

const OF_THE_FILE = ['ETag', 'Last-Modified', 'Content-Type', 'Content-Disposition'];

/**
 * Answers GET or HEAD with a file: conditions, single ranges (RFC 9110, 13 and 14), a strong entity tag.
 * @param headers what the answer carries besides; dropped when it becomes an error.
 * @returns when the answer is over, delivered or not.
 * @throws RecorderdError NOT_FOUND, PRECONDITION_FAILED, RANGE_NOT_SATISFIABLE; whatever the file system says.
 */
export async function sendFile(
  ctx: Context,
  file: FoundFile,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const { res } = ctx;
  if (res.closed) return;
  // `send` decodes what it gets; a name may hold any character, `%` too.
  const path = file.names.map(encodeURIComponent).join('/');
  askForAll(ctx, file.size);
  const sending = send(ctx.req, path, {
    root: file.root,
    dotfiles: 'deny',
    index: false,
    cacheControl: false,
  });
  await new Promise<void>((resolve, reject) => {
    sending.on('headers', (response: ServerResponse, _path: string, stats: Stats) => {
      response.setHeader('ETag', entityTag(stats));
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    });
    sending.on('directory', () => reject(notFound()));
    sending.on('error', (error: Error) => {
      if (!res.headersSent) reject(explained(error));
      // The length was promised: only a cut tells the client that bytes are missing.
      else res.destroy();
    });
    res.once('close', resolve);
    ctx.respond = false;
    // Koa begins with 404, and `send` looks at the status to judge whether a copy is still fresh.
    res.statusCode = 200;
    sending.pipe(res);
  }).catch((error: unknown) => {
    ctx.respond = true;
    for (const name of [...Object.keys(headers), ...OF_THE_FILE]) ctx.remove(name);
    ctx.set('Cache-Control', 'no-store');
    throw error;
  });
}

/** RFC 9110, 14.1.2: the last n bytes of a shorter file are all of it; `send` would say that there are none. */
function askForAll({ req: { headers } }: Context, size: number): void {
  const [, suffix] = /^bytes=\s*-(\d+)\s*$/.exec(headers.range ?? '') ?? [];
  if (suffix !== undefined && Number(suffix) > size) headers.range = 'bytes=0-';
}

/**
 * Strong, so that a player may join ranges of it (RFC 9110, 13.1.5): a finished file is never written to, and one
 * that takes its name is another inode.
 */
function entityTag({ ino, size, mtimeMs }: Stats): string {
  return `"${[ino, size, Math.round(mtimeMs * 1000)].map((part) => part.toString(36)).join('-')}"`;
}

function explained(error: Error): Error {
  switch ('status' in error ? error.status : undefined) {
    case 412:
      return new RecorderdError('PRECONDITION_FAILED', 'the file is another one by now');
    case 416:
      return new RecorderdError('RANGE_NOT_SATISFIABLE', 'the range begins behind the end of the file');
    case 400:
    case 403:
    case 404:
      return notFound();
    default:
      return error;
  }
}

function notFound(): RecorderdError {
  return new RecorderdError('NOT_FOUND', 'no such file');
}
