/** What a {@link Histogram} has counted, as plain data. */
export interface HistogramData {
  /** By class, in the order of the bounds. */
  readonly counts: readonly number[];
  readonly sum: number;
  readonly count: number;
}

/** Counts values by size. Bounds and values are in one unit, which the owner names. */
export class Histogram {
  /** Ascending; each is the largest value of its class. */
  readonly bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  get sum(): number {
    return this.#sum;
  }

  get count(): number {
    return this.#count;
  }

  add(value: number): void {
    this.#sum += value;
    this.#count++;
    const i = this.bounds.findIndex((bound) => value <= bound);
    if (i >= 0) this.#counts[i] = (this.#counts[i] ?? 0) + 1;
  }

  /** Adds what another with the same bounds counted. */
  addAll({ counts, sum, count }: HistogramData): void {
    counts.forEach((each, i) => (this.#counts[i] = (this.#counts[i] ?? 0) + each));
    this.#sum += sum;
    this.#count += count;
  }

  /** What was counted, which is counted no more. */
  take(): HistogramData {
    const taken = { counts: [...this.#counts], sum: this.#sum, count: this.#count };
    this.#counts.fill(0);
    this.#sum = 0;
    this.#count = 0;
    return taken;
  }

  /** For each bound, how many values were not above it. */
  cumulative(): readonly number[] {
    let sum = 0;
    return this.#counts.map((count) => (sum += count));
  }
}
