/** Lets a bounded number of jobs run at once, and a bounded number wait. */
export class Slots {
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #free: number;

  /** @param parallel jobs that run at once, at least 1. */
  constructor(parallel: number, maxWaiting: number) {
    this.#free = parallel;
    this.#maxWaiting = maxWaiting;
  }

  /** True when a job would neither run nor wait. */
  get isFull(): boolean {
    return this.#free === 0 && this.#waiting.length >= this.#maxWaiting;
  }

  /** Runs `job` as soon as there is room for it, in the order of the calls. */
  async run<T>(job: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await job();
    } finally {
      const next = this.#waiting.shift();
      // The place is handed on: nobody who comes in between may take it.
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
