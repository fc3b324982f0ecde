import { element, uintElement } from '../ebml.ts';
import { ID } from './ids.ts';

/** A place to seek to: ticks, track, and where its cluster starts in the content of the Segment. */
export interface Cue {
  readonly time: number;
  readonly track: number;
  readonly cluster: number;
}

/** 18 hours of a cluster each second; an index of 3 MB. */
const MAX_CUES = 65_536;

/** Gathers places to seek to; when there are too many, every second one is left out. */
export class CueList {
  #cues: Cue[] = [];

  add(cue: Cue): void {
    if (this.#cues.length === MAX_CUES) this.#cues = this.#cues.filter((_, i) => i % 2 === 0);
    this.#cues.push(cue);
  }

  /** The Cues element, empty without a cue. */
  bytes(): Buffer {
    if (this.#cues.length === 0) return Buffer.alloc(0);
    return element(ID.cues, ...this.#cues.map(cuePoint));
  }
}

function cuePoint({ time, track, cluster }: Cue): Buffer {
  const place = [uintElement(ID.cueTrack, track), uintElement(ID.cueClusterPosition, cluster)];
  return element(ID.cuePoint, uintElement(ID.cueTime, time), element(ID.cueTrackPositions, ...place));
}
