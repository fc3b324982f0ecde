import type { Settings } from './config/settings.ts';
import type { Logger } from './domain/log.ts';
import { WebRtcServer } from './ingest/webrtc/server.ts';
import { needed } from './listening.ts';
import type { Streams } from './streams/streams.ts';
import { webRtcOptions } from './wiring.ts';

/** Opens the media ports; undefined where the settings turn WebRTC off. @throws UnavailableError */
export async function openWebRtc(
  settings: Settings,
  streams: Streams,
  log: Logger,
): Promise<WebRtcServer | undefined> {
  const options = webRtcOptions(settings);
  if (options === undefined) return undefined;
  const webrtc = new WebRtcServer({ streams, log: log.child({ component: 'webrtc' }) }, options);
  const { portRange, bindAddress: address = 'all interfaces' } = options;
  const setting = portRange === undefined ? 'media_port' : 'media_port_from';
  const wanted = portRange?.from ?? options.port ?? 0;
  try {
    const port = await needed(`${setting}: cannot listen on port ${wanted}`, webrtc.start());
    log.info('listening', { door: 'media', port, address });
    return webrtc;
  } catch (error) {
    await webrtc.close();
    throw error;
  }
}
