import type { Snapshots } from '../streams/contracts.ts';
import type { Stream } from '../streams/stream.ts';
import { channelOf } from './mirroredStream.ts';

/** Pictures of the streams of the whole server: each is taken where the stream is received. */
export class RoutedSnapshots implements Snapshots {
  readonly #own: Snapshots;

  constructor(own: Snapshots) {
    this.#own = own;
  }

  async take(stream: Stream): Promise<Buffer> {
    const channel = channelOf(stream);
    if (channel === undefined) return this.#own.take(stream);
    return Buffer.from(await channel.call('snapshot', stream.mediaSessionId));
  }
}
