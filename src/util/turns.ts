/**
 * Lets one job run in each turn of the event loop, in the order of the calls: what blocks it for milliseconds, as the
 * start of a process does, must not do so a hundred times in a row.
 */
export class Turns {
  readonly #waiting = new Set<() => void>();
  #isTaken = false;

  /** Calls `job`, once: now when nobody had this turn, else in a later one. It must not throw. */
  take(job: () => void): void {
    if (this.#isTaken) this.#waiting.add(job);
    else this.#run(job);
  }

  #run(job: () => void): void {
    this.#isTaken = true;
    setImmediate(() => this.#next());
    job();
  }

  #next(): void {
    this.#isTaken = false;
    const [job] = this.#waiting;
    if (job === undefined) return;
    this.#waiting.delete(job);
    this.#run(job);
  }
}
