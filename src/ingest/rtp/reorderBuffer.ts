import type { RtpPacket } from './packet.ts';
import { Unwrapper } from './unwrapper.ts';

/** A packet this far from the newest is not late or early: the sender started anew. */
const MAX_DISTANCE = 3000;
const TOLERANCE_MS = 10;
const MIN_RETRY_MS = 40;
const RTT_FACTOR = 1.2;
/** Sequence numbers asked for in one tick; the next tick asks for the rest. */
const MAX_NACKS = 300;
const NONE: readonly number[] = [];

/** Bounds of a `ReorderBuffer`. */
export interface ReorderOptions {
  /** How long a missing packet is waited for, ms. */
  readonly lossWaitMs: number;
  readonly canNack: boolean;
  /** Packets held behind a missing one. */
  readonly maxHeldPackets: number;
}

/** Takes packets in sending order. */
export interface ReorderOutput {
  packet(packet: RtpPacket): void;
  /** Packets are missing for good between the last one and the next: this many, 0 where none may have been sent. */
  gap(lost: number): void;
  /** The source started anew: a gap, and sequence numbers and timestamps have no relation to the ones before. */
  restart(): void;
}

/**
 * Ordered delivery of one source by extended sequence number. The ring is allocated once; a packet costs a slot.
 *
 * The first packet opens a window of the reorder tolerance in which packets before it are still taken, because
 * nothing says where the source began. A single packet of another SSRC, or far away, changes nothing; two in a row
 * do (RFC 3550, A.1).
 */
export class ReorderBuffer {
  readonly #options: ReorderOptions;
  readonly #output: ReorderOutput;
  readonly #unwrapper = new Unwrapper(16);
  readonly #packets: (RtpPacket | undefined)[];
  /** By slot, for missing packets: when it is given up, and when it is asked for. */
  readonly #giveUpAt: Float64Array;
  readonly #nackAt: Float64Array;
  #ssrc: number | undefined;
  #next = 0;
  #highest = -1;
  #missing = 0;
  /** End of the opening window; undefined once delivery began. */
  #opensAt: number | undefined;
  #suspect: RtpPacket | undefined;
  #firstOfSource = 0;
  /** First of the source that arrived: nobody knows whether one before it was sent. */
  #firstTaken = 0;
  #received = 0;
  lost = 0;
  recovered = 0;
  givenUp = 0;
  duplicates = 0;

  constructor(options: ReorderOptions, output: ReorderOutput) {
    this.#options = options;
    this.#output = output;
    this.#packets = new Array<RtpPacket | undefined>(options.maxHeldPackets).fill(undefined);
    this.#giveUpAt = new Float64Array(options.maxHeldPackets);
    this.#nackAt = new Float64Array(options.maxHeldPackets);
  }

  /** The source now received; undefined before the first packet. */
  get ssrc(): number | undefined {
    return this.#ssrc;
  }

  /** Extended highest sequence number of the source. */
  get highest(): number {
    return this.#highest;
  }

  /** Packets that the source sent as far as known, and those of them that arrived (RFC 3550, A.3). */
  get expected(): number {
    return this.#highest - this.#firstOfSource + 1;
  }

  get received(): number {
    return this.#received;
  }

  /** True when `push` will raise the highest sequence number, or start a source, with this packet. */
  isNewest(packet: RtpPacket): boolean {
    if (this.#ssrc === undefined) return true;
    const ahead = this.#unwrapper.peek(packet.sequence) - this.#highest;
    if (packet.ssrc === this.#ssrc && Math.abs(ahead) <= MAX_DISTANCE) return ahead > 0;
    return this.restartsWith(packet);
  }

  /** True when `push` will take this packet as the second of a source that started anew: it follows a stray one. */
  restartsWith(packet: RtpPacket): boolean {
    const suspect = this.#suspect;
    return suspect?.ssrc === packet.ssrc && packet.sequence === ((suspect.sequence + 1) & 0xffff);
  }

  /** Takes a packet; false for duplicates, late ones and a first stray one. */
  push(packet: RtpPacket, nowMs: number): boolean {
    if (this.#ssrc === undefined) return this.#start(packet, nowMs);
    const extended = this.#unwrapper.peek(packet.sequence);
    if (packet.ssrc !== this.#ssrc || Math.abs(extended - this.#highest) > MAX_DISTANCE) {
      return this.#elsewhere(packet, nowMs);
    }
    this.#suspect = undefined;
    if (extended > this.#highest) return this.#append(packet, extended, nowMs);
    return this.#fill(packet, extended, nowMs);
  }

  /** Treats `count` packets before the first one as missing, for `waitMs`: the start of a key frame was not the first. */
  probe(count: number, nowMs: number, waitMs: number): void {
    if (this.#opensAt === undefined) return;
    for (let i = 0; i < count && this.#highest - this.#next + 1 < this.#packets.length; i++) {
      this.#next--;
      this.#markMissing(this.#next, nowMs, waitMs);
    }
    this.#firstOfSource = Math.min(this.#firstOfSource, this.#next);
  }

  /** Gives up what is over and returns the 16-bit sequence numbers to ask for now. */
  check(nowMs: number, rttMs: number): readonly number[] {
    if (this.#opensAt !== undefined) {
      if (nowMs < this.#opensAt) return this.#due(nowMs, rttMs);
      this.#opensAt = undefined;
      this.#drain();
    }
    if (this.#missing === 0) return NONE;
    while (this.#next < this.#highest && (this.#giveUpAt[this.#slot(this.#next)] ?? 0) <= nowMs) this.#skip();
    return this.#due(nowMs, rttMs);
  }

  /** Delivers what is held, gaps and all. */
  flush(): void {
    this.#opensAt = undefined;
    this.#drain();
    while (this.#next <= this.#highest) this.#skip();
  }

  #slot(extended: number): number {
    return extended % this.#packets.length;
  }

  #start(packet: RtpPacket, nowMs: number): boolean {
    this.#packets.fill(undefined);
    this.#unwrapper.reset();
    this.#ssrc = packet.ssrc;
    this.#next = this.#unwrapper.follow(packet.sequence);
    this.#highest = this.#next;
    this.#firstOfSource = this.#next;
    this.#firstTaken = this.#next;
    this.#missing = 0;
    this.#received = 1;
    this.#suspect = undefined;
    this.#opensAt = nowMs + TOLERANCE_MS;
    this.#packets[this.#slot(this.#next)] = packet;
    return true;
  }

  #elsewhere(packet: RtpPacket, nowMs: number): boolean {
    const suspect = this.#suspect;
    if (suspect === undefined || !this.restartsWith(packet)) {
      this.#suspect = packet;
      return false;
    }
    this.flush();
    this.#output.restart();
    this.#start(suspect, nowMs);
    return this.push(packet, nowMs);
  }

  #append(packet: RtpPacket, extended: number, nowMs: number): boolean {
    while (extended - this.#next >= this.#packets.length) this.#makeRoom(extended);
    for (let missing = this.#highest + 1; missing < extended; missing++) {
      this.lost++;
      if (missing >= this.#next) this.#markMissing(missing, nowMs, this.#options.lossWaitMs);
      else this.givenUp++;
    }
    this.#packets[this.#slot(extended)] = packet;
    this.#highest = this.#unwrapper.follow(packet.sequence);
    this.#received++;
    if (this.#opensAt === undefined) this.#drain();
    return true;
  }

  #fill(packet: RtpPacket, extended: number, nowMs: number): boolean {
    const isBeforeFirst = extended < this.#next && this.#opensAt !== undefined;
    if (isBeforeFirst && this.#highest - extended < this.#packets.length) {
      for (let missing = this.#next - 1; missing >= extended; missing--) {
        this.lost++;
        this.#markMissing(missing, nowMs, this.#options.lossWaitMs);
      }
      this.#next = extended;
      this.#firstOfSource = Math.min(this.#firstOfSource, extended);
    }
    const slot = this.#slot(extended);
    if (extended < this.#next || this.#packets[slot] !== undefined) {
      this.duplicates++;
      return false;
    }
    this.#packets[slot] = packet;
    this.#firstTaken = Math.min(this.#firstTaken, extended);
    this.#missing--;
    this.#received++;
    this.recovered++;
    if (this.#opensAt === undefined) this.#drain();
    return true;
  }

  #markMissing(extended: number, nowMs: number, waitMs: number): void {
    const slot = this.#slot(extended);
    this.#packets[slot] = undefined;
    this.#giveUpAt[slot] = nowMs + waitMs;
    this.#nackAt[slot] = nowMs + TOLERANCE_MS;
    this.#missing++;
  }

  /** Moves on by what stands first, so that the ring can hold `extended`. */
  #makeRoom(extended: number): void {
    this.#opensAt = undefined;
    this.#drain();
    // A burst filled the opening window, and nothing of it is missing.
    if (extended - this.#next < this.#packets.length) return;
    if (this.#next <= this.#highest) {
      this.#skip();
      return;
    }
    // Nothing is held: what lies between was never here.
    const next = extended - this.#packets.length + 1;
    const lost = next - this.#next;
    this.#next = next;
    this.#output.gap(lost);
  }

  /** Delivers from the front up to the first missing packet. */
  #drain(): void {
    for (; this.#next <= this.#highest; this.#next++) {
      const slot = this.#slot(this.#next);
      const packet = this.#packets[slot];
      if (packet === undefined) return;
      this.#packets[slot] = undefined;
      this.#output.packet(packet);
    }
  }

  /** Gives up the missing packets at the front and delivers what stands behind them. */
  #skip(): void {
    let lost = 0;
    while (this.#next <= this.#highest && this.#packets[this.#slot(this.#next)] === undefined) {
      if (this.#next > this.#firstTaken) lost++;
      this.#next++;
      this.#missing--;
      this.givenUp++;
    }
    this.#output.gap(lost);
    this.#drain();
  }

  #due(nowMs: number, rttMs: number): readonly number[] {
    if (this.#missing === 0 || !this.#options.canNack) return NONE;
    const due: number[] = [];
    const retryAt = nowMs + Math.max(MIN_RETRY_MS, RTT_FACTOR * rttMs);
    for (let sequence = this.#next; sequence < this.#highest && due.length < MAX_NACKS; sequence++) {
      const slot = this.#slot(sequence);
      if (this.#packets[slot] !== undefined || (this.#nackAt[slot] ?? 0) > nowMs) continue;
      this.#nackAt[slot] = retryAt;
      due.push(sequence & 0xffff);
    }
    return due;
  }
}
