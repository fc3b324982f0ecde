import type { ReportBlock } from './rtcp.ts';

/** Extended sequence numbers start one cycle up here, and at 0 on the wire. */
const FIRST_CYCLE = 65_536;

/** A source's counts since its start. */
export interface SourceCounts {
  readonly ssrc: number;
  readonly expected: number;
  readonly received: number;
  /** Extended highest sequence number. */
  readonly highest: number;
}

/** Interarrival jitter and the figures of receiver reports (RFC 3550, 6.4.1, A.3 and A.8). */
export class Reception {
  readonly #ticksPerMs: number;
  #jitter = 0;
  #transit: number | undefined;
  #expected = 0;
  #received = 0;
  #report: { readonly ntpMiddle: number; readonly arrivalMs: number } | undefined;

  constructor(clockRate: number) {
    this.#ticksPerMs = clockRate / 1000;
  }

  get jitterMs(): number {
    return this.#jitter / this.#ticksPerMs;
  }

  /** Notes a packet that raised the highest sequence number; `ticks` is extended. */
  arrived(ticks: number, arrivalMs: number): void {
    const transit = arrivalMs * this.#ticksPerMs - ticks;
    const difference = Math.abs(transit - (this.#transit ?? transit));
    this.#jitter += (difference - this.#jitter) / 16;
    this.#transit = transit;
  }

  senderReport(ntpMiddle: number, arrivalMs: number): void {
    this.#report = { ntpMiddle, arrivalMs };
  }

  /** The source started anew. */
  restart(): void {
    this.#jitter = 0;
    this.#transit = undefined;
    this.#expected = 0;
    this.#received = 0;
    this.#report = undefined;
  }

  /** The report block for now; the next one's interval begins. */
  block(counts: SourceCounts, nowMs: number): ReportBlock {
    const expected = counts.expected - this.#expected;
    const lost = expected - (counts.received - this.#received);
    this.#expected = counts.expected;
    this.#received = counts.received;
    const report = this.#report;
    return {
      ssrc: counts.ssrc,
      fractionLost: lost <= 0 || expected <= 0 ? 0 : Math.min(255, Math.floor((lost * 256) / expected)),
      cumulativeLost: counts.expected - counts.received,
      highestSequence: (counts.highest - FIRST_CYCLE) >>> 0,
      jitter: this.#jitter,
      lastSenderReport: report?.ntpMiddle ?? 0,
      delaySinceLastSenderReport: report === undefined ? 0 : ((nowMs - report.arrivalMs) * 65_536) / 1000,
    };
  }
}
