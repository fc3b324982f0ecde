import type { Router } from '@koa/router';
import type { Context } from 'koa';
import { RecorderdError } from '../../domain/errors.ts';
import type { ExportedFile } from '../../domain/catalogue.ts';
import type { ExportControl } from '../../streams/contracts.ts';
import { ExportRequest, FileRequest, parseRequest, PlaylistRequest } from '../requests.ts';
import { withoutNulls } from '../routes/route.ts';
import { findFile } from './findFile.ts';
import { sendRecord } from './recordRoutes.ts';

/** `/rest-api/catalogue/export`, `playlist.m3u8` and its `segment.ts`: finished media in another shape. */
export function serveExports(router: Router, exports: ExportControl): void {
  router.register('/rest-api/catalogue/export', ['GET'], (ctx) => {
    const selection = withoutNulls(parseRequest(ExportRequest, { ...ctx.query }));
    return sendMade(ctx, (signal) => exports.join(selection, signal), true);
  });
  router.register('/rest-api/catalogue/segment.ts', ['GET'], (ctx) => {
    const { recordingId, partIndex } = parseRequest(FileRequest, { ...ctx.query });
    return sendMade(ctx, (signal) => exports.segment(recordingId, partIndex, signal), false);
  });
  router.register('/rest-api/catalogue/playlist.m3u8', ['GET'], (ctx) => {
    ctx.body = exports.playlist(parseRequest(PlaylistRequest, { ...ctx.query }).recordingId);
    ctx.type = 'application/vnd.apple.mpegurl';
  });
}

/** A client that leaves ends the making; what was made is removed when the answer is over. */
async function sendMade(
  ctx: Context,
  make: (signal: AbortSignal) => Promise<ExportedFile>,
  isDownload: boolean,
): Promise<void> {
  const left = new AbortController();
  ctx.res.once('close', () => left.abort());
  const { socket } = ctx.req;
  const idleMs = socket.timeout ?? 0;
  // Nothing is sent while it is made.
  socket.setTimeout(0);
  const made = await make(left.signal).finally(() => socket.setTimeout(idleMs));
  try {
    const file = await findFile(made.folder, [made.fileName]);
    if (file === undefined) throw new RecorderdError('FILE_NOT_FOUND', `${made.as} is not there any more`);
    if (isDownload) ctx.attachment(made.as);
    await sendRecord(ctx, file, made.as);
  } finally {
    await made.remove();
  }
}
