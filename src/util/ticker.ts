/**
 * One shared timer for many periodic members: each is called once per `intervalMs`, and the members are spread
 * over `slots` phases so that they do not all wake at once. The number of wake-ups does not grow with members.
 */
export class Ticker {
  readonly #slots: Set<() => void>[];
  readonly #stepMs: number;
  #timer: NodeJS.Timeout | undefined;
  #next = 0;

  /** @param intervalMs milliseconds between two calls of one member, at least `slots`. */
  constructor(intervalMs: number, slots = 2) {
    this.#slots = Array.from({ length: slots }, () => new Set());
    this.#stepMs = Math.max(1, Math.round(intervalMs / slots));
  }

  /** Calls `member` every interval until the returned function is called. */
  add(member: () => void): () => void {
    const slot = this.#slots.reduce((least, each) => (each.size < least.size ? each : least));
    slot.add(member);
    this.#timer ??= setInterval(() => this.#step(), this.#stepMs);
    return () => {
      slot.delete(member);
      if (this.#slots.every((each) => each.size === 0)) this.#stop();
    };
  }

  #step(): void {
    const slot = this.#slots[this.#next];
    this.#next = (this.#next + 1) % this.#slots.length;
    slot?.forEach((member) => member());
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
