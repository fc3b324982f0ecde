import { addIncident } from '../domain/incident.ts';
import type { Incident } from '../domain/incident.ts';
import type { Sample, Track } from '../domain/media.ts';

/** What one track gave. Times in microseconds of stream time; infinite while there is nothing. */
export interface TrackCount {
  readonly id: number;
  packets: number;
  bytes: number;
  firstUs: number;
  lastUs: number;
}

/** What a part's child was given for it, and what happened meanwhile. */
export interface PartTally {
  readonly tracks: readonly TrackCount[];
  readonly incidents: readonly Incident[];
  readonly incidentsLeftOut: number;
}

/** From a place where a part can begin up to the next one. */
interface Group {
  readonly startDtsUs: number;
  readonly startPtsUs: number;
  readonly tracks: TrackCount[];
  readonly incidents: Incident[];
  incidentsLeftOut: number;
}

/** Of these, a part can still be told from the next one; older ones become one. */
const MAX_GROUPS = 256;

/**
 * Counts what a child is given, by groups of pictures: where it cut a part, or where another child took over, is known
 * only later.
 */
export class RunTally {
  readonly #trackIds: readonly number[];
  readonly #groups: Group[] = [];

  constructor(tracks: readonly Track[]) {
    this.#trackIds = tracks.map(({ id }) => id);
  }

  /** @param begins a part can begin with this sample. */
  push(sample: Sample, begins: boolean): void {
    if (begins) this.#begin(sample.dts, sample.pts);
    const count = this.#newest().tracks.find(({ id }) => id === sample.trackId);
    if (count === undefined) return;
    count.packets++;
    count.bytes += sample.data.length;
    if (sample.pts < count.firstUs) count.firstUs = sample.pts;
    if (sample.pts > count.lastUs) count.lastUs = sample.pts;
  }

  /** Something happened right before the next sample. */
  report(incident: Incident): void {
    note(this.#newest(), incident);
  }

  /** Hands over what belongs to a part that ended at this presentation time, as the child says it. */
  takeUntil(endPtsUs: number): PartTally {
    const distance = ({ startPtsUs }: Group): number => Math.abs(startPtsUs - endPtsUs);
    let end = 1;
    for (const [i, group] of this.#groups.entries()) {
      const best = this.#groups[end];
      if (i > 0 && best !== undefined && distance(group) < distance(best)) end = i;
    }
    return merged(this.#groups.splice(0, end), this.#trackIds);
  }

  /** Hands over the rest. @param givenAgainUs from this decode time on, another child was given the media. */
  takeRest(givenAgainUs = Infinity): PartTally {
    const all = this.#groups.splice(0);
    const own = merged(
      all.filter(({ startDtsUs }) => startDtsUs < givenAgainUs),
      this.#trackIds,
    );
    const { incidents, incidentsLeftOut } = merged(all, this.#trackIds);
    return { tracks: own.tracks, incidents, incidentsLeftOut };
  }

  #newest(): Group {
    return this.#groups.at(-1) ?? this.#begin(-Infinity, -Infinity);
  }

  #begin(startDtsUs: number, startPtsUs: number): Group {
    const group = { ...emptyGroup(this.#trackIds), startDtsUs, startPtsUs };
    this.#groups.push(group);
    const [first, second] = this.#groups;
    if (this.#groups.length > MAX_GROUPS && first !== undefined && second !== undefined) {
      add(first, second);
      this.#groups.splice(1, 1);
    }
    return group;
  }
}

function emptyGroup(trackIds: readonly number[]): Group {
  const tracks = trackIds.map((id) => ({ id, packets: 0, bytes: 0, firstUs: Infinity, lastUs: -Infinity }));
  return { startDtsUs: 0, startPtsUs: 0, tracks, incidents: [], incidentsLeftOut: 0 };
}

function merged(groups: readonly Group[], trackIds: readonly number[]): PartTally {
  const sum = emptyGroup(trackIds);
  for (const group of groups) add(sum, group);
  return sum;
}

function add(sum: Group, { tracks, incidents, incidentsLeftOut }: Group): void {
  for (const [i, to] of sum.tracks.entries()) {
    const from = tracks[i];
    if (from === undefined) continue;
    to.packets += from.packets;
    to.bytes += from.bytes;
    to.firstUs = Math.min(to.firstUs, from.firstUs);
    to.lastUs = Math.max(to.lastUs, from.lastUs);
  }
  for (const incident of incidents) note(sum, incident);
  sum.incidentsLeftOut += incidentsLeftOut;
}

function note(group: Group, incident: Incident): void {
  if (!addIncident(group.incidents, incident)) group.incidentsLeftOut++;
}
