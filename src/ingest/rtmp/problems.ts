import type { Logger } from '../../domain/log.ts';

interface Count {
  total: number;
  unreported: number;
  /** Said once; only the total matters afterwards. */
  readonly once: boolean;
}

/** Different causes told apart; a peer chooses some of their texts. */
const MAX_CAUSES = 32;

/** Media that one publication sent and that was not used: counted here, logged in bulk. */
export class Problems {
  readonly #log: Logger;
  readonly #counts = new Map<string, Count>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Counts one message dropped because of `what`, a fixed text. */
  add(what: string): void {
    this.#count(what, false);
  }

  /** Counts one message of a kind that the stream will go on sending, e.g. an unsupported codec. */
  addExpected(what: string): void {
    this.#count(what, true);
  }

  /** Logs what is new. To be called about once a second. */
  report(): void {
    for (const [what, count] of this.#counts) {
      if (count.unreported === 0) continue;
      if (!count.once || count.unreported === count.total) {
        this.#log.warn('media dropped', { what, messages: count.unreported, total: count.total });
      }
      count.unreported = 0;
    }
  }

  /** Messages dropped so far, by cause. */
  totals(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].map(([what, count]) => [what, count.total]));
  }

  #count(cause: string, once: boolean): void {
    const what = this.#counts.has(cause) || this.#counts.size < MAX_CAUSES ? cause : 'other';
    let count = this.#counts.get(what);
    if (count === undefined) this.#counts.set(what, (count = { total: 0, unreported: 0, once }));
    count.total++;
    count.unreported++;
  }
}
