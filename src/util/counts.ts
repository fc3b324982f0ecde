/** Counts events by a word, from zero. Read when somebody asks. */
export class Counts<K extends string> {
  readonly #counts: Map<K, number>;

  /** @param words are there from the start, so that a rate can be told from their first event on. */
  constructor(words: readonly K[] = []) {
    this.#counts = new Map(words.map((word) => [word, 0]));
  }

  add(word: K, by = 1): void {
    this.#counts.set(word, this.of(word) + by);
  }

  of(word: K): number {
    return this.#counts.get(word) ?? 0;
  }

  /** Adds what another counted. */
  addAll(entries: readonly (readonly [K, number])[]): void {
    for (const [word, count] of entries) this.add(word, count);
  }

  /** What was counted, which is counted no more. */
  take(): readonly (readonly [K, number])[] {
    const entries = this.entries().filter(([, count]) => count !== 0);
    for (const [word] of entries) this.#counts.set(word, 0);
    return entries;
  }

  entries(): readonly (readonly [K, number])[] {
    return [...this.#counts];
  }
}
