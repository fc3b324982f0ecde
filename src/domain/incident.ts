/** What can happen to media between its publisher and its file. */
export const INCIDENT_CAUSES = [
  /** The publisher was away and came back. */
  'publisher-away',
  /** A pulled source was lost and reached again. */
  'source-lost',
  /** The publisher's timestamps leapt forward, or back, and were mended; nothing is missing. */
  'timestamps-leapt',
  /** Packets did not arrive, however often they were asked for. */
  'packets-lost',
  /** A configuration changed in mid-stream. */
  'track-changed',
  /** No child, or no room, for media that was received. */
  'not-recorded',
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
  /** For people: one line without secrets. */
  readonly detail?: string;
}
