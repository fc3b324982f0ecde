import { randomInt } from 'node:crypto';
import type { Publisher } from '../../domain/publisher.ts';
import type { SourceUri } from '../../domain/sourceUri.ts';

const LOGIN_CHARACTERS = 20;
const ALPHANUMERICS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/**
 * The server itself publishes what it pulls: WCS counts cameras as RTSP, and streams of other RTMP servers as
 * published by Flash, which `record_flash_published_streams` is about.
 */
export function publisherOf(uri: SourceUri, terminate: (info: string) => void): Publisher {
  const isRtsp = uri.protocol === 'rtsp';
  return {
    sessionId: `/${uri.host}:${uri.port}/capture`,
    appKey: isRtsp ? 'defaultApp' : 'flashStreamingApp',
    login: randomLogin(),
    mediaProvider: isRtsp ? 'RTSP' : 'Flash',
    custom: {},
    terminate,
  };
}

function randomLogin(): string {
  const character = (): string => ALPHANUMERICS.charAt(randomInt(ALPHANUMERICS.length));
  return Array.from({ length: LOGIN_CHARACTERS }, character).join('');
}
