import { randomBytes } from 'node:crypto';
import type { Stream } from '../../streams/stream.ts';
import type { Leap } from '../../streams/timeline.ts';
import { MediaSynchroniser } from '../rtp/clock.ts';
import { extensionUint16, isRtcp, parseRtp, unwrapRtx } from '../rtp/packet.ts';
import type { RtpPacket } from '../rtp/packet.ts';
import { parseRtcp, writeReceiverReport, writeSourceDescription } from '../rtp/rtcp.ts';
import { TwccRecorder } from '../rtp/twcc.ts';
import type { Negotiated } from './negotiation.ts';
import { Route } from './route.ts';

/** Waits for lost packets and for sender reports. */
export interface ReceptionOptions {
  readonly videoLossWaitMs: number;
  readonly audioLossWaitMs: number;
  /** Longest time without a key frame before one is asked for; 0 never asks. */
  readonly keyFrameIntervalMs: number;
  /** Time the beginning of a stream waits for the reports that align audio with video. */
  readonly syncWaitMs: number;
  /** Told of each track whose media clock was set anew, right before its first sample after that. */
  readonly onLeap?: (leap: Leap) => void;
}

/** Chromium's own interval; a tenth of a second behind, its estimate already lags. */
const FEEDBACK_INTERVAL_MS = 100;
const REPORT_INTERVAL_MS = 1_000;
/** Packets of 100 ms at 100 Mbit/s. */
const MAX_FEEDBACK_PACKETS = 1_024;
/** Leaves room for IP, UDP and SRTCP within 1280 bytes. */
const MAX_FEEDBACK_BYTES = 1_150;
/** Some 3 s of 4 Mbit/s. */
const MAX_HELD_BYTES = 16_777_216;

/** Datagrams that came to nothing, by cause. */
export interface Strays {
  readonly malformed: number;
  readonly unknownPayloadType: number;
  readonly unknownSsrc: number;
}

/** Everything above SRTP of one publication: decrypted datagrams in, samples of the stream and RTCP out. */
export class Reception {
  readonly #negotiated: Negotiated;
  readonly #sendRtcp: (packet: Buffer) => boolean;
  readonly #synchroniser: MediaSynchroniser;
  readonly #routes: readonly Route[];
  readonly #twcc: TwccRecorder;
  /** RFC 3550, 8.1: chosen at random. */
  readonly #ssrc = randomBytes(4).readUInt32BE(0);
  readonly #strays = { malformed: 0, unknownPayloadType: 0, unknownSsrc: 0 };
  #nextFeedbackMs = 0;
  #nextReportMs = 0;
  #lastMediaMs: number | undefined;

  /** @param sendRtcp gets whole RTCP packets; false when one could not be sent. */
  constructor(
    negotiated: Negotiated,
    stream: Stream,
    options: ReceptionOptions,
    sendRtcp: (packet: Buffer) => boolean,
  ) {
    this.#negotiated = negotiated;
    this.#sendRtcp = sendRtcp;
    this.#twcc = new TwccRecorder({
      senderSsrc: this.#ssrc,
      maxPackets: MAX_FEEDBACK_PACKETS,
      maxFeedbackBytes: MAX_FEEDBACK_BYTES,
    });
    const synchroniser = new MediaSynchroniser({
      syncWaitMs: options.syncWaitMs,
      maxHeldBytes: MAX_HELD_BYTES,
      ...(options.onLeap === undefined ? {} : { onLeap: options.onLeap }),
    });
    this.#synchroniser = synchroniser;
    this.#routes = negotiated.accepted.map((accepted) => {
      const lossWaitMs = accepted.kind === 'video' ? options.videoLossWaitMs : options.audioLossWaitMs;
      const send = (packet: Buffer): boolean => this.#send(packet);
      const { keyFrameIntervalMs } = options;
      const common = { stream, synchroniser, keyFrameIntervalMs, send, senderSsrc: this.#ssrc };
      return new Route(accepted, { ...common, lossWaitMs });
    });
  }

  /** When the newest packet with media in it arrived; undefined before the first. */
  get lastMediaMs(): number | undefined {
    return this.#lastMediaMs;
  }

  get strays(): Strays {
    return this.#strays;
  }

  /** Takes one datagram, RTP or RTCP. `nowMs` is of the monotonic clock. */
  receive(data: Buffer, nowMs: number): void {
    if (isRtcp(data)) {
      this.#reports(data, nowMs);
      return;
    }
    const packet = parseRtp(data);
    if (packet === undefined) {
      this.#strays.malformed++;
      return;
    }
    const { transportWideId } = this.#negotiated;
    if (transportWideId !== undefined) {
      // Also of packets that are of no other use: the sender waits for news of each.
      const sequence = extensionUint16(packet, transportWideId);
      if (sequence !== undefined) this.#twcc.record(sequence, nowMs, packet.ssrc);
    }
    this.#deliver(packet, nowMs);
  }

  /** Does what is due. Called about every 20 ms. */
  tick(nowMs: number): void {
    for (const route of this.#routes) route.tick(nowMs);
    this.#synchroniser.check(nowMs);
    if (nowMs >= this.#nextFeedbackMs) {
      this.#nextFeedbackMs = nowMs + FEEDBACK_INTERVAL_MS;
      for (const packet of this.#twcc.feedback()) this.#send(packet);
    }
    if (nowMs >= this.#nextReportMs) {
      this.#nextReportMs = nowMs + REPORT_INTERVAL_MS;
      this.#report(nowMs);
    }
  }

  /** Delivers everything that arrived: the end of the reception. */
  flush(): void {
    for (const { receiver } of this.#routes) receiver.flush();
    this.#synchroniser.flush();
  }

  /** Counts for the log, by kind of media. */
  statistics(): Readonly<Record<string, ReturnType<Route['statistics']>>> {
    return Object.fromEntries(this.#routes.map((route) => [route.kind, route.statistics()]));
  }

  #deliver(packet: RtpPacket, nowMs: number): void {
    const route = this.#routes.find((each) => each.takes(packet.payloadType));
    if (route === undefined) {
      this.#strays.unknownPayloadType++;
      return;
    }
    const media = route.isRepeat(packet) ? this.#original(packet, route) : packet;
    if (media === undefined) return;
    if (!route.admits(media.ssrc, nowMs)) {
      this.#strays.unknownSsrc++;
      return;
    }
    if (media.payload.length > 0) this.#lastMediaMs = nowMs;
    route.receiver.push(media, nowMs);
  }

  /** A retransmission without a packet in it is padding, with which the sender probes for bandwidth. */
  #original(packet: RtpPacket, route: Route): RtpPacket | undefined {
    const origin = route.originOf(packet.ssrc);
    if (origin === undefined) this.#strays.unknownSsrc++;
    return origin === undefined ? undefined : unwrapRtx(packet, origin);
  }

  #reports(data: Buffer, nowMs: number): void {
    for (const part of parseRtcp(data)) {
      if (part.type === 'bye') {
        for (const route of this.#routes) route.left(part.ssrcs);
      } else {
        this.#routes.find(({ ssrc }) => ssrc === part.ssrc)?.receiver.senderReport(part, nowMs);
      }
    }
  }

  #report(nowMs: number): void {
    const blocks = this.#routes.flatMap(({ receiver }) => receiver.reportBlock(nowMs) ?? []);
    if (blocks.length === 0) return;
    const packet = [writeReceiverReport(this.#ssrc, blocks), this.#description()];
    this.#sendRtcp(Buffer.concat(packet));
  }

  /** Feedback alone is allowed only where reduced size was agreed (RFC 5506, 4.1). */
  #send(packet: Buffer): boolean {
    if (this.#negotiated.hasReducedSize) return this.#sendRtcp(packet);
    const compound = [writeReceiverReport(this.#ssrc, []), this.#description(), packet];
    return this.#sendRtcp(Buffer.concat(compound));
  }

  #description(): Buffer {
    return writeSourceDescription(this.#ssrc, 'recorderd');
  }
}
