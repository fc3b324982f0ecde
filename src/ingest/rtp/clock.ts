/** Waits and bounds of a `MediaSynchroniser`. */
export interface SynchroniserOptions {
  /** How long first samples wait for the sender reports of all tracks, ms. 0 goes by arrival at once. */
  readonly syncWaitMs: number;
  /** Bytes that may wait; beyond them the waiting ends. */
  readonly maxHeldBytes: number;
}

/** The common clock of one publication's tracks. */
export class MediaSynchroniser {
  constructor(options: SynchroniserOptions) {
    void options;
  }

  /** Ends waits that are over. For the shared tick. */
  check(nowMs: number): void {
    void nowMs;
  }

  /** Delivers whatever waits; after the tracks' own `flush`. */
  flush(): void {}
}
