import type { ErrorCode } from '../domain/errors.ts';
import { MEDIA_PROVIDERS } from '../domain/publisher.ts';
import type { MediaProvider } from '../domain/publisher.ts';
import { Counts } from '../util/counts.ts';
import type { Stream } from './stream.ts';

/** Why a publisher can be refused before it is a stream. */
const REFUSALS = ['SHUTTING_DOWN', 'UNAUTHORIZED', 'STREAM_NAME_IN_USE', 'LIMIT_REACHED'] as const;

/** What publishers have sent since the start of the server. */
export interface Received {
  readonly bytes: number;
  readonly samples: number;
  readonly packets: number;
  readonly packetsLost: number;
}

const NOTHING: Received = { bytes: 0, samples: 0, packets: 0, packetsLost: 0 };

/** Counts of streams since the start of the server. */
export class StreamCounts {
  readonly published = new Counts<MediaProvider>(MEDIA_PROVIDERS);
  readonly refused = new Counts<ErrorCode>(REFUSALS);
  readonly #ended = new Map<MediaProvider, Received>();

  /** Takes over what a stream counted. */
  ended(stream: Stream): void {
    const { mediaProvider } = stream.init.publisher;
    this.#ended.set(mediaProvider, sum(this.#ended.get(mediaProvider) ?? NOTHING, stream));
  }

  /** @param live streams that have not ended. */
  received(mediaProvider: MediaProvider, live: readonly Stream[]): Received {
    const own = live.filter(({ init }) => init.publisher.mediaProvider === mediaProvider);
    return own.reduce(sum, this.#ended.get(mediaProvider) ?? NOTHING);
  }
}

function sum({ bytes, samples, packets, packetsLost }: Received, stream: Stream): Received {
  const { received = 0, lost = 0 } = stream.packets?.() ?? {};
  return {
    bytes: bytes + stream.received.bytes,
    samples: samples + stream.received.samples,
    packets: packets + received,
    packetsLost: packetsLost + lost,
  };
}
