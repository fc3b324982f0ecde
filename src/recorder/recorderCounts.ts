import { INCIDENT_CAUSES } from '../domain/incident.ts';
import type { Incident } from '../domain/incident.ts';
import { STOP_REASONS } from '../domain/recording.ts';
import type { FinishedPart } from '../domain/recording.ts';
import { Counts } from '../util/counts.ts';
import { Histogram } from '../util/histogram.ts';
import { CHILD_ENDS } from './childEnd.ts';

/** From a file that is only synced and named to one of hours on a slow disk. */
const FINALISE_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** What the recorder has done since the start of the server. */
export class RecorderCounts {
  recordingsStarted = 0;
  /** Recordings that have no file to come any more, those that an earlier process left included. */
  recordingsFinished = 0;
  readonly recordingsEnded = new Counts(STOP_REASONS);
  readonly parts = new Counts(STOP_REASONS);
  partBytes = 0;
  partMs = 0;
  /** Parts that could not be finished and stay in the work folder. */
  partsLeft = 0;
  /** From a file that its child has closed to its name. */
  readonly finaliseSeconds = new Histogram(FINALISE_SECONDS);
  childrenStarted = 0;
  readonly childEnds = new Counts(CHILD_ENDS);
  readonly incidents = new Counts(INCIDENT_CAUSES);
  readonly lostMs = new Counts(INCIDENT_CAUSES);

  /** @param seconds that it took to finish. */
  part({ stopReason, bytes, durationMs }: FinishedPart, seconds: number): void {
    this.parts.add(stopReason);
    this.partBytes += bytes;
    this.partMs += durationMs;
    this.finaliseSeconds.add(seconds);
  }

  incident({ cause, lostMs }: Incident): void {
    this.incidents.add(cause);
    this.lostMs.add(cause, lostMs ?? 0);
  }
}
