/** How long members are called more often after the last {@link Ticker.hasten}, milliseconds. */
const HASTE_MS = 1000;
/** Shortest interval in that time; above as many members it is a millisecond for each, so a thousand calls a second. */
const MIN_HASTE_INTERVAL_MS = 30;
/** Members that are called in one go before there are more phases: others wait for all of them. */
const MAX_TOGETHER = 16;
const MIN_STEP_MS = 10;

/**
 * One shared timer for many periodic members: each is called once per `intervalMs`, and the members are spread
 * over `slots` phases, or as many more as they need, so that they do not all wake at once.
 */
export class Ticker {
  readonly #slots: Set<() => void>[];
  readonly #minSlots: number;
  readonly #intervalMs: number;
  #timer: NodeJS.Timeout | undefined;
  #next = 0;
  /** Interval in force. */
  #paceMs: number;
  /** On the clock of `performance.now()`; undefined at the usual pace. */
  #hasteEnds: number | undefined;

  /** @param intervalMs milliseconds between two calls of one member, at least `slots`. */
  constructor(intervalMs: number, slots = 2) {
    this.#minSlots = slots;
    this.#slots = Array.from({ length: slots }, () => new Set());
    this.#intervalMs = intervalMs;
    this.#paceMs = intervalMs;
  }

  /** Calls `member` every interval until the returned function is called. */
  add(member: () => void): () => void {
    const slot = this.#slotFor();
    slot.add(member);
    if (this.#timer === undefined) this.#pace(this.#intervalMs);
    return () => {
      if (slot.delete(member)) this.#left(slot);
    };
  }

  /** Calls members more often for a second, unless they are so many that it would cost too much. */
  hasten(): void {
    const intervalMs = Math.max(MIN_HASTE_INTERVAL_MS, this.#size);
    if (this.#timer === undefined || intervalMs >= this.#intervalMs) return;
    // Not anew at each call: many calls in a row would put off every step.
    if (this.#hasteEnds === undefined) this.#pace(intervalMs);
    this.#hasteEnds = performance.now() + HASTE_MS;
  }

  /** The one with the fewest members, or a new one where all have enough. */
  #slotFor(): Set<() => void> {
    const least = this.#slots.reduce((few, each) => (each.size < few.size ? each : few));
    const isRoom = (this.#slots.length + 1) * MIN_STEP_MS <= this.#intervalMs;
    if (least.size < MAX_TOGETHER || !isRoom) return least;
    const slot = new Set<() => void>();
    this.#slots.push(slot);
    this.#pace(this.#paceMs);
    return slot;
  }

  #left(slot: Set<() => void>): void {
    if (this.#size === 0) this.#stop();
    if (slot.size > 0 || this.#slots.length === this.#minSlots) return;
    this.#slots.splice(this.#slots.indexOf(slot), 1);
    if (this.#timer !== undefined) this.#pace(this.#paceMs);
  }

  get #size(): number {
    return this.#slots.reduce((sum, { size }) => sum + size, 0);
  }

  #pace(intervalMs: number): void {
    this.#paceMs = intervalMs;
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
