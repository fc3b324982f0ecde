import { Unwrapper } from './unwrapper.ts';

const TICKS_PER_MS = 4;
/** The reference time counts 64 ms, which are 256 ticks of 250 microseconds. */
const REFERENCE_TICKS = 256;
const HEADER_BYTES = 20;
const MAX_RUN = 8191;
/** The packet status count has 16 bits. */
const MAX_STATUSES = 65_535;
const LOST = 0;
const SMALL = 1;
const LARGE = 2;

/** Bounds of a `TwccRecorder`. */
export interface TwccOptions {
  readonly senderSsrc: number;
  /** Sequence numbers remembered; older ones are forgotten, reported or not. */
  readonly maxPackets: number;
  /** Longest feedback message; a longer report is split. At least 64. */
  readonly maxFeedbackBytes: number;
}

/** One message while it is put together. */
interface Report {
  readonly base: number;
  readonly statuses: number[];
  readonly deltas: number[];
  /** In units of 64 ms. */
  reference: number;
  /** Arrival of the newest packet in the report, ticks. */
  previous: number;
  deltaBytes: number;
}

interface Chunk {
  readonly word: number;
  readonly covered: number;
}

/** One 16-bit chunk for the statuses from `at` on, and how many it covers (draft, 3.1.1 to 3.1.4). */
function chunk(statuses: readonly number[], at: number): Chunk {
  const symbol = statuses[at] ?? LOST;
  let run = 1;
  while (run < MAX_RUN && statuses[at + run] === symbol) run++;
  const hasLarge = statuses.slice(at, at + 14).includes(LARGE);
  const vector = hasLarge ? 7 : 14;
  if (run >= vector || at + run === statuses.length) return { word: (symbol << 13) | run, covered: run };
  return vectorChunk(statuses, at, hasLarge);
}

function vectorChunk(statuses: readonly number[], at: number, hasLarge: boolean): Chunk {
  const covered = hasLarge ? 7 : 14;
  let word = hasLarge ? 0xc000 : 0x8000;
  for (let i = 0; i < covered; i++) {
    const status = statuses[at + i] ?? LOST;
    word |= hasLarge ? status << (12 - 2 * i) : status << (13 - i);
  }
  return { word, covered: Math.min(covered, statuses.length - at) };
}

function chunks(statuses: readonly number[]): number[] {
  const words: number[] = [];
  for (let at = 0; at < statuses.length;) {
    const { word, covered } = chunk(statuses, at);
    words.push(word);
    at += covered;
  }
  return words;
}

/**
 * Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01) of one transport.
 * Without complete and exact feedback a browser sends a fraction of the bitrate that the link carries. A packet
 * that comes after it was reported missing is reported again, as received.
 */
export class TwccRecorder {
  readonly #options: TwccOptions;
  readonly #unwrapper = new Unwrapper(16);
  /** Arrival in ticks by sequence number; NaN while missing. */
  readonly #arrivals: Float64Array;
  /** First sequence number of the next report, and the highest that arrived. */
  #base = 0;
  #highest = -1;
  #mediaSsrc = 0;
  #count = 0;

  constructor(options: TwccOptions) {
    this.#options = options;
    this.#arrivals = new Float64Array(options.maxPackets).fill(NaN);
  }

  /** Notes one packet, whatever its SSRC: media, retransmission or padding. */
  record(sequence: number, arrivalMs: number, ssrc: number): void {
    const isFirst = !this.#unwrapper.isStarted;
    const extended = this.#unwrapper.raise(sequence);
    const capacity = this.#arrivals.length;
    if (isFirst || extended - this.#highest > capacity) {
      this.#arrivals.fill(NaN);
      this.#base = extended;
      this.#highest = extended;
    }
    if (extended <= this.#highest - capacity) return;
    for (let missing = this.#highest + 1; missing <= extended; missing++)
      this.#arrivals[missing % capacity] = NaN;
    this.#highest = Math.max(this.#highest, extended);
    const slot = extended % capacity;
    if (!Number.isNaN(this.#arrivals[slot])) return;
    this.#arrivals[slot] = Math.round(arrivalMs * TICKS_PER_MS);
    this.#base = Math.max(Math.min(this.#base, extended), this.#highest - capacity + 1);
    this.#mediaSsrc = ssrc;
  }

  /** The messages due, for a call every 100 ms; empty when nothing arrived. Each is a whole RTCP packet. */
  feedback(): readonly Buffer[] {
    const messages: Buffer[] = [];
    while (this.#base <= this.#highest) {
      const report = this.#report();
      this.#base += report.statuses.length;
      messages.push(this.#write(report));
    }
    return messages;
  }

  #arrival(sequence: number): number {
    return this.#arrivals[sequence % this.#arrivals.length] ?? NaN;
  }

  /** As much as fits into one message, from the base on. The highest sequence number has always arrived. */
  #report(): Report {
    let first = this.#base;
    while (first < this.#highest && Number.isNaN(this.#arrival(first))) first++;
    const reference = Math.floor(this.#arrival(first) / REFERENCE_TICKS);
    const previous = reference * REFERENCE_TICKS;
    const report: Report = { base: this.#base, statuses: [], deltas: [], reference, previous, deltaBytes: 0 };
    for (let sequence = this.#base; sequence <= this.#highest; sequence++) {
      if (!this.#append(report, sequence)) break;
    }
    return report;
  }

  /** False when the message is full or the delta does not fit: the next message begins here. */
  #append(report: Report, sequence: number): boolean {
    const { statuses, deltas } = report;
    // Two-bit vectors, seven to a chunk, are the longest encoding.
    const bytes = HEADER_BYTES + 2 * Math.ceil((statuses.length + 1) / 7) + report.deltaBytes + 2 + 3;
    if (statuses.length >= MAX_STATUSES || (statuses.length > 0 && bytes > this.#options.maxFeedbackBytes))
      return false;
    const arrival = this.#arrival(sequence);
    if (Number.isNaN(arrival)) {
      statuses.push(LOST);
      return true;
    }
    const delta = arrival - report.previous;
    const isSmall = delta >= 0 && delta <= 255;
    if (!isSmall && (delta < -32_768 || delta > 32_767)) return false;
    report.previous = arrival;
    report.deltaBytes += isSmall ? 1 : 2;
    statuses.push(isSmall ? SMALL : LARGE);
    deltas.push(delta);
    return true;
  }

  #write(report: Report): Buffer {
    const words = chunks(report.statuses);
    const used = HEADER_BYTES + words.length * 2 + report.deltaBytes;
    const padding = (4 - (used % 4)) % 4;
    const out = Buffer.alloc(used + padding);
    out.writeUInt8(padding > 0 ? 0xaf : 0x8f, 0);
    out.writeUInt8(205, 1);
    out.writeUInt16BE(out.length / 4 - 1, 2);
    out.writeUInt32BE(this.#options.senderSsrc, 4);
    out.writeUInt32BE(this.#mediaSsrc, 8);
    out.writeUInt16BE(report.base & 0xffff, 12);
    out.writeUInt16BE(report.statuses.length, 14);
    out.writeUIntBE(((report.reference % 2 ** 24) + 2 ** 24) % 2 ** 24, 16, 3);
    out.writeUInt8(this.#count++ & 255, 19);
    let at = HEADER_BYTES;
    for (const word of words) at = out.writeUInt16BE(word, at);
    for (const delta of report.deltas) {
      at = delta >= 0 && delta <= 255 ? out.writeUInt8(delta, at) : out.writeInt16BE(delta, at);
    }
    if (padding > 0) out.writeUInt8(padding, out.length - 1);
    return out;
  }
}
