import type { Connection } from '../domain/publisher.ts';

/** Every signalling session of every protocol. */
export class Connections {
  readonly #byId = new Map<string, Connection>();

  /** Lists `connection` until the returned function is called. */
  add(connection: Connection): () => void {
    this.#byId.set(connection.sessionId, connection);
    return () => this.#byId.delete(connection.sessionId);
  }

  bySessionId(sessionId: string): Connection | undefined {
    return this.#byId.get(sessionId);
  }

  all(): readonly Connection[] {
    return [...this.#byId.values()];
  }
}
