import type { Stream } from '../../streams/stream.ts';
import type { MediaSynchroniser } from '../rtp/clock.ts';
import { packetsLost } from '../rtp/loss.ts';
import { parseRtp } from '../rtp/packet.ts';
import type { RtpPacket } from '../rtp/packet.ts';
import { parseRtcp, writeReceiverReport, writeSourceDescription } from '../rtp/rtcp.ts';
import type { SenderReport } from '../rtp/rtcp.ts';
import { TrackReceiver } from '../rtp/trackReceiver.ts';
import type { TrackStatistics } from '../rtp/trackReceiver.ts';
import type { TrackFormat } from './announce.ts';

/** The numbers of the WebRTC room, so that recordings look alike. */
const TRACK_ID = { video: 1, audio: 2 } as const;
/** Packets that may wait behind a missing one: about 2 s of 8 Mbit/s video, 10 s of audio. */
const MAX_HELD_PACKETS = { video: 2_048, audio: 512 } as const;
/** A payload that is a smaller part of what it came in is copied, or each would keep a whole read in memory. */
const SMALLEST_VIEW = 1 / 16;

/** What a track is received with. */
export interface IntakeDeps {
  readonly stream: Stream;
  readonly synchroniser: MediaSynchroniser;
  /** How long a missing packet is waited for, ms; 0 where packets come in order. */
  readonly lossWaitMs: number;
  readonly maxFrameBytes: number;
  /** SSRC of the server's reports. */
  readonly senderSsrc: number;
}

function compact(packet: RtpPacket): RtpPacket {
  const { payload } = packet;
  const isLarge = payload.length >= payload.buffer.byteLength * SMALLEST_VIEW;
  return { ...packet, payload: isLarge ? payload : Buffer.from(payload), extensions: undefined };
}

/** One track's way from its packets to the stream, and back to the client its receiver reports. */
export class TrackIntake {
  readonly format: TrackFormat;
  readonly #deps: IntakeDeps;
  readonly #receiver: TrackReceiver;
  /** A report that came before the first packet: FFmpeg sends its first one so. */
  #earlyReport: SenderReport | undefined;
  #strays = 0;

  constructor(format: TrackFormat, deps: IntakeDeps) {
    this.format = format;
    this.#deps = deps;
    const { stream, synchroniser, lossWaitMs, maxFrameBytes } = deps;
    const { kind, codec, clockRate, channels, fmtp } = format;
    this.#receiver = new TrackReceiver(
      {
        ...{ trackId: TRACK_ID[kind], codec, clockRate, channels, fmtp, synchroniser, lossWaitMs },
        ...{ canNack: false, maxHeldPackets: MAX_HELD_PACKETS[kind], maxAccessUnitBytes: maxFrameBytes },
      },
      {
        onTrack: (track) => stream.setTrack(track),
        onSample: (sample) => stream.push(sample),
        onLoss: (loss) => stream.report(packetsLost(TRACK_ID[kind], loss)),
        nack: () => undefined,
        // RTSP has no way to ask for one that encoders listen to.
        keyFrame: () => undefined,
      },
    );
  }

  /** Takes one RTP packet. @returns false when it is none of this track. */
  rtp(data: Buffer, nowMs: number): boolean {
    const packet = parseRtp(data);
    if (packet?.payloadType !== this.format.payloadType) {
      this.#strays++;
      return false;
    }
    this.#receiver.push(compact(packet), nowMs);
    if (this.#earlyReport !== undefined) this.#useEarly(this.#earlyReport, nowMs);
    return true;
  }

  /** Takes one RTCP packet; anything else is passed over. */
  rtcp(data: Buffer, nowMs: number): void {
    for (const part of parseRtcp(data)) {
      if (part.type !== 'senderReport') continue;
      if (this.#receiver.ssrc === undefined) this.#earlyReport = part;
      else this.#receiver.senderReport(part, nowMs);
    }
  }

  /** Gives up what is too late. */
  check(nowMs: number): void {
    this.#receiver.check(nowMs);
  }

  /** Delivers what arrived whole: the end of the track. */
  flush(): void {
    this.#receiver.flush();
  }

  /** The receiver report that is due (RFC 3550, 6.4.2); undefined before any packet. */
  report(nowMs: number): Buffer | undefined {
    const block = this.#receiver.reportBlock(nowMs);
    const { senderSsrc } = this.#deps;
    if (block === undefined) return undefined;
    const description = writeSourceDescription(senderSsrc, 'recorderd');
    return Buffer.concat([writeReceiverReport(senderSsrc, [block]), description]);
  }

  statistics(): TrackStatistics & { readonly strays: number } {
    return { ...this.#receiver.statistics(), strays: this.#strays };
  }

  #useEarly(report: SenderReport, nowMs: number): void {
    this.#earlyReport = undefined;
    this.#receiver.senderReport(report, nowMs);
  }
}
