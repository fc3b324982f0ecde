import type { Incident } from '../../domain/incident.ts';

/** Packets of a track that never came, one after the other or with damaged frames between them. */
export interface Loss {
  readonly packets: number;
  /** Media that is missing because of it, microseconds; undefined when nobody can know. */
  readonly missingUs: number | undefined;
}

/** What a stream reports of a loss that ends now. */
export function packetsLost(trackId: number, { packets, missingUs }: Loss): Incident {
  const lostMs = missingUs === undefined ? null : Math.round(missingUs / 1000);
  const to = Date.now();
  return { cause: 'packets-lost', from: to - (lostMs ?? 0), to, lostMs, trackId, packets };
}
