/** The loop comes round at least this often unless the process is held up. */
const LONGEST_TURN_MS = 60;
/** As fast as the least delay of a track may grow, so that catching up never looks like the network. */
const CATCH_UP = 0.02;

/**
 * The time of one publication's reception: a monotonic clock that stands still while this process is held up.
 *
 * What arrives meanwhile waits in the kernel and in the transport's threads. Told by a wall clock, it would all have
 * come late, as if the network or the sender had stood, and packets sent again would be given up unread. The clock
 * makes the lost time good by 2 % of the time that passes.
 */
export class ReceptionClock {
  #steadyMs: number;
  #nowMs: number;

  /** @param steadyMs `performance.now()`. */
  constructor(steadyMs: number) {
    this.#steadyMs = steadyMs;
    this.#nowMs = steadyMs;
  }

  /** Time now, ms, for what arrives between two ticks. */
  at(steadyMs: number): number {
    const passed = Math.max(0, steadyMs - this.#steadyMs);
    const behind = this.#steadyMs - this.#nowMs;
    return this.#nowMs + Math.min(passed, LONGEST_TURN_MS) + Math.min(behind, passed * CATCH_UP);
  }

  /** Time now, ms. To be called about every 20 ms. */
  tick(steadyMs: number): number {
    this.#nowMs = this.at(steadyMs);
    this.#steadyMs = steadyMs;
    return this.#nowMs;
  }
}
