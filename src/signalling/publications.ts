import type { Streams } from '../streams/streams.ts';
import type { Identity } from './identity.ts';
import { INFO } from './infos.ts';
import { Publication } from './publication.ts';
import type { PublicationHost, PublishRequest } from './publication.ts';

/** What the publications of one session work with. */
export interface PublicationsHost extends PublicationHost {
  readonly streams: Streams;
  /** Media sessions of all clients that have not had their last event. */
  readonly idsInUse: Set<string>;
  readonly maxStreams: number;
  readonly isDraining: () => boolean;
}

/** The media sessions of one client, each until its last event. */
export class Publications {
  readonly #host: PublicationsHost;
  readonly #byId = new Map<string, { readonly publication: Publication; readonly done: Promise<void> }>();

  constructor(host: PublicationsHost) {
    this.#host = host;
  }

  get(mediaSessionId: string): Publication | undefined {
    return this.#byId.get(mediaSessionId)?.publication;
  }

  /** Begins a publication. @returns why it is refused, one of WCS's infos; undefined when it began. */
  start(request: PublishRequest, identity: Identity): string | undefined {
    const { mediaSessionId } = request;
    const { idsInUse, log, refusals } = this.#host;
    const info = this.#refusalOf(mediaSessionId);
    if (info !== undefined) {
      refusals.add({ sessionId: identity.sessionId, streamName: request.name, mediaSessionId, info });
      return info;
    }
    idsInUse.add(mediaSessionId);
    const publication = new Publication(request, this.#host);
    const done = publication
      .run(identity)
      .catch((err: unknown) => log.error('web sdk publication failed', { mediaSessionId, err }))
      .finally(() => {
        this.#byId.delete(mediaSessionId);
        idsInUse.delete(mediaSessionId);
      });
    this.#byId.set(mediaSessionId, { publication, done });
    return undefined;
  }

  /** Ends all. Resolves when each has had its last event. */
  async endAll(info: string): Promise<void> {
    const all = [...this.#byId.values()];
    for (const { publication } of all) publication.end(info);
    await Promise.all(all.map(({ done }) => done));
  }

  #refusalOf(mediaSessionId: string): string | undefined {
    const { idsInUse, streams, maxStreams, isDraining } = this.#host;
    if (idsInUse.has(mediaSessionId) || streams.byMediaSessionId(mediaSessionId) !== undefined) {
      return INFO.idInUse;
    }
    if (isDraining()) return INFO.shutdown;
    return this.#byId.size >= maxStreams ? INFO.notAdded : undefined;
  }
}
