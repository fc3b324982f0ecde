type Fields = Readonly<Record<string, unknown>>;

/** Where the lines go; a logger of the house is one. */
interface WarnLog {
  warn(message: string, fields: Fields): void;
}

/** Logs the first event of a second in full and the others of that second as one count. */
export class RepeatLog {
  readonly #log: WarnLog;
  readonly #message: string;
  readonly #intervalMs: number;
  #timer: NodeJS.Timeout | undefined;
  #count = 0;
  #last: Fields = {};

  /** @param message the fixed sentence; summaries say how many more there were. */
  constructor(log: WarnLog, message: string, intervalMs = 1_000) {
    this.#log = log;
    this.#message = message;
    this.#intervalMs = intervalMs;
  }

  add(fields: Fields): void {
    this.#last = fields;
    if (this.#timer !== undefined) {
      this.#count++;
      return;
    }
    this.#log.warn(this.#message, fields);
    this.#arm();
  }

  /** Logs what is still counted and stops the timer. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flush();
  }

  #arm(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#flush()) this.#arm();
    }, this.#intervalMs);
    this.#timer.unref();
  }

  #flush(): boolean {
    if (this.#count === 0) return false;
    this.#log.warn(this.#message, { ...this.#last, more: this.#count });
    this.#count = 0;
    return true;
  }
}
