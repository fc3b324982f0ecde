/** How much the newest look counts: a moment of much work is no reason to have a worker. */
const NEWEST_SHARE = 0.3;
/** What a stream that begins is taken for until it is measured: its start takes about 5 ms of a second. */
const PER_START = 0.005;
/** Looks in which a start counts less and less. */
const DECAY = 0.5;

/**
 * How busy the event loop of a process is, and is about to be: many streams may begin before anything of them is
 * measured.
 */
export class Pressure {
  #busy = 0;
  #starts = 0;

  /** Share of its time for which the loop worked lately, from 0 to 1. */
  get busy(): number {
    return this.#busy;
  }

  /** The same with what has just begun; may be above 1. */
  get expected(): number {
    return this.#busy + this.#starts * PER_START;
  }

  /** A stream begins here. */
  start(): void {
    this.#starts++;
  }

  /** To be called about once a second. @param utilisation of the time since the last call. */
  look(utilisation: number): void {
    this.#busy += (utilisation - this.#busy) * NEWEST_SHARE;
    this.#starts = this.#starts < 1 ? 0 : this.#starts * DECAY;
  }
}
