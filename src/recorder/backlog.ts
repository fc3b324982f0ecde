import type { Logger } from '../domain/log.ts';

export interface BacklogDeps {
  /** Bound on bytes that wait for the child; from half of it on the publisher is made to wait. */
  readonly bufferMaxBytes: number;
  /** How long a child may take nothing while it is behind. */
  readonly stopTimeoutMs: number;
  /** Makes the publisher wait, if it can, until the returned function is called. */
  readonly holdPublisher: () => () => void;
  readonly log: Logger;
}

/** How long a child may be over the bound before it is killed: a burst is no fault of the child. */
const OVERRUN_MS = 1000;

/** What waits for one child: makes its publisher wait meanwhile, and tells when the child is to be given up. */
export class Backlog {
  readonly #deps: BacklogDeps;
  #release: (() => void) | undefined;
  /** Since when the child is behind, what it had taken when looked at last, and when that was more than before. */
  #behindSince = 0;
  #takenBytes = 0;
  #takenMs = performance.now();

  constructor(deps: BacklogDeps) {
    this.#deps = deps;
  }

  /** When the child was seen to have taken media last, or began; `performance.now()`. */
  get takenMs(): number {
    return this.#takenMs;
  }

  /**
   * Looks at a child that was given `writtenBytes` so far, of which `waitingBytes` wait for it.
   * @returns false when it takes nothing, or too little for what comes.
   */
  watch(writtenBytes: number, waitingBytes: number, pid: number | undefined): boolean {
    const { bufferMaxBytes, stopTimeoutMs, holdPublisher, log } = this.#deps;
    const now = performance.now();
    const taken = writtenBytes - waitingBytes;
    if (taken !== this.#takenBytes) this.#takenMs = now;
    this.#takenBytes = taken;
    if (waitingBytes <= bufferMaxBytes / 2) {
      this.release();
      return true;
    }
    if (this.#release === undefined) {
      this.#behindSince = now;
      log.debug('publisher waits for its recording', { pid, backlog: waitingBytes });
      this.#release = holdPublisher();
    }
    const isOver = waitingBytes > bufferMaxBytes && now - this.#behindSince >= OVERRUN_MS;
    return !isOver && now - Math.max(this.#behindSince, this.#takenMs) < stopTimeoutMs;
  }

  /** Lets the publisher go on. */
  release(): void {
    this.#release?.();
    this.#release = undefined;
  }
}
