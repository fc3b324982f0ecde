import type { DemuxedFrame } from '../../media/demuxed.ts';
import { DecodeTimes } from '../../media/decodeTimes.ts';

const TICKS_PER_SECOND = 1_000_000;
/** Distance of two pictures while nothing tells it. */
const USUAL_FRAME_US = 40_000;

/**
 * Both times of RTP pictures out of the presentation times. FFmpeg does not know that of the first picture of a
 * connection (`pts` 0): it waits for the next ones, which tell it.
 */
export class VideoTimes {
  readonly #depth: number;
  readonly #frameUs: number | undefined;
  readonly #decode: DecodeTimes<{ readonly timestamp: number; readonly demuxed: DemuxedFrame }>;
  #waiting: DemuxedFrame[] | undefined = [];
  #lastPts = 0;

  /**
   * @param known depth of reordering, see `DecodeTimes`, and distance of two pictures, microseconds.
   * @param emit takes each picture with its times, in order.
   */
  constructor(
    known: { readonly depth: number; readonly frameUs: number | undefined },
    emit: (frame: DemuxedFrame, dts: number, pts: number) => void,
  ) {
    this.#depth = known.depth;
    this.#frameUs = known.frameUs;
    this.#decode = new DecodeTimes(
      TICKS_PER_SECOND,
      ({ frame, dts, pts }) => emit(frame.demuxed, dts, pts),
      known.frameUs ?? USUAL_FRAME_US,
    );
    this.#decode.setDepth(known.depth);
  }

  push(frame: DemuxedFrame): void {
    const waiting = this.#waiting;
    if (waiting === undefined) this.#give(frame, frame.pts);
    else if (waiting.length === 0 && frame.pts > 0) this.#go([frame], frame.pts);
    else if (waiting.push(frame) === this.#depth + 2) this.#go(waiting, this.#firstTime(waiting));
  }

  #go(frames: readonly DemuxedFrame[], firstPts: number): void {
    this.#waiting = undefined;
    frames.forEach((frame, i) => this.#give(frame, i === 0 ? firstPts : frame.pts));
  }

  /** One frame before the earliest of the pictures after the first. */
  #firstTime(frames: readonly DemuxedFrame[]): number {
    const times = frames
      .slice(1)
      .map(({ pts }) => pts)
      .sort((a, b) => a - b);
    const steps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    const frameUs = this.#frameUs ?? Math.min(...steps.filter((step) => step > 0), USUAL_FRAME_US);
    return (times[0] ?? 0) - frameUs;
  }

  /** A later picture without a time, which should not be, is put right after the one before. */
  #give(frame: DemuxedFrame, pts: number): void {
    this.#lastPts = pts > 0 ? pts : this.#lastPts + 1;
    this.#decode.push({ timestamp: this.#lastPts, demuxed: frame });
  }
}
