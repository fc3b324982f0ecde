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

  entries(): readonly (readonly [K, number])[] {
    return [...this.#counts];
  }
}
