import type { Sample, Track } from '../../domain/media.ts';
import type { MediaSynchroniser } from './clock.ts';
import type { RtpPacket } from './packet.ts';
import type { ReportBlock, SenderReport } from './rtcp.ts';

/** Codecs with a depacketiser. */
export type RtpCodec = 'h264' | 'hevc' | 'vp8' | 'opus' | 'pcmu' | 'pcma' | 'aac';

/** What the SDP says about a track, and the bounds of its reception. */
export interface TrackReceiverInit {
  readonly trackId: number;
  readonly codec: RtpCodec;
  /** Of the rtpmap, Hz. */
  readonly clockRate: number;
  /** Of the rtpmap; 1 when it names none. */
  readonly channels?: number;
  /** Text of the `a=fmtp` line after the payload type. */
  readonly fmtp?: string;
  /** Shared by the tracks of one publication. */
  readonly synchroniser: MediaSynchroniser;
  /** How long a missing packet is waited for, ms. */
  readonly lossWaitMs: number;
  /** The sender answers NACKs: missing packets are asked for. */
  readonly canNack: boolean;
  /** Packets held behind a missing one; beyond it the missing one is given up. A power of two. */
  readonly maxHeldPackets: number;
  /** Largest access unit; a longer one is discarded as damaged. */
  readonly maxAccessUnitBytes: number;
}

/** What a receiver tells and asks. None may throw. */
export interface TrackReceiverEvents {
  /** Before the track's first sample, and whenever its configuration or size changed. */
  readonly onTrack: (track: Track) => void;
  readonly onSample: (sample: Sample) => void;
  /** Ask for these 16-bit sequence numbers again. Only with `canNack`. */
  readonly nack: (sequences: readonly number[]) => void;
  /** Ask for a key frame (PLI). At most once in 500 ms. Only for video. */
  readonly keyFrame: () => void;
}

/** Counts since the start. */
export interface TrackStatistics {
  /** Distinct packets that arrived. */
  readonly received: number;
  readonly bytes: number;
  /** Packets found missing when later ones arrived, reordered ones included. */
  readonly lost: number;
  /** Of those, arrived after all. */
  readonly recovered: number;
  /** Of those, given up. */
  readonly givenUp: number;
  /** Copies and packets that came after they were given up. */
  readonly duplicates: number;
  readonly nacks: number;
  readonly keyFrameRequests: number;
  /** Interarrival jitter, ms. */
  readonly jitterMs: number;
  readonly samples: number;
  /** Access units discarded as damaged or too large. */
  readonly discarded: number;
}

/** Receives one track: RTP packets in, samples out. No timers of its own: `check` is called every 10 to 20 ms. */
export class TrackReceiver {
  constructor(init: TrackReceiverInit, events: TrackReceiverEvents) {
    void [init, events];
  }

  /** SSRC of the newest packet; undefined before the first. */
  get ssrc(): number | undefined {
    return undefined;
  }

  /** Takes a packet of this track, a retransmission already unwrapped. `arrivalMs` is of a monotonic clock. */
  push(packet: RtpPacket, arrivalMs: number): void {
    void [packet, arrivalMs];
  }

  /** Takes a sender report of this track's SSRC. */
  senderReport(report: SenderReport, arrivalMs: number): void {
    void [report, arrivalMs];
  }

  /** Asks for what is missing and gives up what is too late. */
  check(nowMs: number, rttMs?: number): void {
    void [nowMs, rttMs];
  }

  /** Delivers what arrived whole; the end. `MediaSynchroniser.flush` comes after all tracks' flush. */
  flush(): void {}

  /** Reception statistics for a receiver report, which start the next report's interval; undefined before any packet. */
  reportBlock(nowMs: number): ReportBlock | undefined {
    void nowMs;
    return undefined;
  }

  statistics(): TrackStatistics {
    throw new Error('not yet');
  }
}
