const MAX_DEPTH = 16;
/** Frames looked at where the stream does not say how deep it reorders. */
const PROBE_FRAMES = 5;
/** Where nobody tells how long a frame lasts. */
const USUAL_FRAMES_PER_SECOND = 30;
/** No reordering reaches this far back: the sender's clock was set anew. */
const MAX_BACKWARD_SECONDS = 2;

/** A frame that knows when it is presented, in ticks. */
export interface Presented {
  readonly timestamp: number;
}

/** A frame with its decode time, in ticks. `pts` is the frame's timestamp, except where the stream breaks its word. */
export interface TimedFrame<F extends Presented> {
  readonly frame: F;
  readonly dts: number;
  readonly pts: number;
}

/** Greatest number of frames that precede a frame in decoding order and follow it in output order. */
function depthOf(timestamps: readonly number[]): number {
  const ahead = timestamps.map((ts, i) => timestamps.slice(0, i).filter((earlier) => earlier > ts).length);
  return Math.max(0, ...ahead);
}

/**
 * Decode times for frames that come in decoding order with presentation times only, as RTP carries them. With a
 * reorder depth of n, the decode time of a frame is the presentation time n places before it in output order: n frames
 * are enough to know it, so no frame waits. Depth 0 gives dts = pts.
 *
 * Where the stream does not say its depth, the first five frames wait and show it. Should it still turn out deeper,
 * one frame for each step is moved to its decode time, because no container takes a frame presented before it is
 * decoded.
 */
export class DecodeTimes<F extends Presented> {
  readonly #clockRate: number;
  readonly #frameTicks: number;
  readonly #output: (timed: TimedFrame<F>) => void;
  #depth: number | undefined = 0;
  #waiting: F[] = [];
  /** Presentation times that are no decode times yet, ascending; at most depth + 1. */
  readonly #times: number[] = [];
  #last = -Infinity;

  /**
   * @param clockRate ticks per second.
   * @param frameTicks ticks from one frame to the next, for the decode times before the first frame.
   */
  constructor(
    clockRate: number,
    output: (timed: TimedFrame<F>) => void,
    frameTicks = clockRate / USUAL_FRAMES_PER_SECOND,
  ) {
    this.#clockRate = clockRate;
    this.#frameTicks = frameTicks;
    this.#output = output;
  }

  /** Depth of the frames that follow; undefined lets them show it. */
  setDepth(depth: number | undefined): void {
    this.flush();
    // A depth that showed itself holds for later configurations that do not say one either.
    if (depth !== undefined) this.#depth = Math.min(depth, MAX_DEPTH);
    else if (this.#last === -Infinity) this.#depth = undefined;
  }

  push(frame: F): void {
    if (this.#depth !== undefined) {
      this.#emit(frame, this.#depth);
      return;
    }
    this.#waiting.push(frame);
    if (this.#waiting.length === PROBE_FRAMES) this.flush();
  }

  /** Frames are missing before the next one, a key frame: what was before it says nothing about its decode time. */
  reset(): void {
    this.flush();
    this.#times.length = 0;
  }

  /** Lets waiting frames go. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#depth = depthOf(waiting.map((frame) => frame.timestamp));
    for (const frame of waiting) this.push(frame);
  }

  #emit(frame: F, depth: number): void {
    const pts = frame.timestamp;
    if (pts < this.#last - MAX_BACKWARD_SECONDS * this.#clockRate) {
      this.#times.length = 0;
      this.#last = -Infinity;
    }
    const dts = Math.max(this.#next(pts, depth), this.#last + 1);
    if (dts > pts) this.#depth = Math.min(depth + 1, MAX_DEPTH);
    this.#last = dts;
    this.#output({ frame, dts, pts: Math.max(dts, pts) });
  }

  #next(pts: number, depth: number): number {
    if (depth === 0 && this.#times.length === 0) return pts;
    const times = this.#times;
    let at = times.length;
    while (at > 0 && (times[at - 1] ?? 0) > pts) at--;
    times.splice(at, 0, pts);
    const lead = depth + 1 - times.length;
    if (lead > 0) return (times[0] ?? pts) - Math.round(lead * this.#frameTicks);
    // After the depth shrank there are more than are needed.
    for (let surplus = -lead; surplus > 0; surplus--) times.shift();
    return times.shift() ?? pts;
  }
}
