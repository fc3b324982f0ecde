import { RecorderdError } from '../domain/errors.ts';
import type { CustomParameters } from '../domain/publisher.ts';
import { parseSourceUri } from '../domain/sourceUri.ts';
import { CaptureEnded } from '../streams/captures.ts';
import type { Captures } from '../streams/captures.ts';
import type { Streams } from '../streams/streams.ts';
import { INFO } from './infos.ts';

/** True for a stream name that WCS's players use to have a camera captured. */
export function isCamera(name: string): boolean {
  return /^rtsps?:\/\//i.test(name);
}

/**
 * What a session plays. This server plays nothing, but as in WCS a play of an RTSP URI begins its capture: the session
 * counts as a user of it until the play is stopped or the session ends.
 */
export class Plays {
  readonly #captures: Captures;
  readonly #streams: Streams;
  readonly #maxPlays: number;
  /** By media session: lets the capture go. */
  readonly #held = new Map<string, () => void>();
  #hasEnded = false;

  /** @param maxPlays users that one session may count for. */
  constructor(captures: Captures, streams: Streams, maxPlays: number) {
    this.#streams = streams;
    this.#captures = captures;
    this.#maxPlays = maxPlays;
  }

  /**
   * Captures `uri` for a client that `presented` the secret of its name; resolves, once it plays or never will, with WCS's text for the client. Never rejects.
   */
  async begin(mediaSessionId: string, uri: string, presented: readonly CustomParameters[]): Promise<string> {
    if (this.#hasEnded || this.#held.size >= this.#maxPlays) return INFO.restricted;
    if (this.#held.has(mediaSessionId)) return INFO.idInUse;
    try {
      this.#streams.secrets.demand(parseSourceUri(uri).shown, presented);
      const capture = this.#captures.start({ uri, protocol: 'rtsp', origin: 'player' });
      this.#held.set(mediaSessionId, capture.retain());
      await capture.whenPlaying();
      return INFO.capturedOnly;
    } catch (error) {
      this.stop(mediaSessionId);
      if (error instanceof RecorderdError && error.code === 'UNAUTHORIZED') return INFO.wrongToken;
      if (error instanceof CaptureEnded || error instanceof RecorderdError) return error.message;
      throw error;
    }
  }

  /** Ends one play. @returns false when there is none. */
  stop(mediaSessionId: string): boolean {
    this.#held.get(mediaSessionId)?.();
    return this.#held.delete(mediaSessionId);
  }

  /** Ends all; none begins any more. */
  end(): void {
    this.#hasEnded = true;
    for (const mediaSessionId of [...this.#held.keys()]) this.stop(mediaSessionId);
  }
}
