import type { Sample } from '../../domain/media.ts';
import type { Stream } from '../../streams/stream.ts';
import type { MediaSynchroniser } from '../rtp/clock.ts';
import { packetsLost } from '../rtp/loss.ts';
import type { RtpPacket, RtxOrigin } from '../rtp/packet.ts';
import { writeFir, writeNack, writePli } from '../rtp/rtcp.ts';
import { TrackReceiver } from '../rtp/trackReceiver.ts';
import type { TrackStatistics } from '../rtp/trackReceiver.ts';
import type { Accepted } from './negotiation.ts';

const TRACK_ID = { video: 1, audio: 2 } as const;
/** Packets that may wait behind a missing one: about 2 s of 8 Mbit/s video, 10 s of audio. */
const MAX_HELD_PACKETS = { video: 2_048, audio: 512 } as const;
const MAX_ACCESS_UNIT_BYTES = 8_388_608;
/** A source silent for this long may be followed by another under the same payload type. */
const SOURCE_SILENCE_MS = 1_000;

/** What a route works with. */
export interface RouteDeps {
  readonly stream: Stream;
  readonly synchroniser: MediaSynchroniser;
  readonly lossWaitMs: number;
  /** Longest time without a key frame before one is asked for; 0 never asks. */
  readonly keyFrameIntervalMs: number;
  readonly senderSsrc: number;
  readonly send: (packet: Buffer) => boolean;
}

/** The way of one m-line's packets to its receiver, and of the receiver's requests back. */
export class Route {
  readonly kind: Accepted['kind'];
  readonly receiver: TrackReceiver;
  readonly #payloadType: number;
  readonly #rtxPayloadType: number | undefined;
  readonly #retransmissions: ReadonlyMap<number, number>;
  readonly #hasPli: boolean;
  readonly #deps: RouteDeps;
  #origin: RtxOrigin | undefined;
  #ssrc: number | undefined;
  #lastMs = 0;
  /** When a key frame came, or was asked for here. */
  #keyFrameMs = Infinity;
  #firs = 0;

  constructor(accepted: Accepted, deps: RouteDeps) {
    const { kind, format, section, codec, feedback } = accepted;
    this.kind = kind;
    this.#deps = deps;
    this.#payloadType = format.payloadType;
    this.#rtxPayloadType = kind === 'video' ? accepted.rtx?.payloadType : undefined;
    this.#retransmissions = section.retransmissions;
    this.#hasPli = feedback.includes('nack pli') || !feedback.includes('ccm fir');
    const { stream, synchroniser, lossWaitMs } = deps;
    this.receiver = new TrackReceiver(
      {
        trackId: TRACK_ID[kind],
        codec,
        clockRate: format.clockRate,
        ...(format.channels === undefined ? {} : { channels: format.channels }),
        fmtp: format.fmtp,
        synchroniser,
        lossWaitMs,
        canNack: feedback.includes('nack'),
        maxHeldPackets: MAX_HELD_PACKETS[kind],
        maxAccessUnitBytes: MAX_ACCESS_UNIT_BYTES,
      },
      {
        onTrack: (track) => stream.setTrack(track),
        onSample: (sample) => this.#push(sample),
        onLoss: (loss) => stream.report(packetsLost(TRACK_ID[kind], loss)),
        nack: (sequences) => this.#nack(sequences),
        keyFrame: () => this.#keyFrame(),
      },
    );
  }

  /** Source of the media; undefined before its first packet. */
  get ssrc(): number | undefined {
    return this.#ssrc;
  }

  takes(payloadType: number): boolean {
    return payloadType === this.#payloadType || payloadType === this.#rtxPayloadType;
  }

  isRepeat(packet: RtpPacket): boolean {
    return packet.payloadType === this.#rtxPayloadType;
  }

  /** What a retransmission of source `ssrc` repeats: what the offer says, else the media's only source. */
  originOf(ssrc: number): RtxOrigin | undefined {
    const origin = this.#retransmissions.get(ssrc) ?? this.#ssrc;
    if (origin === undefined) return undefined;
    if (this.#origin?.ssrc !== origin) this.#origin = { ssrc: origin, payloadType: this.#payloadType };
    return this.#origin;
  }

  /** True when packets of `ssrc` belong to the track: one source at a time, another only after it. */
  admits(ssrc: number, nowMs: number): boolean {
    if (ssrc !== this.#ssrc) {
      if (this.#ssrc !== undefined && nowMs - this.#lastMs < SOURCE_SILENCE_MS) return false;
      this.#ssrc = ssrc;
    }
    this.#lastMs = nowMs;
    return true;
  }

  /** Sources said goodbye, so that others may follow at once. */
  left(ssrcs: readonly number[]): void {
    if (this.#ssrc !== undefined && ssrcs.includes(this.#ssrc)) this.#lastMs = -Infinity;
  }

  statistics(): TrackStatistics {
    return this.receiver.statistics();
  }

  /**
   * Does what is due. A browser that is not asked sends hardly a key frame, but parts are cut, and recordings on
   * demand begin, at key frames.
   */
  tick(nowMs: number): void {
    this.receiver.check(nowMs);
    const { keyFrameIntervalMs } = this.#deps;
    if (keyFrameIntervalMs === 0 || nowMs - this.#keyFrameMs < keyFrameIntervalMs) return;
    this.#keyFrameMs = nowMs;
    if (this.kind === 'video') this.#keyFrame();
  }

  #push(sample: Sample): void {
    if (sample.key) this.#keyFrameMs = this.#lastMs;
    this.#deps.stream.push(sample);
  }

  #nack(sequences: readonly number[]): void {
    if (this.#ssrc !== undefined) this.#deps.send(writeNack(this.#ssrcs(this.#ssrc), sequences));
  }

  #keyFrame(): void {
    if (this.#ssrc === undefined) return;
    const ssrcs = this.#ssrcs(this.#ssrc);
    this.#deps.send(this.#hasPli ? writePli(ssrcs) : writeFir(ssrcs, ++this.#firs));
  }

  #ssrcs(mediaSsrc: number): { readonly senderSsrc: number; readonly mediaSsrc: number } {
    return { senderSsrc: this.#deps.senderSsrc, mediaSsrc };
  }
}
