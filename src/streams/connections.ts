import type { Connection } from '../domain/publisher.ts';
import { PublishSecrets } from '../domain/publishSecrets.ts';

/** Every signalling session of every protocol. */
export class Connections {
  readonly #secrets: PublishSecrets;
  readonly #byId = new Map<string, Connection>();

  /** @param secrets tell which parameters are not to be seen. */
  constructor(secrets = new PublishSecrets([])) {
    this.#secrets = secrets;
  }

  /** Lists `connection` until the returned function is called. */
  add(connection: Connection): () => void {
    const custom = this.#secrets.conceal(connection.custom);
    this.#byId.set(connection.sessionId, { ...connection, custom });
    return () => this.#byId.delete(connection.sessionId);
  }

  bySessionId(sessionId: string): Connection | undefined {
    return this.#byId.get(sessionId);
  }

  all(): readonly Connection[] {
    return [...this.#byId.values()];
  }
}
