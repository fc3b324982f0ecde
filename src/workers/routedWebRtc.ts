import { RecorderdError } from '../domain/errors.ts';
import type {
  WebRtcIngest,
  WebRtcOffer,
  WebRtcPublication,
  WebRtcPublicationEvents,
} from '../streams/contracts.ts';
import type { Streams } from '../streams/streams.ts';
import type { IngestWorker } from './ingestWorker.ts';
import type { IngestWorkers } from './ingestWorkers.ts';

/** That of the supervisor itself. */
interface OwnWebRtc extends WebRtcIngest {
  readonly publishers: number;
}

/** WebRTC of the whole server: each publication is received by the process that has room. */
export class RoutedWebRtc implements WebRtcIngest {
  readonly #own: OwnWebRtc;
  readonly #workers: IngestWorkers;
  readonly #streams: Streams;
  readonly #maxPublishers: number;

  /** @param maxPublishers over all processes. */
  constructor(
    own: OwnWebRtc,
    { workers, streams }: { readonly workers: IngestWorkers; readonly streams: Streams },
    maxPublishers: number,
  ) {
    this.#own = own;
    this.#workers = workers;
    this.#streams = streams;
    this.#maxPublishers = maxPublishers;
  }

  async publish(offer: WebRtcOffer, events: WebRtcPublicationEvents): Promise<WebRtcPublication> {
    const { name, custom, publisher, credentials = {} } = offer;
    const elsewhere = this.#workers.all.reduce((sum, each) => sum + each.publications.size, 0);
    if (this.#own.publishers + elsewhere >= this.#maxPublishers)
      throw new RecorderdError('LIMIT_REACHED', 'too many WebRTC publishers');
    const worker = this.#workers.find(name, ({ takesWebRtc }) => takesWebRtc);
    if (worker === undefined) return this.#own.publish(offer, events);
    this.#streams.admit(name, [custom, publisher.custom, credentials]);
    return this.#publishAt(worker, offer, events);
  }

  async #publishAt(
    worker: IngestWorker,
    { publisher, ...offer }: WebRtcOffer,
    events: WebRtcPublicationEvents,
  ): Promise<WebRtcPublication> {
    const { mediaSessionId, name } = offer;
    if (
      worker.publications.has(mediaSessionId) ||
      this.#streams.byMediaSessionId(mediaSessionId) !== undefined
    )
      throw new RecorderdError('BAD_REQUEST', 'MediaSessionId is already in use');
    const { sessionId, appKey, login, mediaProvider, custom } = publisher;
    const travelling = { sessionId, appKey, login, mediaProvider, custom };
    const free = this.#streams.reserve(name);
    worker.publications.set(mediaSessionId, { publisher, events });
    try {
      const answer = await worker.channel.call('publishWebRtc', { ...offer, publisher: travelling });
      const stream = worker.mirror.streamOf(mediaSessionId);
      if (stream === undefined)
        throw new RecorderdError('SHUTTING_DOWN', 'the publication ended before it was answered');
      const end = (info: string): void => worker.channel.tell('endWebRtc', { mediaSessionId, info });
      return { stream, answer, end };
    } catch (error) {
      worker.publications.delete(mediaSessionId);
      throw error;
    } finally {
      free();
    }
  }
}
