import { randomInt, randomUUID } from 'node:crypto';
import type { Logger } from '../../domain/log.ts';
import { RecorderdError } from '../../domain/errors.ts';
import type { CustomParameters, Publisher } from '../../domain/publisher.ts';
import type { Connections } from '../../streams/connections.ts';
import type { WebRtcIngest, WebRtcPublication } from '../../streams/contracts.ts';
import { RepeatLog } from '../../util/repeatLog.ts';

/** What WCS calls an application that names none. */
const APP_KEY = 'defaultApp';
const LOGIN_CHARACTERS = 26;
/** WCS's logins are numbers to the base of 32. */
const LOGIN_DIGITS = '0123456789abcdefghijklmnopqrstuv';

export interface WhipSessionsDeps {
  readonly webrtc: WebRtcIngest;
  readonly connections: Connections;
  readonly log: Logger;
}

/** A WHIP offer with what its request says besides. */
export interface WhipOffer {
  readonly name: string;
  readonly sdp: string;
  readonly record: boolean;
  readonly custom: CustomParameters;
  /** May carry the secret of the name, as `custom` may. */
  readonly credentials: CustomParameters;
  /** `/client/server`, each as address and port. */
  readonly addresses: string;
}

/** Every WHIP session by its id, which is its media session's. As many as the ingest lets publish. */
export class WhipSessions {
  readonly #deps: WhipSessionsDeps;
  readonly #refusals: RepeatLog;
  readonly #byId = new Map<string, Session>();

  constructor(deps: WhipSessionsDeps) {
    this.#deps = deps;
    this.#refusals = new RepeatLog(deps.log, 'WHIP publication refused');
  }

  /**
   * Publishes an offer; the session is listed among the connections until its publication ends.
   * @throws RecorderdError as WebRtcIngest.publish does.
   */
  async open(offer: WhipOffer): Promise<{ readonly id: string; readonly answer: string }> {
    const { webrtc, connections, log } = this.#deps;
    const { name, sdp, record, custom, credentials, addresses } = offer;
    const id = randomUUID();
    const session = new Session(name);
    const publisher = this.#publisher(`${addresses}-${id}`, session);
    const fields = { sessionId: publisher.sessionId, stream: name, mediaSessionId: id };
    const unlist = connections.add({ ...publisher, createdAt: Date.now() });
    const forget = (): void => {
      unlist();
      this.#byId.delete(id);
    };
    this.#byId.set(id, session);
    try {
      const publication = await webrtc.publish(
        { name, mediaSessionId: id, publisher, custom, credentials, record, sdp, transport: 'UDP' },
        {
          onPublishing: () => log.debug('WHIP session publishes', fields),
          onEnded: (info) => {
            forget();
            log.info('WHIP session ended', { ...fields, info });
          },
        },
      );
      log.info('WHIP session opened', { ...fields, record });
      session.attach(publication);
      return { id, answer: publication.answer };
    } catch (error) {
      forget();
      if (error instanceof RecorderdError && error.code === 'UNAUTHORIZED')
        this.#refusals.add({ ...fields, reason: error.message });
      throw error;
    }
  }

  /** Ends a session. @returns false when there is none of that name and id. */
  end(name: string, id: string, info: string): boolean {
    const session = this.#byId.get(id);
    if (session?.name !== name) return false;
    session.end(info);
    return true;
  }

  /** The id makes `sessionId` unique: the session outlives its HTTP connection, whose port may come again. */
  #publisher(sessionId: string, session: Session): Publisher {
    const login = Array.from({ length: LOGIN_CHARACTERS }, () =>
      LOGIN_DIGITS.charAt(randomInt(LOGIN_DIGITS.length)),
    ).join('');
    return {
      sessionId,
      appKey: APP_KEY,
      login,
      mediaProvider: 'WebRTC',
      custom: {},
      terminate: (info) => session.end(info),
    };
  }
}

class Session {
  readonly name: string;
  #publication: WebRtcPublication | undefined;
  #endInfo: string | undefined;

  constructor(name: string) {
    this.name = name;
  }

  attach(publication: WebRtcPublication): void {
    this.#publication = publication;
    if (this.#endInfo !== undefined) publication.end(this.#endInfo);
  }

  /** An end that comes while the answer is still being made takes effect with it. */
  end(info: string): void {
    this.#endInfo ??= info;
    this.#publication?.end(this.#endInfo);
  }
}
