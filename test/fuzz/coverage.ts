import { Session } from 'node:inspector';
import type { Profiler } from 'node:inspector';

/**
 * What of `src/` has run, block by block, as V8 counts it. Tells whether an input reached something that none before
 * it did, which is all that a coverage-guided fuzzer needs.
 */
export class Coverage {
  readonly #session = new Session();
  readonly #seen = new Set<string>();

  start(): void {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  stop(): void {
    this.#session.disconnect();
  }

  get blocks(): number {
    return this.#seen.size;
  }

  /** Whether anything ran since the last call that never ran before. */
  hasGrown(): boolean {
    const before = this.#seen.size;
    for (const { url, functions } of this.#take()) {
      if (!url.includes('/src/')) continue;
      for (const { ranges } of functions)
        for (const { startOffset, endOffset, count } of ranges)
          if (count > 0) this.#seen.add(`${url} ${startOffset} ${endOffset}`);
    }
    return this.#seen.size > before;
  }

  #take(): readonly Profiler.ScriptCoverage[] {
    let result: readonly Profiler.ScriptCoverage[] = [];
    // Answered before `post` returns.
    this.#session.post('Profiler.takePreciseCoverage', (error, taken) => {
      if (error !== null) throw error;
      result = taken.result;
    });
    return result;
  }
}
