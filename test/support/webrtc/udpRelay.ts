import type { Socket } from 'node:dgram';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the line does to packets, the same both ways unless said otherwise. */
export interface LineOptions {
  /** Where the client finds the relay. libnice pairs no loopback candidate with the addresses it has. */
  readonly address?: string;
  readonly seed?: number;
  /** Share of the packets that are lost, 0 to 1. */
  readonly loss?: number;
  readonly delayMs?: number;
  /** Each packet is late by a random time up to this; packets overtake each other. */
  readonly jitterMs?: number;
  /** Rate of the way to the server. */
  readonly uplinkBitsPerSecond?: number;
  /** What does not fit into this much time of the uplink is dropped. */
  readonly uplinkQueueMs?: number;
}

export interface LineCounters {
  passed: number;
  lost: number;
  /** Dropped because the queue of the uplink was full. */
  overflowed: number;
  /** Overtook a packet that had been sent before it. */
  reordered: number;
}

interface Direction {
  readonly counters: LineCounters;
  readonly next: () => number;
  readonly rate: { readonly bitsPerSecond: number; readonly queueMs: number } | undefined;
  /** When the uplink will have sent what is queued. */
  freeAtMs: number;
  sent: number;
  newestArrived: number;
}

const noCounters = (): LineCounters => ({ passed: 0, lost: 0, overflowed: 0, reordered: 0 });

/**
 * A bad line between a client and a server, for UDP. Every client address gets a socket of its own towards the server,
 * as behind a NAT. Decisions are drawn from a seeded generator, one for each direction.
 */
export class UdpRelay {
  readonly #options: LineOptions;
  readonly #front: Socket;
  readonly #clients = new Map<string, Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #up: Direction;
  readonly #down: Direction;
  #target: { readonly address: string; readonly port: number } | undefined;
  #isDark = false;
  #isGood = false;
  #isClosed = false;

  private constructor(options: LineOptions) {
    this.#options = options;
    this.#front = createSocket('udp4');
    const { uplinkBitsPerSecond, uplinkQueueMs = 300, seed = 1 } = options;
    const rate =
      uplinkBitsPerSecond === undefined
        ? undefined
        : { bitsPerSecond: uplinkBitsPerSecond, queueMs: uplinkQueueMs };
    this.#up = direction(seed, rate);
    this.#down = direction(seed + 1, undefined);
    this.#front.on('message', (data, from) => {
      const client = this.#clientSocket(from.address, from.port);
      this.#carry(this.#up, data, () => {
        if (this.#target !== undefined) client.send(data, this.#target.port, this.#target.address);
      });
    });
  }

  static async open(options: LineOptions = {}): Promise<UdpRelay> {
    const relay = new UdpRelay(options);
    relay.#front.bind(0, options.address ?? '127.0.0.1');
    await once(relay.#front, 'listening');
    relay.#front.setRecvBufferSize(1 << 21);
    return relay;
  }

  get port(): number {
    return this.#front.address().port;
  }

  /** The server is there; @returns where the client has to send instead. */
  towards(address: string, port: number): [address: string, port: number] {
    this.#target = { address, port };
    return [this.#front.address().address, this.port];
  }

  get counters(): { readonly up: LineCounters; readonly down: LineCounters } {
    return { up: this.#up.counters, down: this.#down.counters };
  }

  /** Nothing passes, in either direction, while it is dark. */
  set isDark(isDark: boolean) {
    this.#isDark = isDark;
  }

  /** Dark for a while. */
  async darkFor(ms: number): Promise<void> {
    this.isDark = true;
    await sleep(ms);
    this.isDark = false;
  }

  /** Nothing is lost, delayed or reordered any more; the rate of the uplink stays. */
  set isGood(isGood: boolean) {
    this.#isGood = isGood;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    const sockets = [this.#front, ...this.#clients.values()];
    await Promise.all(sockets.map(async (socket) => new Promise<void>((done) => socket.close(() => done()))));
  }

  #clientSocket(address: string, port: number): Socket {
    const key = `${address}:${port}`;
    let socket = this.#clients.get(key);
    if (socket === undefined) {
      socket = createSocket('udp4');
      socket.bind(0, () => socket!.setRecvBufferSize(1 << 21));
      socket.on('message', (data) =>
        this.#carry(this.#down, data, () => this.#front.send(data, port, address)),
      );
      this.#clients.set(key, socket);
    }
    return socket;
  }

  #carry(way: Direction, data: Buffer, deliver: () => void): void {
    const { loss = 0, delayMs = 0, jitterMs = 0 } = this.#isGood ? {} : this.#options;
    // Both are drawn for every packet, so that a run with the same seed loses the same ones.
    const isLost = way.next() < loss;
    const jitter = way.next() * jitterMs;
    if (isLost || this.#isDark) {
      way.counters.lost += 1;
      return;
    }
    const queuedMs = this.#queue(way, data.length);
    if (queuedMs === undefined) {
      way.counters.overflowed += 1;
      return;
    }
    const order = way.sent++;
    this.#after(queuedMs + delayMs + jitter, () => {
      way.counters.passed += 1;
      if (order < way.newestArrived) way.counters.reordered += 1;
      way.newestArrived = Math.max(way.newestArrived, order);
      deliver();
    });
  }

  /** Time until the uplink has sent a packet that joins its queue now; undefined when the queue is full. */
  #queue(way: Direction, bytes: number): number | undefined {
    if (way.rate === undefined) return 0;
    const nowMs = performance.now();
    const waitMs = Math.max(0, way.freeAtMs - nowMs);
    if (waitMs > way.rate.queueMs) return undefined;
    way.freeAtMs = nowMs + waitMs + (bytes * 8000) / way.rate.bitsPerSecond;
    return way.freeAtMs - nowMs;
  }

  #after(ms: number, act: () => void): void {
    if (ms < 0.5) {
      act();
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (!this.#isClosed) act();
    }, ms);
    this.#timers.add(timer);
  }
}

function direction(seed: number, rate: Direction['rate']): Direction {
  return { counters: noCounters(), next: generator(seed), rate, freeAtMs: 0, sent: 0, newestArrived: -1 };
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function generator(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
