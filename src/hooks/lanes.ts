type Job = () => Promise<void>;

/** Runs jobs one after another within a lane, and at most `parallel` lanes side by side, each in its turn. */
export class Lanes {
  readonly #parallel: number;
  /** Jobs that wait, per lane; a lane stands here as long as it has a job running or waiting. */
  readonly #waiting = new Map<string, Job[]>();
  /** Lanes with a job to run and none running, in turn. */
  readonly #ready: string[] = [];
  readonly #idle: (() => void)[] = [];
  #running = 0;
  #stopped = false;

  /** @param parallel at least 1. */
  constructor(parallel: number) {
    this.#parallel = parallel;
  }

  /** Appends a job, which must not reject. */
  add(lane: string, job: Job): void {
    const waiting = this.#waiting.get(lane);
    if (waiting === undefined) {
      this.#waiting.set(lane, [job]);
      this.#ready.push(lane);
    } else waiting.push(job);
    this.#startMore();
  }

  /** Starts no further job. */
  stop(): void {
    this.#stopped = true;
    this.#tellIdle();
  }

  /** Resolves when no job runs and, unless stopped, none waits. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.#tellIdle();
    });
  }

  #startMore(): void {
    while (!this.#stopped && this.#running < this.#parallel) {
      const lane = this.#ready.shift();
      if (lane === undefined) return;
      void this.#runNext(lane);
    }
  }

  async #runNext(lane: string): Promise<void> {
    const waiting = this.#waiting.get(lane) ?? [];
    this.#running++;
    await waiting.shift()?.();
    this.#running--;
    if (waiting.length === 0) this.#waiting.delete(lane);
    else this.#ready.push(lane);
    this.#startMore();
    this.#tellIdle();
  }

  #tellIdle(): void {
    const busy = this.#running > 0 || (!this.#stopped && this.#waiting.size > 0);
    if (!busy) for (const resolve of this.#idle.splice(0)) resolve();
  }
}
