import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { EventLoopUtilization, IntervalHistogram } from 'node:perf_hooks';

/** How late the event loop was, seconds. */
export interface LoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** How often it is looked at: what is shorter does not show. */
const RESOLUTION_MS = 20;
/** Several readers within this time get the same figures, and a reader those since about the one before. */
const WINDOW_MS = 10_000;

/** Watches how late timers are while the server runs: everything it does waits as long. */
export class EventLoop {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #beganMs = performance.now();
  #shown: LoopDelay | undefined;

  start(): void {
    this.#delay.enable();
    this.#beganMs = performance.now();
  }

  stop(): void {
    this.#delay.disable();
  }

  /** Of the time between the last two readings, at least ten seconds where the server has run for so long. */
  read(): LoopDelay {
    const now = performance.now();
    if (now - this.#beganMs < WINDOW_MS) return this.#shown ?? this.#current();
    this.#shown = this.#current();
    this.#beganMs = now;
    this.#delay.reset();
    return this.#shown;
  }

  /** Time in which the loop worked and waited, milliseconds since the start of the process. */
  utilisation(): EventLoopUtilization {
    return performance.eventLoopUtilization();
  }

  #current(): LoopDelay {
    const { max } = this.#delay;
    return {
      p50: late(this.#delay.percentile(50)),
      p99: late(this.#delay.percentile(99)),
      max: late(max),
    };
  }
}

/** Node tells the time between two looks, in nanoseconds. */
function late(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS) / 1000;
}
