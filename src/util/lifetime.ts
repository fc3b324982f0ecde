/**
 * Collects closers as things are opened and runs them newest first, once, hiding no failure.
 * Node 20 has no AsyncDisposableStack.
 */
export class Lifetime {
  readonly #closers: (() => unknown)[] = [];

  /** Registers how to close what was just opened. */
  defer(close: () => unknown): void {
    this.#closers.push(close);
  }

  /** Runs every closer, newest first. @throws AggregateError with all failures. */
  async close(): Promise<void> {
    const errors: unknown[] = [];
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      try {
        await close();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, 'close failed');
  }
}
