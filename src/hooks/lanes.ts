/** Resolves to the milliseconds after which it is to be run again, undefined when it is over. Must not reject. */
type Job = () => Promise<number | undefined>;

/**
 * Runs jobs one after another within a lane, and at most `parallel` lanes side by side, each in its turn. A job that
 * is to be run again keeps its place: its lane rests meanwhile, and others take its turn.
 */
export class Lanes {
  #parallel: number;
  /** Jobs that are not over, per lane; a lane stands here as long as it has one. */
  readonly #jobs = new Map<string, Job[]>();
  /** Lanes with a job to run and none running, in turn. */
  readonly #ready: string[] = [];
  /** Lanes whose first job waits to be run again. */
  readonly #resting = new Map<string, NodeJS.Timeout>();
  readonly #idle: (() => void)[] = [];
  #running = 0;
  #stopped = false;

  /** @param parallel at least 1. */
  constructor(parallel: number) {
    this.#parallel = parallel;
  }

  /** Takes another bound, at least 1; what runs goes on. */
  use(parallel: number): void {
    this.#parallel = parallel;
    this.#startMore();
  }

  /** Appends a job. */
  add(lane: string, job: Job): void {
    const jobs = this.#jobs.get(lane);
    if (jobs === undefined) {
      this.#jobs.set(lane, [job]);
      this.#ready.push(lane);
    } else jobs.push(job);
    this.#startMore();
  }

  /** Ends the rest of a lane, if it rests. */
  wake(lane: string): void {
    if (!this.#resting.has(lane)) return;
    clearTimeout(this.#resting.get(lane));
    this.#resting.delete(lane);
    this.#ready.push(lane);
    this.#startMore();
  }

  /** Starts no further job. */
  stop(): void {
    this.#stopped = true;
    for (const timer of this.#resting.values()) clearTimeout(timer);
    this.#resting.clear();
    this.#tellIdle();
  }

  /** Resolves when no job runs and, unless stopped, none could: lanes that rest are not waited for. */
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
    const jobs = this.#jobs.get(lane) ?? [];
    this.#running++;
    const againMs = await jobs[0]?.();
    this.#running--;
    if (againMs === undefined) jobs.shift();
    if (jobs.length === 0) this.#jobs.delete(lane);
    else if (againMs === undefined) this.#ready.push(lane);
    else if (!this.#stopped) this.#rest(lane, againMs);
    this.#startMore();
    this.#tellIdle();
  }

  #rest(lane: string, ms: number): void {
    this.#resting.set(
      lane,
      setTimeout(() => this.wake(lane), ms),
    );
  }

  #tellIdle(): void {
    const busy = this.#running > 0 || (!this.#stopped && this.#ready.length > 0);
    if (!busy) for (const resolve of this.#idle.splice(0)) resolve();
  }
}
