/** Counts errors in a sliding window and says when there were too many. */
export class ErrorBudget {
  readonly #max: number;
  readonly #windowMs: number;
  #times: number[] = [];

  /** @param max errors allowed within `windowMs` milliseconds. */
  constructor(max: number, windowMs: number) {
    this.#max = max;
    this.#windowMs = windowMs;
  }

  /** Counts one error at `now` (milliseconds). @returns false when the budget is spent. */
  spend(now: number): boolean {
    this.#times = this.#times.filter((time) => now - time < this.#windowMs);
    this.#times.push(now);
    return this.#times.length <= this.#max;
  }
}
