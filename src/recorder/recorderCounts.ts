import { INCIDENT_CAUSES } from '../domain/incident.ts';
import type { Incident, IncidentCause } from '../domain/incident.ts';
import { STOP_REASONS } from '../domain/recording.ts';
import type { FinishedPart, StopReason } from '../domain/recording.ts';
import { Counts } from '../util/counts.ts';
import { Histogram } from '../util/histogram.ts';
import type { HistogramData } from '../util/histogram.ts';
import { CHILD_ENDS } from './childEnd.ts';
import type { ChildEnd } from './childEnd.ts';

/** From a file that is only synced and named to one of hours on a slow disk. */
const FINALISE_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

type Entries<K> = readonly (readonly [K, number])[];

/** {@link RecorderCounts} as plain data. */
export interface RecorderCountsData {
  readonly recordingsStarted: number;
  readonly recordingsFinished: number;
  readonly partBytes: number;
  readonly partMs: number;
  readonly partsLeft: number;
  readonly childrenStarted: number;
  readonly recordingsEnded: Entries<StopReason>;
  readonly parts: Entries<StopReason>;
  readonly childEnds: Entries<ChildEnd>;
  readonly incidents: Entries<IncidentCause>;
  readonly lostMs: Entries<IncidentCause>;
  readonly finaliseSeconds: HistogramData;
}

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

  /** What was counted, which is counted no more: another process of the server adds it to its own. */
  take(): RecorderCountsData {
    const { recordingsStarted, recordingsFinished, partBytes, partMs, partsLeft, childrenStarted } = this;
    this.recordingsStarted = this.recordingsFinished = this.childrenStarted = 0;
    this.partBytes = this.partMs = this.partsLeft = 0;
    return {
      ...{ recordingsStarted, recordingsFinished, partBytes, partMs, partsLeft, childrenStarted },
      recordingsEnded: this.recordingsEnded.take(),
      parts: this.parts.take(),
      childEnds: this.childEnds.take(),
      incidents: this.incidents.take(),
      lostMs: this.lostMs.take(),
      finaliseSeconds: this.finaliseSeconds.take(),
    };
  }

  /** Adds what another process of the server has counted. */
  addAll(data: RecorderCountsData): void {
    this.recordingsStarted += data.recordingsStarted;
    this.recordingsFinished += data.recordingsFinished;
    this.partBytes += data.partBytes;
    this.partMs += data.partMs;
    this.partsLeft += data.partsLeft;
    this.childrenStarted += data.childrenStarted;
    this.recordingsEnded.addAll(data.recordingsEnded);
    this.parts.addAll(data.parts);
    this.childEnds.addAll(data.childEnds);
    this.incidents.addAll(data.incidents);
    this.lostMs.addAll(data.lostMs);
    this.finaliseSeconds.addAll(data.finaliseSeconds);
  }

  incident({ cause, lostMs }: Incident): void {
    this.incidents.add(cause);
    this.lostMs.add(cause, lostMs ?? 0);
  }
}
