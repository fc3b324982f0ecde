import type { Router } from '@koa/router';
import { RecorderdError } from '../../domain/errors.ts';
import type { PictureControl } from '../../streams/contracts.ts';
import { FileRequest, parseRequest } from '../requests.ts';
import { findFile } from './findFile.ts';
import { sendFile } from './sendFile.ts';

/** Files change rarely, and a list of them asks for many. */
const CACHED = { 'Cache-Control': 'private, max-age=3600' };

/** `/rest-api/catalogue/picture`: a thumbnail or a waveform of a finished file. */
export function servePictures(router: Router, pictures: PictureControl): void {
  router.register('/rest-api/catalogue/picture', ['GET'], async (ctx) => {
    const { folder, fileName, type } = await pictures.of(parseRequest(FileRequest, { ...ctx.query }));
    const file = await findFile(folder, [fileName]);
    // So many others were made that it is gone already.
    if (file === undefined) throw new RecorderdError('FILE_NOT_FOUND', 'the picture is not there any more');
    await sendFile(ctx, file, { 'Content-Type': type, ...CACHED });
  });
}
