import type { ConsoleMessage, Page } from 'playwright-core';
import type { UdpRelay } from './udpRelay.ts';

export interface SourceOptions {
  readonly width?: number;
  readonly height?: number;
  readonly fps?: number;
  /** Share of the picture that is noise, new in every frame: 0 is cheap to encode, 1 uses every bit there is. */
  readonly detail?: number;
  /** Flashes cost next to no bits: without them a limit can be reached. */
  readonly flashes?: boolean;
}

export interface PageOptions {
  /** Bundle of the Web SDK; null = a page without it. */
  readonly sdk?: 'flashphoner-webrtc-only.js' | 'flashphoner.js' | null;
  /** Flash and beep; null = the browser's own fake devices. */
  readonly source?: SourceOptions | null;
  /** Relay for publications that go `throughRelay`. */
  readonly relay?: UdpRelay;
}

/** Changes to a publication that the SDK has no option for. */
export interface ConnectionOptions {
  /** The only video codec in the offer. */
  readonly codec?: 'vp8' | 'h264';
  readonly withoutRtx?: boolean;
  readonly throughRelay?: boolean;
  readonly dtx?: boolean;
}

/** Options of the SDK's createStream, as far as tests use them. */
export interface StreamOptions {
  readonly name: string;
  readonly record?: boolean;
  readonly stripCodecs?: string;
  readonly transport?: 'UDP' | 'TCP';
  readonly constraints?: Readonly<Record<string, unknown>>;
  readonly custom?: Readonly<Record<string, unknown>>;
}

export interface StreamEvent {
  readonly status: string;
  readonly info: string | null;
  readonly recordName: string | null;
  readonly mediaSessionId: string;
}

/** What getStats says of one kind of media sent. */
export interface SentCounters {
  readonly packetsSent: number;
  readonly bytesSent: number;
  readonly retransmittedPacketsSent: number;
  readonly nackCount: number;
  readonly framesSent: number;
  readonly framesEncoded: number;
  readonly keyFramesEncoded: number;
  readonly pliCount: number;
  readonly frameWidth: number;
  readonly frameHeight: number;
  readonly targetBitrate: number;
  readonly timestamp: number;
}

export interface Counters {
  readonly video: SentCounters;
  readonly audio: SentCounters;
}

export interface Playback {
  readonly videoWidth: number;
  readonly videoHeight: number;
  readonly duration: number;
  readonly stops: readonly number[];
}

/** A page that publishes, driven from the test: each method is the one of the same name in page/publisher.mjs. */
export class PublisherPage {
  /** What the page wrote to its console as an error, and exceptions nobody caught. */
  readonly errors: string[] = [];
  readonly #page: Page;

  private constructor(page: Page) {
    this.#page = page;
    page.on('pageerror', (error) => this.errors.push(error.message));
    page.on('console', (message: ConsoleMessage) => {
      if (message.type() === 'error') this.errors.push(message.text());
    });
  }

  static async open(page: Page, url: string, options: PageOptions): Promise<PublisherPage> {
    const opened = new PublisherPage(page);
    const { relay } = options;
    if (relay !== undefined)
      await page.exposeFunction('relayCandidate', (address: string, port: number) =>
        relay.towards(address, port),
      );
    await page.goto(url);
    await page.waitForFunction('globalThis.harness !== undefined');
    const sdk = options.sdk === undefined ? 'flashphoner-webrtc-only.js' : options.sdk;
    const source = options.source === undefined ? {} : options.source;
    await opened.#call('load', { ...(sdk === null ? {} : { sdk }), ...(source === null ? {} : { source }) });
    return opened;
  }

  /** Opens a Web SDK session; `urlServer` as the pages of the vendor write it. */
  async connect(
    urlServer: string,
    options: Readonly<Record<string, unknown>> = {},
  ): Promise<readonly string[]> {
    return this.#call('connect', { urlServer, ...options });
  }

  async sessionStatuses(): Promise<readonly string[]> {
    return this.#call('sessionStatuses');
  }

  async disconnect(): Promise<void> {
    return this.#call('disconnect');
  }

  async publish(stream: StreamOptions, connection: ConnectionOptions = {}): Promise<StreamEvent> {
    return this.#call('publish', { stream, ...connection });
  }

  async until(name: string, statuses: readonly string[], withinMs = 30_000): Promise<StreamEvent> {
    return this.#call('until', name, statuses, withinMs);
  }

  async events(name: string): Promise<readonly StreamEvent[]> {
    return this.#call('events', name);
  }

  async streamEvent(name: string, type: string): Promise<Readonly<Record<string, unknown>>> {
    return this.#call('streamEvent', name, type);
  }

  async counters(name: string): Promise<Counters> {
    return this.#call('counters', name);
  }

  /** Waits until so many frames have been sent. */
  async untilSent(name: string, frames: number): Promise<void> {
    return this.#call('untilSent', name, frames);
  }

  async sentBeforeSecondKeyFrame(name: string): Promise<number> {
    return this.#call('sentBeforeSecondKeyFrame', name);
  }

  async freeze(name: string): Promise<Counters> {
    return this.#call('freeze', name);
  }

  async thaw(): Promise<void> {
    return this.#call('thaw');
  }

  async stop(name: string): Promise<StreamEvent> {
    return this.#call('stop', name);
  }

  /** Calls a method of the SDK's stream, e.g. switchMic. */
  async sdk(name: string, method: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.#call('call', name, method, ...args);
  }

  async available(name: string): Promise<true | string> {
    return this.#call('available', name);
  }

  async snapshot(name: string): Promise<{ type: string; payload: { snapshot?: string; info?: string } }> {
    return this.#call('snapshot', name);
  }

  async sendData(payload: unknown): Promise<string> {
    return this.#call('sendData', payload);
  }

  async pauseTrack(name: string, kind: 'audio' | 'video', ms: number): Promise<void> {
    return this.#call('pauseTrack', name, kind, ms);
  }

  /** Changes how the video is encoded. */
  async encode(
    name: string,
    encoding: { readonly scaleResolutionDownBy?: number; readonly maxBitrate?: number },
  ): Promise<void> {
    return this.#call('encode', name, encoding);
  }

  async play(url: string, seekTo: readonly number[]): Promise<Playback> {
    return this.#call('play', url, seekTo);
  }

  async offer(
    name: string,
    options: { options?: ConnectionOptions; extra?: readonly ('data' | 'video')[] } = {},
  ): Promise<string> {
    return this.#call('offer', name, options);
  }

  async answer(name: string, sdp: string): Promise<void> {
    return this.#call('answer', name, sdp);
  }

  async closeConnection(name: string): Promise<void> {
    return this.#call('close', name);
  }

  /** The process of the page dies, as when a tab is killed. */
  async crash(): Promise<void> {
    const crashed = this.#page.waitForEvent('crash');
    await Promise.allSettled([this.#page.goto('chrome://crash', { timeout: 5000 }), crashed]);
  }

  async close(): Promise<void> {
    await this.#page.context().close();
  }

  async #call<T>(method: string, ...args: readonly unknown[]): Promise<T> {
    return this.#page.evaluate(
      async (call) => {
        const { harness } = globalThis as unknown as {
          harness: Record<string, (...given: readonly unknown[]) => Promise<unknown>>;
        };
        return (await harness[call.method]!(...call.args)) as never;
      },
      { method, args },
    );
  }
}
