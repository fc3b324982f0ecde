import { Stream } from '../streams/stream.ts';
import type { StreamInit } from '../streams/stream.ts';
import type { Channel } from './channel.ts';
import type { StreamFigures, SupervisorCalls, WorkerCalls } from './messages.ts';

/** The supervisor's side of what it says to a worker and hears of it. */
export type WorkerChannel = Channel<WorkerCalls, SupervisorCalls>;

/** What the supervisor knows of a stream that a worker receives. It has no samples, and nobody subscribes to it. */
export class MirroredStream extends Stream {
  /** Of the worker. */
  readonly channel: WorkerChannel;
  #driftPpm: number | undefined;

  constructor(init: Omit<StreamInit, 'gopCacheMaxBytes'>, channel: WorkerChannel) {
    super({ ...init, gopCacheMaxBytes: 0 });
    this.channel = channel;
  }

  override get driftPpm(): number | undefined {
    return this.#driftPpm;
  }

  /** Takes over what has changed. */
  follow({ status, mediaStartedAt, received, packets, driftPpm }: StreamFigures): void {
    this.status = status;
    this.mediaStartedAt = mediaStartedAt;
    this.received.bytes = received.bytes;
    this.received.samples = received.samples;
    this.packets = packets === undefined ? undefined : () => packets;
    this.#driftPpm = driftPpm;
  }
}

/** The worker that a stream is received by; undefined: the supervisor itself. */
export function channelOf(stream: Stream): WorkerChannel | undefined {
  return stream instanceof MirroredStream ? stream.channel : undefined;
}
