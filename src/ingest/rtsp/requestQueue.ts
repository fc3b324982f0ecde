import { RtspError } from './message.ts';
import type { Reply, RtspRequest } from './message.ts';

/** What a queue does with requests. */
export interface RequestHost {
  /** Obeys a request. Never throws. */
  handle(request: RtspRequest): Reply | Promise<Reply>;
  /** The reply when a promised one failed. */
  replyTo(error: unknown): Reply;
  say(reply: Reply, request: RtspRequest): void;
}

/** Requests that may wait for one whose answer takes a while. */
const MAX_WAITING = 16;

/** Answers a client's requests in order: one that takes a while holds up those behind it. */
export class RequestQueue {
  readonly #host: RequestHost;
  readonly #waiting: RtspRequest[] = [];
  #isAnswering = false;

  constructor(host: RequestHost) {
    this.#host = host;
  }

  /** @throws RtspError when too many are waiting already. */
  push(request: RtspRequest): void {
    if (this.#waiting.length >= MAX_WAITING)
      throw new RtspError(503, 'Too many requests at once', { closes: true });
    this.#waiting.push(request);
    if (!this.#isAnswering) this.#answer();
  }

  /** Forgets what waits. */
  clear(): void {
    this.#waiting.length = 0;
  }

  #answer(): void {
    for (let request = this.#waiting.shift(); request !== undefined; request = this.#waiting.shift()) {
      const reply = this.#host.handle(request);
      if (reply instanceof Promise) {
        this.#isAnswering = true;
        void this.#answerLater(request, reply);
        return;
      }
      this.#host.say(reply, request);
    }
  }

  async #answerLater(request: RtspRequest, pending: Promise<Reply>): Promise<void> {
    const reply = await pending.catch((error: unknown) => this.#host.replyTo(error));
    this.#isAnswering = false;
    this.#host.say(reply, request);
    this.#answer();
  }
}
