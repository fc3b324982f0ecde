/** What can happen to media between its publisher and its file. */
export const INCIDENT_CAUSES = [
  /** The publisher was away and came back. */
  'publisher-away',
  /** A pulled source was lost and reached again. */
  'source-lost',
  /** The publisher's timestamps leapt forward, or back, and were mended; nothing is missing. */
  'timestamps-leapt',
  /** Packets of RTP did not arrive, however often they were asked for. */
  'packets-lost',
  /** A configuration changed in mid-stream. */
  'track-changed',
  /** No child, or no room, for media that was received. */
  'not-recorded',
  /** The disk was full: a child found no room, or a stream waited for room to be recorded. */
  'disk-full',
  /** A child ended before its time. */
  'child-died',
  /** The server ended before its time. */
  'server-died',
] as const;

export type IncidentCause = (typeof INCIDENT_CAUSES)[number];

/** One entry of a recording's integrity report. */
export interface Incident {
  readonly cause: IncidentCause;
  /** Milliseconds since the epoch on the server's clock. */
  readonly from: number;
  readonly to: number;
  /** Media that is missing in the file because of it, milliseconds; 0 when nothing is, null when nobody can know. */
  readonly lostMs: number | null;
  /** The one track that it happened to. */
  readonly trackId?: number;
  /** Packets of RTP that are lost. */
  readonly packets?: number;
  /** For people: one line without secrets. */
  readonly detail?: string;
}

/** Bound on the incidents of one report. */
export const MAX_INCIDENTS = 200;
/** Losses of a track with less than this between them are one incident, milliseconds. */
const MERGE_MS = 10_000;

/** Adds an incident, a loss to the one right before it. @returns false when there are too many already. */
export function addIncident(incidents: Incident[], incident: Incident): boolean {
  if (incident.cause === 'packets-lost') {
    const at = incidents.findLastIndex((each) => isNearLoss(each, incident));
    const before = incidents[at];
    if (before !== undefined) {
      incidents[at] = together(before, incident);
      return true;
    }
  }
  if (incidents.length >= MAX_INCIDENTS) return false;
  incidents.push(incident);
  return true;
}

/** One of unknown length stays alone, or it would hide how much is known to be missing. */
function isNearLoss({ cause, trackId, to, lostMs }: Incident, next: Incident): boolean {
  const isSame = cause === 'packets-lost' && trackId === next.trackId;
  return isSame && (lostMs === null) === (next.lostMs === null) && next.from - to < MERGE_MS;
}

function together(first: Incident, next: Incident): Incident {
  return {
    ...first,
    to: Math.max(first.to, next.to),
    lostMs: first.lostMs === null || next.lostMs === null ? null : first.lostMs + next.lostMs,
    packets: (first.packets ?? 0) + (next.packets ?? 0),
  };
}
