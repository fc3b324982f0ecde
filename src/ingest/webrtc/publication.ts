import type { Logger } from '../../domain/log.ts';
import type { WebRtcPublication, WebRtcPublicationEvents } from '../../streams/contracts.ts';
import { LeapReports } from '../../streams/leapReports.ts';
import type { Stream } from '../../streams/stream.ts';
import type { Streams } from '../../streams/streams.ts';
import type { Leap } from '../../streams/timeline.ts';
import { ReceptionClock } from '../rtp/receptionClock.ts';
import { packetCounts } from '../rtp/trackReceiver.ts';
import { writeAnswer, writeTransportOffer } from './answer.ts';
import type { Negotiated } from './negotiation.ts';
import { Reception } from './reception.ts';
import type { ReceptionOptions } from './reception.ts';
import type { MediaTransport, TransportState } from './transport.ts';

/** Time limits of a publication. */
export interface PublicationOptions extends ReceptionOptions {
  /** From the offer to the first media. */
  readonly publishTimeoutMs: number;
  /** Longest silence of a stream; absent leaves it to ICE to notice. */
  readonly idleTimeoutMs?: number;
}

/** What a publication works with. */
export interface PublicationDeps {
  readonly stream: Stream;
  readonly streams: Streams;
  readonly negotiated: Negotiated;
  readonly transport: MediaTransport;
  readonly events: WebRtcPublicationEvents;
  readonly log: Logger;
  /** The publication is over; the promise resolves when its transport is gone. */
  readonly onGone: (closed: Promise<void>) => void;
}

/** WCS's texts for the ends that begin here. */
const INFO = {
  iceError: 'Failed by ICE error',
  iceTimeout: 'Failed by ICE timeout',
  iceKeepAlive: 'Failed by ICE keep alive',
  dtlsError: 'Failed by DTLS error',
  fingerprint: 'Failed by DTLS fingerprint error',
  rtpActivity: 'Failed by RTP activity',
  clientLeft: 'Stopped by publisher stop',
  fault: 'Failed by error',
} as const;

/**
 * A client says that it stops in another connection than its media comes in, and both come through other threads:
 * what was sent before may be handed over later. The end waits for this long a silence.
 */
const LINGER_MS = 60;
/** And for so long at most, where a client goes on sending. */
const MAX_LINGER_MS = 240;

/** One WebRTC publication from its offer to its end. */
export class Publication implements WebRtcPublication {
  readonly stream: Stream;
  readonly #deps: PublicationDeps;
  readonly #options: PublicationOptions;
  readonly #log: Logger;
  readonly #leaps: LeapReports;
  readonly #reception: Reception;
  readonly #startedMs = performance.now();
  readonly #clock = new ReceptionClock(this.#startedMs);
  #answer = '';
  #transportState: TransportState = 'connecting';
  #publishingMs: number | undefined;
  #ending: { readonly info: string; readonly sinceMs: number } | undefined;
  #isOver = false;

  constructor(deps: PublicationDeps, options: PublicationOptions) {
    const { stream, negotiated, transport, log } = deps;
    this.stream = stream;
    this.#deps = deps;
    this.#options = options;
    this.#log = log.child({ streamName: stream.name, mediaSessionId: stream.mediaSessionId });
    this.#leaps = new LeapReports(this.#log);
    const onLeap = (leap: Leap): void => this.#leaps.add(stream, leap);
    stream.packets = () => packetCounts(Object.values(this.#reception.statistics()));
    this.#reception = new Reception(negotiated, stream, { ...options, onLeap }, (packet) =>
      transport.sendRtcp(packet),
    );
    transport.onPacket((packet) => this.#receive(packet));
    transport.onState((state) => this.#stateChanged(state));
  }

  get answer(): string {
    return this.#answer;
  }

  /** Writes the answer. @throws whatever the transport throws; the publication is then to be abandoned. */
  async open(): Promise<void> {
    const { negotiated, transport } = this.#deps;
    const local = await transport.answer(writeTransportOffer(negotiated));
    this.#answer = writeAnswer(negotiated, local, String(Date.now()));
    const { audio, video, refused } = negotiated;
    this.#log.info('webrtc stream offered', { audio: audio?.codec, video: video?.codec });
    if (refused.length > 0)
      this.#log.warn('webrtc media has no codec in common with the server', { refused });
  }

  /** Ends the publication in a few hundredths of a second, when what was sent before has arrived. */
  end(info: string): void {
    if (this.#isOver || this.#ending !== undefined) return;
    if (this.#transportState === 'connected' || this.#transportState === 'closed') {
      this.#ending = { info, sinceMs: this.#clock.at(performance.now()) };
    } else {
      this.finish(info);
    }
  }

  /** Everything that waits, for lost packets or for sender reports, waits no longer. Never throws. */
  flush(): void {
    if (this.#isOver) return;
    try {
      this.#reception.flush();
    } catch (err) {
      this.#log.error('webrtc reception failed at its end', { err });
    }
  }

  /** Ends the publication at once. Later calls do nothing. */
  finish(info: string): void {
    if (this.#isOver) return;
    this.#release();
    // Whoever waits for the answer learns it from `open`'s caller.
    if (this.#answer === '') return;
    this.#tell(() => this.#logEnd(info));
    this.#tell(() => this.#deps.events.onEnded(info));
  }

  /** Undoes a publication that was never answered: nobody is told. Later calls do nothing. */
  abandon(): void {
    if (!this.#isOver) this.#release();
  }

  /** Does what is due. Called about every 20 ms with `performance.now()`; never throws. */
  tick(steadyMs: number): void {
    if (this.#isOver) return;
    try {
      const nowMs = this.#clock.tick(steadyMs);
      this.#reception.tick(nowMs);
      const info = this.#dueEnd(nowMs);
      if (info !== undefined) this.finish(info);
    } catch (err) {
      this.#fault(err);
    }
  }

  #dueEnd(nowMs: number): string | undefined {
    const { lastMediaMs } = this.#reception;
    if (this.#ending !== undefined) {
      const { info, sinceMs } = this.#ending;
      const isQuiet = nowMs - Math.max(sinceMs, lastMediaMs ?? 0) >= LINGER_MS;
      return isQuiet || nowMs - sinceMs >= MAX_LINGER_MS ? info : undefined;
    }
    const { publishTimeoutMs, idleTimeoutMs } = this.#options;
    if (lastMediaMs === undefined) {
      return nowMs - this.#startedMs >= publishTimeoutMs ? this.#missed() : undefined;
    }
    const isSilent = idleTimeoutMs !== undefined && nowMs - lastMediaMs >= idleTimeoutMs;
    return isSilent ? INFO.rtpActivity : undefined;
  }

  /** What the client was waiting for when its time was over. */
  #missed(): string {
    if (this.#transportState === 'connecting') return INFO.iceTimeout;
    return this.#transportState === 'connected' ? INFO.rtpActivity : INFO.dtlsError;
  }

  #receive(packet: Buffer): void {
    if (this.#isOver) return;
    try {
      this.#reception.receive(packet, this.#clock.at(performance.now()));
      if (this.#publishingMs === undefined && this.#reception.lastMediaMs !== undefined) this.#publishing();
    } catch (err) {
      this.#fault(err);
    }
  }

  #publishing(): void {
    this.#publishingMs = this.#reception.lastMediaMs;
    this.stream.status = 'PUBLISHING';
    this.#log.info('webrtc stream published');
    this.#tell(() => this.#deps.events.onPublishing());
  }

  #stateChanged(state: TransportState): void {
    try {
      this.#follow(state);
    } catch (err) {
      this.#fault(err);
    }
  }

  #follow(state: TransportState): void {
    const isUp = this.#transportState === 'connected';
    this.#transportState = state;
    if (this.#ending !== undefined) return;
    if (state === 'closed') this.end(INFO.clientLeft);
    if (state === 'ice-failed') this.finish(isUp ? INFO.iceKeepAlive : INFO.iceError);
    if (state === 'dtls-failed') this.finish(INFO.dtlsError);
    if (state === 'fingerprint-failed') this.finish(INFO.fingerprint);
  }

  /** A mistake of the server must end one stream, not all. */
  #fault(err: unknown): void {
    this.#log.error('webrtc reception failed', { err });
    this.#tell(() => this.finish(INFO.fault));
  }

  #release(): void {
    this.flush();
    this.#isOver = true;
    this.#leaps.close();
    const { streams, transport, onGone } = this.#deps;
    streams.unpublish(this.stream);
    onGone(transport.close());
  }

  #tell(call: () => void): void {
    try {
      call();
    } catch (err) {
      this.#log.error('webrtc publication event failed', { err });
    }
  }

  #logEnd(reason: string): void {
    const statistics = this.#reception.statistics();
    const nowMs = this.#clock.at(performance.now());
    const seconds = (nowMs - (this.#publishingMs ?? nowMs)) / 1000;
    const bytes = Object.values(statistics).reduce((sum, each) => sum + each.bytes, 0);
    this.#log.info('webrtc stream ended', {
      reason,
      seconds: Math.round(seconds * 10) / 10,
      kilobitsPerSecond: seconds > 0 ? Math.round((bytes * 8) / 1000 / seconds) : 0,
      ...statistics,
      strays: this.#reception.strays,
    });
  }
}
