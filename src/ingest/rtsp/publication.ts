import { randomBytes } from 'node:crypto';
import type { Logger } from '../../domain/log.ts';
import { LeapReports } from '../../streams/leapReports.ts';
import type { Stream } from '../../streams/stream.ts';
import type { Streams } from '../../streams/streams.ts';
import type { Leap } from '../../streams/timeline.ts';
import { MediaSynchroniser } from '../rtp/clock.ts';
import { ReceptionClock } from '../rtp/receptionClock.ts';
import { packetCounts } from '../rtp/trackReceiver.ts';
import { TrackIntake } from './trackIntake.ts';
import type { TrackLine } from './trackLine.ts';

/** Waits and bounds of a publication. */
export interface PublicationOptions {
  /** How long a missing UDP packet is waited for, ms. */
  readonly lossWaitMs: number;
  /** How long the beginning of a stream waits for the reports that align audio with video, ms. */
  readonly syncWaitMs: number;
  /** Longest coded picture or audio frame; a longer one is left out. */
  readonly maxFrameBytes: number;
}

/** What a publication works with. */
export interface PublicationDeps {
  readonly stream: Stream;
  readonly streams: Streams;
  readonly log: Logger;
  /** Every track that was set up, those without a usable format included. */
  readonly lines: readonly TrackLine[];
  /** The publication is over. */
  readonly onGone: () => void;
}

const REPORT_INTERVAL_MS = 1_000;
/** Some 3 s of 40 Mbit/s. */
const MAX_HELD_BYTES = 16_777_216;
/** A client says that it stops in another connection than its UDP media comes in, which is read this much longer. */
const LINGER_MS = 100;
/** Turns of the event loop in which the sockets were looked at before the end. */
const LINGER_TICKS = 3;

/** One published stream from RECORD to its end. */
export class Publication {
  readonly stream: Stream;
  readonly #deps: PublicationDeps;
  readonly #log: Logger;
  readonly #synchroniser: MediaSynchroniser;
  readonly #leaps: LeapReports;
  readonly #intakes = new Map<TrackLine, TrackIntake>();
  readonly #startedMs = performance.now();
  readonly #clock = new ReceptionClock(this.#startedMs);
  #lastMediaMs = this.#startedMs;
  #nextReportMs = 0;
  #leaving: { readonly reason: string; readonly sinceMs: number; ticks: number } | undefined;
  #isOver = false;

  constructor(deps: PublicationDeps, options: PublicationOptions) {
    const { stream, lines, log } = deps;
    this.stream = stream;
    this.#deps = deps;
    this.#log = log.child({ streamName: stream.name, mediaSessionId: stream.mediaSessionId });
    const { syncWaitMs, maxFrameBytes } = options;
    this.#leaps = new LeapReports(this.#log);
    const onLeap = (leap: Leap): void => this.#leaps.add(stream, leap);
    const waits = { syncWaitMs, maxHeldBytes: MAX_HELD_BYTES, areClocksSteady: true, onLeap };
    this.#synchroniser = new MediaSynchroniser(waits);
    const senderSsrc = randomBytes(4).readUInt32BE(0);
    for (const line of lines) {
      if (line.format === undefined) continue;
      const lossWaitMs = line.isOrdered ? 0 : options.lossWaitMs;
      const common = { stream, synchroniser: this.#synchroniser, maxFrameBytes, senderSsrc };
      this.#intakes.set(line, new TrackIntake(line.format, { ...common, lossWaitMs }));
    }
    stream.packets = () => packetCounts([...this.#intakes.values()].map((each) => each.statistics()));
    for (const line of lines) {
      line.open({
        rtp: (data) => this.#rtp(line, data),
        rtcp: (data) => this.#rtcp(line, data),
      });
    }
    const codecs = lines.map(({ format }) => format?.codec).filter((codec) => codec !== undefined);
    this.#log.info('rtsp stream published', { codecs, transport: lines[0]?.kind });
  }

  /** When the newest packet with media of a track arrived, or the publication began; `performance.now()`. */
  get lastMediaMs(): number {
    return this.#lastMediaMs;
  }

  /** Does what is due. Called about every 20 ms with `performance.now()`; never throws. */
  tick(steadyMs: number): void {
    const nowMs = this.#clock.tick(steadyMs);
    this.#guard(() => {
      for (const intake of this.#intakes.values()) intake.check(nowMs);
      this.#synchroniser.check(nowMs);
      if (nowMs >= this.#nextReportMs) this.#report(nowMs);
    });
    const leaving = this.#leaving;
    if (leaving === undefined || ++leaving.ticks < LINGER_TICKS) return;
    if (steadyMs - leaving.sinceMs >= LINGER_MS) this.finish(leaving.reason);
  }

  /** Ends the stream once what was sent before has arrived: at once when no UDP is in use. */
  leave(reason: string): void {
    const isOrdered = this.#deps.lines.every((line) => line.isOrdered);
    if (isOrdered) this.finish(reason);
    else this.#leaving ??= { reason, sinceMs: performance.now(), ticks: 0 };
  }

  /** Ends the stream with everything that arrived. Later calls do nothing. */
  finish(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const line of this.#deps.lines) line.close();
    try {
      this.#deliver();
      this.#deps.streams.unpublish(this.stream);
    } catch (err) {
      // A subscriber that fails at the end of a stream must not take the process down.
      this.#log.error('ending an rtsp stream failed', { err });
    }
    this.#leaps.close();
    this.#deps.onGone();
    this.#logEnd(reason);
  }

  /** Everything that waits, for lost packets or for sender reports, waits no longer. Never throws. */
  flush(): void {
    this.#guard(() => this.#deliver());
  }

  #rtp(line: TrackLine, data: Buffer): void {
    const steadyMs = performance.now();
    this.#guard(() => {
      const intake = this.#intakes.get(line);
      // Media that cannot be recorded shows that its client is there, too.
      if (intake === undefined || intake.rtp(data, this.#clock.at(steadyMs))) this.#lastMediaMs = steadyMs;
    });
  }

  #rtcp(line: TrackLine, data: Buffer): void {
    this.#guard(() => this.#intakes.get(line)?.rtcp(data, this.#clock.at(performance.now())));
  }

  #deliver(): void {
    for (const intake of this.#intakes.values()) intake.flush();
    this.#synchroniser.flush();
  }

  /** A mistake of the server must end one stream, not all. */
  #guard(work: () => void): void {
    if (this.#isOver) return;
    try {
      work();
    } catch (err) {
      this.#log.error('rtsp reception failed', { err });
      this.finish('internal error');
    }
  }

  #report(nowMs: number): void {
    this.#nextReportMs = nowMs + REPORT_INTERVAL_MS;
    for (const [line, intake] of this.#intakes) {
      const report = intake.report(nowMs);
      if (report !== undefined) line.sendRtcp(report);
    }
  }

  #logEnd(reason: string): void {
    const seconds = Math.round((performance.now() - this.#startedMs) / 100) / 10;
    const tracks = [...this.#intakes.values()].map((each) => [each.format.kind, each.statistics()] as const);
    this.#log.info('rtsp stream ended', { reason, seconds, ...Object.fromEntries(tracks) });
  }
}
