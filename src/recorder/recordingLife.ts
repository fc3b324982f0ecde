import { NEXT_STATES } from '../domain/recording.ts';
import type { RecordingState } from '../domain/recording.ts';

/** Where a recording is between its start and its end. */
export class RecordingLife {
  #state: RecordingState = 'starting';

  get state(): RecordingState {
    return this.#state;
  }

  /** False once it was asked to end. */
  get isActive(): boolean {
    return this.#state === 'starting' || this.#state === 'recording';
  }

  /** @throws Error for a move that no recording makes. */
  move(to: RecordingState): void {
    if (!NEXT_STATES[this.#state].includes(to))
      throw new Error(`recording cannot go from ${this.#state} to ${to}`);
    this.#state = to;
  }
}
