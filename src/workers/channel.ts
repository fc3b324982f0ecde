import type { Socket } from 'node:net';
import { ERROR_STATUS, RecorderdError } from '../domain/errors.ts';
import type { ErrorCode } from '../domain/errors.ts';

/** What one side of a channel may ask of the other: one argument each, everything a structured clone can carry. */
export type Methods<M> = { readonly [K in keyof M]: (argument: never, socket?: Socket) => unknown };

type Argument<M extends Methods<M>, K extends keyof M> = Parameters<M[K]>[0];
type Answer<M extends Methods<M>, K extends keyof M> = Awaited<ReturnType<M[K]>>;

interface Request {
  readonly kind: 'request';
  readonly name: string;
  readonly argument: unknown;
  /** Absent when no answer is wanted. */
  readonly id?: number;
}
interface Reply {
  readonly kind: 'reply';
  readonly id: number;
  readonly value?: unknown;
  readonly failure?: { readonly code: string; readonly message: string };
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Requests and replies between two processes of the server, in order both ways. Errors arrive as `RecorderdError`s
 * with their code and message.
 */
export class Channel<Theirs extends Methods<Theirs>, Ours extends Methods<Ours>> {
  readonly #post: (message: object, socket?: Socket) => void;
  readonly #ours: Ours;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #isClosed = false;

  /** @param post sends to the other side. @param ours what this side does for the other. */
  constructor(post: (message: object, socket?: Socket) => void, ours: Ours) {
    this.#post = post;
    this.#ours = ours;
  }

  /** Asks, and resolves with the answer. Rejects with the other side's error, or when the other side is gone. */
  call<K extends keyof Theirs & string>(name: K, argument: Argument<Theirs, K>): Promise<Answer<Theirs, K>> {
    if (this.#isClosed) return Promise.reject(gone());
    const id = ++this.#lastId;
    const answered = new Promise<unknown>((resolve, reject) => this.#pending.set(id, { resolve, reject }));
    this.#post({ kind: 'request', name, argument, id } satisfies Request);
    return answered as Promise<Answer<Theirs, K>>;
  }

  /** Says something that needs no answer. */
  tell<K extends keyof Theirs & string>(name: K, argument: Argument<Theirs, K>, socket?: Socket): void {
    if (this.#isClosed) socket?.destroy();
    else this.#post({ kind: 'request', name, argument } satisfies Request, socket);
  }

  /** Takes what the other side has sent. Never throws. */
  receive(message: unknown, socket?: Socket): void {
    const said = message as Request | Reply;
    if (said.kind === 'request') void this.#obey(said, socket);
    else this.#settle(said);
  }

  /** The other side is gone: what was asked fails. */
  close(): void {
    this.#isClosed = true;
    for (const { reject } of this.#pending.values()) reject(gone());
    this.#pending.clear();
  }

  async #obey({ name, argument, id }: Request, socket?: Socket): Promise<void> {
    try {
      const value: unknown = await this.#ours[name as keyof Ours](argument as never, socket);
      if (id !== undefined) this.#post({ kind: 'reply', id, value } satisfies Reply);
    } catch (error) {
      if (id !== undefined) this.#post({ kind: 'reply', id, failure: failureOf(error) } satisfies Reply);
    }
  }

  #settle({ id, value, failure }: Reply): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (failure === undefined) pending?.resolve(value);
    else pending?.reject(new RecorderdError(codeOf(failure.code), failure.message));
  }
}

function failureOf(error: unknown): { readonly code: string; readonly message: string } {
  const code = error instanceof RecorderdError ? error.code : 'INTERNAL';
  return { code, message: error instanceof Error ? error.message : String(error) };
}

function codeOf(text: string): ErrorCode {
  return text in ERROR_STATUS ? (text as ErrorCode) : 'INTERNAL';
}

function gone(): RecorderdError {
  return new RecorderdError('INTERNAL', 'the ingest worker has ended');
}
