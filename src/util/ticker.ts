/** How long members are called more often after the last {@link Ticker.hasten}, milliseconds. */
const HASTE_MS = 1000;
/** Shortest interval in that time; above as many members it is a millisecond for each, so a thousand calls a second. */
const MIN_HASTE_INTERVAL_MS = 30;

/**
 * One shared timer for many periodic members: each is called once per `intervalMs`, and the members are spread
 * over `slots` phases so that they do not all wake at once. The number of wake-ups does not grow with members.
 */
export class Ticker {
  readonly #slots: Set<() => void>[];
  readonly #intervalMs: number;
  #timer: NodeJS.Timeout | undefined;
  #next = 0;
  /** On the clock of `performance.now()`; undefined at the usual pace. */
  #hasteEnds: number | undefined;

  /** @param intervalMs milliseconds between two calls of one member, at least `slots`. */
  constructor(intervalMs: number, slots = 2) {
    this.#slots = Array.from({ length: slots }, () => new Set());
    this.#intervalMs = intervalMs;
  }

  /** Calls `member` every interval until the returned function is called. */
  add(member: () => void): () => void {
    const slot = this.#slots.reduce((least, each) => (each.size < least.size ? each : least));
    slot.add(member);
    if (this.#timer === undefined) this.#pace(this.#intervalMs);
    return () => {
      slot.delete(member);
      if (this.#size === 0) this.#stop();
    };
  }

  /** Calls members more often for a second, unless they are so many that it would cost too much. */
  hasten(): void {
    const intervalMs = Math.max(MIN_HASTE_INTERVAL_MS, this.#size);
    if (this.#timer === undefined || intervalMs >= this.#intervalMs) return;
    if (this.#hasteEnds === undefined) this.#pace(intervalMs);
    this.#hasteEnds = performance.now() + HASTE_MS;
  }

  get #size(): number {
    return this.#slots.reduce((sum, { size }) => sum + size, 0);
  }

  #pace(intervalMs: number): void {
    clearInterval(this.#timer);
    const stepMs = Math.max(1, Math.round(intervalMs / this.#slots.length));
    this.#timer = setInterval(() => this.#step(), stepMs);
  }

  #step(): void {
    if (this.#hasteEnds !== undefined && performance.now() > this.#hasteEnds) {
      this.#hasteEnds = undefined;
      this.#pace(this.#intervalMs);
    }
    const slot = this.#slots[this.#next];
    this.#next = (this.#next + 1) % this.#slots.length;
    slot?.forEach((member) => member());
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#hasteEnds = undefined;
  }
}
