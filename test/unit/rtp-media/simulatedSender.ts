import type { Sample } from '../../../src/domain/media.ts';
import type { MediaSynchroniser, SyncedTrack } from '../../../src/ingest/rtp/clock.ts';

/** A track of a simulated sender: capture at `t` ms, media clock `rate`, arrival after `delay`. */
export class Source {
  readonly samples: Sample[] = [];
  readonly #synchroniser: MediaSynchroniser;
  readonly #track: SyncedTrack;
  readonly rate: number;
  readonly base: number;

  constructor(
    synchroniser: MediaSynchroniser,
    [id, rate, base]: readonly [number, number, number],
    log: number[],
  ) {
    this.rate = rate;
    this.base = base;
    this.#synchroniser = synchroniser;
    this.#track = synchroniser.add(id, rate, {
      onTrack: () => undefined,
      onLoss: () => undefined,
      onSample: (sample) => {
        this.samples.push(sample);
        log.push(sample.dts);
      },
    });
  }

  ticks(t: number): number {
    return this.base + Math.round((t * this.rate) / 1000);
  }

  /** A frame captured when the media clock showed `t` ms, arriving at `arrival`; then comes a tick. */
  send(t: number, arrival: number): void {
    this.arrive(t, arrival);
    this.#synchroniser.check(arrival);
  }

  /** The same without the tick. */
  arrive(t: number, arrival: number): void {
    this.#track.arrived(this.ticks(t), arrival);
    this.#track.sample({ dts: this.ticks(t), pts: this.ticks(t), key: true, data: Buffer.of(1), lost: 0 });
  }

  report(ntpMs: number, t: number, arrival: number): void {
    this.#track.senderReport(ntpMs, this.ticks(t), arrival);
    this.#synchroniser.check(arrival);
  }

  get times(): number[] {
    return this.samples.map(({ dts }) => dts / 1000);
  }
}
