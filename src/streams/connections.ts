import type { Connection } from '../domain/publisher.ts';
import { PublishSecrets } from '../domain/publishSecrets.ts';

/** Hears of the list. */
interface ConnectionsListener {
  readonly onAdded: (connection: Connection) => void;
  readonly onRemoved: (connection: Connection) => void;
}

/** Every signalling session of every protocol. */
export class Connections {
  readonly #secrets: PublishSecrets;
  readonly #listener: ConnectionsListener | undefined;
  readonly #byId = new Map<string, Connection>();

  /** @param secrets tell which parameters are not to be seen. */
  constructor(secrets = new PublishSecrets([]), listener?: ConnectionsListener) {
    this.#secrets = secrets;
    this.#listener = listener;
  }

  /** Lists `connection` until the returned function is called. */
  add(connection: Connection): () => void {
    const custom = this.#secrets.conceal(connection.custom);
    const shown = { ...connection, custom };
    this.#byId.set(connection.sessionId, shown);
    this.#listener?.onAdded(shown);
    return () => {
      if (this.#byId.delete(connection.sessionId)) this.#listener?.onRemoved(shown);
    };
  }

  bySessionId(sessionId: string): Connection | undefined {
    return this.#byId.get(sessionId);
  }

  all(): readonly Connection[] {
    return [...this.#byId.values()];
  }
}
