import type { Sample, Track } from '../../domain/media.ts';
import { DecodeTimes, type TimedFrame } from '../../media/decodeTimes.ts';
import type { PacketCounts } from '../../streams/stream.ts';
import type { MediaSynchroniser, SyncedTrack } from './clock.ts';
import { createDepacketiser, type RtpFormat } from './createDepacketiser.ts';
import type { AudioFormat, Depacketiser, Frame, VideoFormat } from './depacketiser.ts';
import type { RtpPacket } from './packet.ts';
import type { Loss } from './loss.ts';
import { Reception } from './reception.ts';
import { ReorderBuffer } from './reorderBuffer.ts';
import type { ReportBlock, SenderReport } from './rtcp.ts';
import { Unwrapper } from './unwrapper.ts';

/** Sooner than this a sender cannot have answered. */
const KEY_FRAME_INTERVAL_MS = 500;
/** When the first packet does not begin a key frame, this many before it are asked for, and waited for this long. */
const PROBE_PACKETS = 5;
const PROBE_WAIT_MS = 200;

/** What the SDP says about a track, and the bounds of its reception. */
export interface TrackReceiverInit extends RtpFormat {
  readonly trackId: number;
  /** Shared by the tracks of one publication. */
  readonly synchroniser: MediaSynchroniser;
  /** How long a missing packet is waited for, ms. */
  readonly lossWaitMs: number;
  /** The sender answers NACKs: missing packets are asked for. */
  readonly canNack: boolean;
  /** Packets held behind a missing one; beyond it the missing one is given up. At least 16. */
  readonly maxHeldPackets: number;
}

/** What a receiver tells and asks. None may throw. */
export interface TrackReceiverEvents {
  /** Before the track's first sample, and whenever its configuration or size changed. */
  readonly onTrack: (track: Track) => void;
  readonly onSample: (sample: Sample) => void;
  /** Right before the first sample after packets that never came, and at the end when there is none. */
  readonly onLoss: (loss: Loss) => void;
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
  /** Access units discarded: damaged, too large, or without the key frame they need. */
  readonly discarded: number;
}

/** A frame, and how many packets were lost between the one before and it. */
interface LateFrame extends Frame {
  readonly lost: number;
}

/** What all tracks of a stream count together. */
export function packetCounts(tracks: readonly TrackStatistics[]): PacketCounts {
  const sum = (count: (track: TrackStatistics) => number): number =>
    tracks.reduce((total, track) => total + count(track), 0);
  return { received: sum((track) => track.received), lost: sum((track) => track.givenUp) };
}

/** Receives one track: RTP packets in, samples out. No timers of its own: `check` is called every 10 to 20 ms. */
export class TrackReceiver {
  readonly #init: TrackReceiverInit;
  readonly #events: TrackReceiverEvents;
  readonly #isVideo: boolean;
  readonly #reorder: ReorderBuffer;
  readonly #depacketiser: Depacketiser;
  readonly #times: DecodeTimes<LateFrame>;
  readonly #synced: SyncedTrack;
  readonly #reception: Reception;
  readonly #timestamps = new Unwrapper(32);
  /** Frames are useless until a key frame comes. */
  #waitsForKey: boolean;
  #asksForKey = false;
  /** Packets lost since the newest frame. */
  #lost = 0;
  #askedAt = -Infinity;
  #nowMs = 0;
  #bytes = 0;
  #arrived = 0;
  #nacks = 0;
  #keyFrameRequests = 0;
  #samples = 0;
  #discarded = 0;

  constructor(init: TrackReceiverInit, events: TrackReceiverEvents) {
    this.#init = init;
    this.#events = events;
    this.#isVideo = init.codec === 'h264' || init.codec === 'hevc' || init.codec === 'vp8';
    this.#waitsForKey = this.#isVideo;
    this.#reception = new Reception(init.clockRate);
    this.#reorder = new ReorderBuffer(init, {
      packet: (packet) => this.#ordered(packet),
      gap: (lost) => this.#gap(lost),
      restart: () => this.#restart(),
    });
    this.#depacketiser = createDepacketiser(init, {
      format: (format) => this.#setFormat(format),
      frame: (frame) => this.#frame(frame),
      damage: () => this.#damage(),
    });
    this.#times = new DecodeTimes(init.clockRate, (timed) => this.#deliver(timed));
    this.#synced = init.synchroniser.add(init.trackId, init.clockRate, {
      onTrack: events.onTrack,
      onLoss: events.onLoss,
      onSample: (sample) => {
        this.#samples++;
        events.onSample(sample);
      },
    });
  }

  /** SSRC of the source now received; undefined before the first packet. */
  get ssrc(): number | undefined {
    return this.#reorder.ssrc;
  }

  /** Takes a packet of this track, a retransmission already unwrapped. `arrivalMs` is of a monotonic clock. */
  push(packet: RtpPacket, arrivalMs: number): void {
    this.#nowMs = arrivalMs;
    const isFirst = this.#reorder.ssrc === undefined;
    // The clock must know of a break before the samples behind it are delivered: this is why arrival is noted first,
    // which needs to know what the buffer will say.
    if (this.#reorder.isNewest(packet)) {
      // Timestamps of the old source mean nothing beside those of the new one.
      if (this.#reorder.restartsWith(packet)) this.#reorder.flush();
      const ticks = this.#timestamps.follow(packet.timestamp);
      this.#reception.arrived(ticks, arrivalMs);
      this.#synced.arrived(ticks, arrivalMs);
    }
    const isTaken = this.#reorder.push(packet, arrivalMs);
    if (!isTaken) return;
    this.#arrived++;
    this.#bytes += packet.payload.length;
    const needsProbe = isFirst && this.#isVideo && this.#init.canNack && packet.payload.length > 0;
    if (needsProbe && !this.#depacketiser.startsKeyFrame(packet.payload)) {
      this.#reorder.probe(PROBE_PACKETS, arrivalMs, PROBE_WAIT_MS);
    }
  }

  /** Takes a sender report of this track's SSRC; one of another SSRC is ignored. */
  senderReport(report: SenderReport, arrivalMs: number): void {
    if (report.ssrc !== this.#reorder.ssrc) return;
    this.#reception.senderReport(report.ntpMiddle, arrivalMs);
    this.#synced.senderReport(report.ntpMs, this.#timestamps.peek(report.rtpTimestamp), arrivalMs);
  }

  /** Asks for what is missing and gives up what is too late. */
  check(nowMs: number, rttMs = 0): void {
    this.#nowMs = nowMs;
    const sequences = this.#reorder.check(nowMs, rttMs);
    if (sequences.length > 0) {
      this.#nacks += sequences.length;
      this.#events.nack(sequences);
    }
    if (this.#asksForKey) this.#askForKey();
  }

  /** Delivers what arrived whole; the end. `MediaSynchroniser.flush` comes after all tracks' flush. */
  flush(): void {
    this.#reorder.flush();
    this.#depacketiser.flush();
    this.#times.flush();
    if (this.#lost > 0) this.#events.onLoss({ packets: this.#lost, missingUs: undefined });
    this.#lost = 0;
  }

  /** Reception statistics for a receiver report, which start the next report's interval; undefined before any packet. */
  reportBlock(nowMs: number): ReportBlock | undefined {
    const { ssrc, expected, received, highest } = this.#reorder;
    return ssrc === undefined
      ? undefined
      : this.#reception.block({ ssrc, expected, received, highest }, nowMs);
  }

  statistics(): TrackStatistics {
    const { lost, recovered, givenUp, duplicates } = this.#reorder;
    return {
      ...{ received: this.#arrived, bytes: this.#bytes, lost, recovered, givenUp, duplicates },
      ...{ nacks: this.#nacks, keyFrameRequests: this.#keyFrameRequests, jitterMs: this.#reception.jitterMs },
      ...{ samples: this.#samples, discarded: this.#discarded },
    };
  }

  #ordered(packet: RtpPacket): void {
    // Padding fills a place in the sequence and is no media.
    if (packet.payload.length === 0) return;
    this.#depacketiser.push(packet.payload, this.#timestamps.peek(packet.timestamp), packet.marker);
  }

  #gap(lost: number): void {
    this.#lost += lost;
    this.#depacketiser.gap();
    if (this.#isVideo) this.#loseReference();
  }

  #restart(): void {
    this.#depacketiser.flush();
    this.#gap(0);
    this.#reception.restart();
  }

  #damage(): void {
    this.#discarded++;
    if (this.#isVideo) this.#loseReference();
  }

  #loseReference(): void {
    this.#waitsForKey = true;
    this.#asksForKey = true;
    this.#askForKey();
  }

  #askForKey(): void {
    if (this.#nowMs - this.#askedAt < KEY_FRAME_INTERVAL_MS) return;
    this.#askedAt = this.#nowMs;
    this.#keyFrameRequests++;
    this.#events.keyFrame();
  }

  #frame(frame: Frame): void {
    if (this.#waitsForKey) {
      if (!frame.key) {
        this.#damage();
        return;
      }
      this.#waitsForKey = false;
      this.#asksForKey = false;
      this.#times.reset();
    }
    this.#times.push({ ...frame, lost: this.#lost });
    this.#lost = 0;
  }

  #setFormat(format: VideoFormat | AudioFormat): void {
    const { trackId: id } = this.#init;
    this.#times.setDepth(format.kind === 'video' ? format.reorderDepth : 0);
    if (format.kind === 'audio') {
      const { kind, codec, config, sampleRate, channels } = format;
      this.#synced.track({ id, kind, codec, config, sampleRate, channels });
    } else {
      const { kind, codec, config, width, height, inBandConfig } = format;
      this.#synced.track({ id, kind, codec, config, width, height, ...(inBandConfig && { inBandConfig }) });
    }
  }

  #deliver({ frame: { key, data, lost }, dts, pts }: TimedFrame<LateFrame>): void {
    this.#synced.sample({ dts, pts, key, data, lost });
  }
}
