import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';

/** Chromium is there to publish. */
export const hasChromium = existsSync(CHROMIUM);

/** What a page publishes. */
export interface PageWish {
  /** e.g. `video/VP8`; absent publishes no video. */
  readonly video?: string;
  /** e.g. `audio/opus`; absent publishes no audio. */
  readonly audio?: string;
  readonly width?: number;
  readonly height?: number;
  readonly maxBitrate?: number;
}

/** What the browser says it has sent. */
export interface PageCounts {
  readonly framesSent: number;
  readonly framesEncoded: number;
  readonly audioPackets: number;
  readonly videoPackets: number;
  readonly retransmitted: number;
  /** Bits per second that the browser's estimate allows. */
  readonly available: number;
  readonly targetBitrate: number;
  readonly codec: string;
  /** Parameters that the browser sends the video with. */
  readonly fmtp: string;
  readonly state: string;
}

/** Runs in the page: a moving picture and a tone, published over a plain RTCPeerConnection. */
const SCRIPT = `
window.publish = async (wish) => {
  const pc = (window.pc = new RTCPeerConnection({ bundlePolicy: 'max-compat' }));
  const stream = new MediaStream();
  if (wish.audio) {
    const context = (window.context = new AudioContext());
    await context.resume();
    const tone = context.createOscillator();
    const out = context.createMediaStreamDestination();
    tone.connect(out);
    tone.start();
    stream.addTrack(out.stream.getAudioTracks()[0]);
  }
  if (wish.video) {
    const canvas = document.createElement('canvas');
    canvas.width = wish.width ?? 640;
    canvas.height = wish.height ?? 360;
    const paint = canvas.getContext('2d', { willReadFrequently: true });
    let n = 0;
    window.timer = setInterval(() => {
      n++;
      for (let i = 0; i < 60; i++) {
        paint.fillStyle = 'hsl(' + ((n * 7 + i * 37) % 360) + ' 90% 50%)';
        paint.fillRect((i * 83 + n * 11) % canvas.width, (i * 47 + n * 5) % canvas.height, 90, 60);
      }
    }, 33);
    stream.addTrack(canvas.captureStream(30).getVideoTracks()[0]);
  }
  for (const track of stream.getTracks()) {
    const transceiver = pc.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
    const mime = wish[track.kind];
    const all = RTCRtpSender.getCapabilities(track.kind).codecs;
    const first = all.filter((c) => c.mimeType.toLowerCase() === mime.toLowerCase());
    const rest = all.filter((c) => !first.includes(c));
    transceiver.setCodecPreferences(track.kind === 'audio' ? first : [...first, ...rest]);
    if (track.kind === 'video' && wish.maxBitrate) {
      const parameters = transceiver.sender.getParameters();
      parameters.encodings[0].maxBitrate = wish.maxBitrate;
      parameters.degradationPreference = 'maintain-resolution';
      await transceiver.sender.setParameters(parameters);
    }
  }
  const offer = await pc.createOffer();
  const reply = await fetch('/offer', { method: 'POST', body: offer.sdp });
  if (!reply.ok) throw new Error(await reply.text());
  await pc.setLocalDescription(offer);
  await pc.setRemoteDescription({ type: 'answer', sdp: await reply.text() });
};
window.counts = async () => {
  const out = { framesSent: 0, framesEncoded: 0, audioPackets: 0, videoPackets: 0, retransmitted: 0,
    available: 0, targetBitrate: 0, codec: '', fmtp: '', state: window.pc.connectionState };
  const stats = await window.pc.getStats();
  stats.forEach((each) => {
    if (each.type === 'candidate-pair' && each.availableOutgoingBitrate) out.available = each.availableOutgoingBitrate;
    if (each.type !== 'outbound-rtp') return;
    out.retransmitted += each.retransmittedPacketsSent ?? 0;
    if (each.kind === 'audio') out.audioPackets = each.packetsSent - (each.retransmittedPacketsSent ?? 0);
    if (each.kind !== 'video') return;
    out.framesSent = each.framesSent;
    out.framesEncoded = each.framesEncoded;
    out.videoPackets = each.packetsSent;
    out.targetBitrate = each.targetBitrate ?? 0;
    out.codec = stats.get(each.codecId)?.mimeType ?? '';
    out.fmtp = stats.get(each.codecId)?.sdpFmtpLine ?? '';
  });
  return out;
};
/* Stops the media, waits until what was encoded is sent, and reports. */
window.finish = async () => {
  for (const sender of window.pc.getSenders()) if (sender.track) sender.track.stop();
  clearInterval(window.timer);
  await new Promise((resolve) => setTimeout(resolve, 300));
  return window.counts();
};
`;

declare global {
  // What the page's script above defines.
  var publish: (wish: PageWish) => Promise<void>;
  var counts: () => Promise<PageCounts>;
  var finish: () => Promise<PageCounts>;
  var pc: {
    close(): void;
    getSenders(): { replaceTrack(track: null): Promise<void> }[];
  };
}

/** A headless Chromium whose pages publish to `answer`. */
export class PublishingBrowser {
  readonly #browser: Browser;
  readonly #server: Server;
  /** Answers an offer; set by each test. */
  answer: (sdp: string) => Promise<string> = () => Promise.reject(new Error('nobody answers'));

  private constructor(browser: Browser) {
    this.#browser = browser;
    this.#server = createServer((request, response) => {
      if (request.method !== 'POST') {
        response.setHeader('content-type', 'text/html');
        response.end('<!doctype html><title>publisher</title>');
        return;
      }
      void body(request)
        .then((sdp) => this.answer(sdp))
        .then((answer) => response.end(answer))
        .catch((error: unknown) => response.writeHead(500).end(String(error)));
    });
  }

  static async launch(...args: string[]): Promise<PublishingBrowser> {
    const flags = ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'];
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: [...flags, ...args] });
    const self = new PublishingBrowser(browser);
    await new Promise<void>((resolve) => self.#server.listen(0, '127.0.0.1', resolve));
    return self;
  }

  /** Opens a page that is ready to publish. */
  async page(): Promise<Page> {
    const page = await this.#browser.newPage();
    await page.goto(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`);
    await page.evaluate(SCRIPT);
    return page;
  }

  async close(): Promise<void> {
    await this.#browser.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function body(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}
