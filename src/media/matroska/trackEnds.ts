import type { Block } from './blocks.ts';
import type { TrackFacts } from './segment.ts';

interface Times {
  latest: number;
  previous: number;
  /** Shortest distance of two neighbours in the file: the length of a frame, in whatever order they come. */
  step: number;
  /** Length of the latest, where the file says it. */
  duration: number | undefined;
}

/** Finds out when the last frame of a file ends, from the blocks of its end. Times in ticks. */
export class TrackEnds {
  readonly #times = new Map<number, Times>();

  add({ track, time, duration }: Block): void {
    const known = this.#times.get(track);
    if (known === undefined) {
      this.#times.set(track, { latest: time, previous: time, step: Infinity, duration });
      return;
    }
    const step = Math.abs(time - known.previous);
    if (step > 0) known.step = Math.min(known.step, step);
    known.previous = time;
    if (time < known.latest) return;
    known.latest = time;
    known.duration = duration;
  }

  /** At least one tick; a length of zero would mean an unknown one. */
  end(tracks: ReadonlyMap<number, TrackFacts>, tickNs: number): number {
    let end = 1;
    for (const [number, { frameNs }] of tracks) {
      const times = this.#times.get(number);
      if (times === undefined) continue;
      const usual = Number.isFinite(times.step) ? times.step : Math.round(frameNs / tickNs);
      end = Math.max(end, times.latest + (times.duration ?? usual));
    }
    return end;
  }
}
