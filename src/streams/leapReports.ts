import type { Logger } from '../domain/log.ts';
import { RepeatLog } from '../util/repeatLog.ts';
import type { Stream } from './stream.ts';
import type { Leap } from './timeline.ts';

/** Tells of mended timestamps: each leap to the stream, and to the log no more than one line a second. */
export class LeapReports {
  readonly #repeats: RepeatLog;

  constructor(log: Logger) {
    this.#repeats = new RepeatLog(log, 'timestamps of the publisher leapt and were mended');
  }

  /** To be called right before the first sample after the leap. */
  add(stream: Stream | undefined, { trackId, byMs, passedMs }: Leap): void {
    const to = Date.now();
    const way = byMs < 0 ? 'back' : 'forward';
    const detail = `by ${Math.abs(byMs) / 1000} s ${way}`;
    stream?.report({ cause: 'timestamps-leapt', from: to - passedMs, to, lostMs: 0, detail });
    this.#repeats.add({ trackId, byMs, passedMs });
  }

  /** Logs what is still counted. */
  close(): void {
    this.#repeats.close();
  }
}
