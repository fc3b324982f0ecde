/** Media of this length, by our clock, gives one point. */
const WINDOW_MS = 10_000;
/** A minute is the least that tells more than the network's jitter. */
const MIN_POINTS = 6;
const MAX_POINTS = 64;
/** No clock is so wrong: the publisher does not send in real time. */
const MAX_PPM = 20_000;

/**
 * How much faster a publisher's clock runs than ours. The least delayed sample of each window is a point: what the
 * network or a batch holds up does not count. The drift is the median slope between any two points (Theil and Sen), so
 * that a stall does not tell either. When there are too many points, each two become one and windows twice as long.
 */
export class Drift {
  readonly #atMs = new Float64Array(MAX_POINTS);
  readonly #delayMs = new Float64Array(MAX_POINTS);
  #points = 0;
  #windowMs = WINDOW_MS;
  #windowEndMs = -1;
  #leastMs = Infinity;
  #leastAtMs = 0;
  #known: number | undefined;

  /** Takes a sample of one track. @param dts microseconds. @param nowMs monotonic clock. */
  sample(dts: number, nowMs: number): void {
    if (this.#windowEndMs < 0) this.#windowEndMs = nowMs + this.#windowMs;
    else if (nowMs >= this.#windowEndMs) this.#close(nowMs);
    const delayMs = nowMs - dts / 1000;
    if (delayMs >= this.#leastMs) return;
    this.#leastMs = delayMs;
    this.#leastAtMs = nowMs;
  }

  /** The media's time was mended or went on elsewhere: earlier points mean nothing beside later ones. */
  restart(): void {
    this.#known = this.ppm;
    this.#points = 0;
    this.#windowMs = WINDOW_MS;
    this.#windowEndMs = -1;
    this.#leastMs = Infinity;
  }

  /**
   * Parts per million; positive where the publisher's clock is the faster one. Undefined before a minute of media, and
   * for what is not sent in real time. Behind 30 ms of jitter a minute tells it to about 200 ppm, ten minutes to 20.
   */
  get ppm(): number | undefined {
    if (this.#points < MIN_POINTS) return this.#known;
    const slopes = new Float64Array((this.#points * (this.#points - 1)) / 2);
    let count = 0;
    for (let i = 0; i < this.#points; i++) for (let j = 0; j < i; j++) slopes[count++] = this.#slope(j, i);
    // The zero turns a negative one, which rounding makes, into an ordinary one.
    const ppm = Math.round(slopes.sort()[count >> 1] ?? 0) + 0;
    return Math.abs(ppm) > MAX_PPM ? undefined : ppm;
  }

  /** Between two points; the delay falls where the publisher's clock is fast. */
  #slope(from: number, to: number): number {
    const [atMs, delayMs] = [this.#atMs, this.#delayMs];
    const passedMs = (atMs[to] ?? 0) - (atMs[from] ?? 0);
    return (-((delayMs[to] ?? 0) - (delayMs[from] ?? 0)) / passedMs) * 1e6;
  }

  #close(nowMs: number): void {
    if (this.#points === MAX_POINTS) this.#halve();
    this.#atMs[this.#points] = this.#leastAtMs;
    this.#delayMs[this.#points] = this.#leastMs;
    this.#points++;
    this.#leastMs = Infinity;
    this.#windowEndMs = nowMs + this.#windowMs;
  }

  #halve(): void {
    const [atMs, delayMs] = [this.#atMs, this.#delayMs];
    for (let i = 0; i < MAX_POINTS / 2; i++) {
      const [a, b] = [2 * i, 2 * i + 1];
      const least = (delayMs[a] ?? 0) <= (delayMs[b] ?? 0) ? a : b;
      atMs[i] = atMs[least] ?? 0;
      delayMs[i] = delayMs[least] ?? 0;
    }
    this.#points = MAX_POINTS / 2;
    this.#windowMs *= 2;
  }
}
