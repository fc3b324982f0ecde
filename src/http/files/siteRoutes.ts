import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Router } from '@koa/router';
import type { Context } from 'koa';
import { RecorderdError } from '../../domain/errors.ts';
import type { Logger } from '../../domain/log.ts';
import { pathSegments } from '../urlPath.ts';
import { findFile } from './findFile.ts';
import type { FoundFile } from './findFile.ts';
import { sendFile } from './sendFile.ts';
import { strictPolicy } from './staticPage.ts';
import { isWebSdkBundle, webSdkDir } from './webSdk.ts';

/** Ports of the Web SDK as bound; undefined for one that is not open. */
export interface SignallingPorts {
  readonly ws: number | undefined;
  readonly wss: number | undefined;
}

export interface SiteOptions {
  /** WCS home, absolute; pages in its `client2` go before those of the package. */
  readonly home: string;
  /** Folder of the installed package, which holds `web/` and finds the Web SDK. */
  readonly packageDir: string;
  /** Asked at each request, because the ports may be bound later than this one. */
  readonly signallingPorts: () => SignallingPorts;
}

/** Where `/demo` leads: the path of WCS's own demonstration. */
const DEMO_PAGE = '/client2/examples/demo/streaming/stream_recording/recording.html';
/** A page of ours says so in its first bytes; the vendor's pages need inline script and style. */
const STRICT_MARK = 'data-policy="strict"';
const STRICT_MARK_WITHIN_BYTES = 512;
const STRICT_HEADERS = {
  'Content-Security-Policy': strictPolicy({
    'img-src': "'self' data:",
    'media-src': "'self' blob:",
    // The user may publish to any server.
    'connect-src': "'self' ws: wss:",
    'frame-ancestors': "'self'",
  }),
  'Permissions-Policy': 'camera=(self), microphone=(self)',
  'Referrer-Policy': 'no-referrer',
};
/** Every use asks whether its copy is still good, so that an upgrade never mixes old and new files. */
const CACHED = { 'Cache-Control': 'no-cache' };

/** `/client2/…`: the administrator's pages, then ours, then the bundles of the Web SDK; and `/demo`. */
export function serveSite(router: Router, options: SiteOptions, log: Logger): void {
  const { home, packageDir, signallingPorts } = options;
  const ours = join(packageDir, 'web', 'client2');
  const sdkDir = webSdkDir(packageDir);
  if (sdkDir === undefined)
    log.warn('the Web SDK is not installed, the demo page cannot publish', { packageDir });

  // Browsers ask for it beside any page, and complain about a 404.
  router.register('/favicon.ico', ['GET'], (ctx) => {
    ctx.set('Cache-Control', 'public, max-age=86400');
    ctx.status = 204;
  });
  router.register('/demo', ['GET'], (ctx) => ctx.redirect(DEMO_PAGE));
  router.register('/client2/config.json', ['GET'], (ctx) => {
    const { ws, wss } = signallingPorts();
    ctx.body = { ws: ws ?? null, wss: wss ?? null };
  });
  router.register('/client2{/*path}', ['GET'], async (ctx) => {
    const names = fileNames(ctx.path);
    const given = await findFile(join(home, 'client2'), names);
    if (given !== undefined) return sendFile(ctx, given, CACHED);
    const own = await findFile(ours, names);
    if (own !== undefined)
      return sendFile(ctx, own, { ...CACHED, ...((await isStrict(own)) && STRICT_HEADERS) });
    return sendBundle(ctx, names, sdkDir);
  });
}

/** A path that ends in a slash asks for the folder's page. */
function fileNames(path: string): readonly string[] {
  const names = (pathSegments(path) ?? []).slice(1);
  return names.at(-1) === '' ? [...names.slice(0, -1), 'index.html'] : names;
}

async function sendBundle(ctx: Context, names: readonly string[], sdkDir: string | undefined): Promise<void> {
  const [name, ...rest] = names;
  if (name === undefined || rest.length > 0 || !isWebSdkBundle(name)) throw notFound('no such page');
  if (sdkDir === undefined) {
    throw notFound(
      `${name} is missing: the npm package @flashphoner/websdk is not installed, nor is the file in client2`,
    );
  }
  const file = await findFile(sdkDir, [name]);
  if (file === undefined) throw notFound(`the installed @flashphoner/websdk has no ${name}`);
  return sendFile(ctx, file, CACHED);
}

async function isStrict({ root, names }: FoundFile): Promise<boolean> {
  if (names.at(-1)?.endsWith('.html') !== true) return false;
  const handle = await open(join(root, ...names));
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(STRICT_MARK_WITHIN_BYTES));
    return buffer.toString('latin1', 0, bytesRead).includes(STRICT_MARK);
  } finally {
    await handle.close();
  }
}

function notFound(message: string): RecorderdError {
  return new RecorderdError('NOT_FOUND', message);
}
