import type { Context } from 'koa';
import { RecorderdError } from '../../domain/errors.ts';

const SDP_TYPE = 'application/sdp';

/**
 * The SDP that a request carries.
 * @throws RecorderdError UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, BAD_REQUEST
 */
export async function sdpBody(ctx: Context, maxBytes: number): Promise<string> {
  try {
    refuseOthers(ctx, maxBytes);
    const sdp = (await readAtMost(ctx, maxBytes)).toString('utf8');
    if (sdp.trim() === '') throw new RecorderdError('BAD_REQUEST', 'body must be an SDP offer, it is empty');
    return sdp;
  } catch (error) {
    // Without a reader a refused body would hold the connection until its timeout.
    ctx.req.resume();
    throw error;
  }
}

function refuseOthers(ctx: Context, maxBytes: number): void {
  const type = ctx.request.type.trim().toLowerCase();
  if (type !== SDP_TYPE) {
    const given = type === '' ? 'undeclared' : type;
    throw new RecorderdError('UNSUPPORTED_MEDIA_TYPE', `body must be ${SDP_TYPE}, it is ${given}`);
  }
  const encoding = ctx.get('Content-Encoding');
  if (encoding !== '' && encoding !== 'identity') {
    throw new RecorderdError('UNSUPPORTED_MEDIA_TYPE', `Content-Encoding ${encoding} is not accepted`);
  }
  if (Number(ctx.get('Content-Length')) > maxBytes) throw tooLarge(maxBytes);
}

function readAtMost({ req }: Context, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBytes) chunks.push(chunk);
      else reject(tooLarge(maxBytes));
    });
    req.once('end', () => resolve(Buffer.concat(chunks)));
    // Also after a cut, when there is no end and nobody to answer.
    req.once('close', () => reject(new RecorderdError('BAD_REQUEST', 'the body ended too early')));
    req.once('error', reject);
  });
}

function tooLarge(maxBytes: number): RecorderdError {
  return new RecorderdError('BODY_TOO_LARGE', `body is larger than ${maxBytes} bytes`);
}
