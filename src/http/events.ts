import { PassThrough } from 'node:stream';
import type { Context } from 'koa';
import { RecorderdError } from '../domain/errors.ts';
import type { LiveState } from '../domain/liveState.ts';
import type { Logger } from '../domain/log.ts';

const INTERVAL_MS = 1000;

export interface LiveEventsOptions {
  /** Listeners at the same time. */
  readonly maxListeners: number;
  readonly log: Logger;
}

/**
 * The state of the server once a second to whoever listens, as Server-Sent Events
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html). It is made once for all listeners, and only while
 * there are any; a listener that has not read the newest one yet is passed over, so that nothing piles up for it.
 */
export class LiveEvents {
  readonly #state: () => Promise<LiveState>;
  readonly #options: LiveEventsOptions;
  readonly #listeners = new Set<PassThrough>();
  #timer: NodeJS.Timeout | undefined;
  #isMaking = false;
  #closed = false;

  constructor(state: () => Promise<LiveState>, options: LiveEventsOptions) {
    this.#state = state;
    this.#options = options;
  }

  /** Answers a request with events until its client leaves. @throws RecorderdError LIMIT_REACHED, SHUTTING_DOWN */
  async listen(ctx: Context): Promise<void> {
    if (this.#closed) throw new RecorderdError('SHUTTING_DOWN', 'the server is shutting down');
    const { maxListeners } = this.#options;
    if (this.#listeners.size >= maxListeners)
      throw new RecorderdError('LIMIT_REACHED', `no more than ${maxListeners} listeners of events`);
    const listener = new PassThrough();
    this.#listeners.add(listener);
    listener.once('close', () => this.#leave(listener));
    ctx.type = 'text/event-stream';
    // A proxy that gathers answers would hold the events back.
    ctx.set('X-Accel-Buffering', 'no');
    ctx.body = listener;
    this.#timer ??= setInterval(() => void this.#tell(), INTERVAL_MS);
    listener.write(eventOf(await this.#state()));
  }

  /** Ends every answer; there are no more afterwards. */
  close(): void {
    this.#closed = true;
    for (const listener of this.#listeners) listener.end();
    this.#stop();
  }

  async #tell(): Promise<void> {
    // A disk that answers late must not gather work.
    if (this.#isMaking) return;
    this.#isMaking = true;
    try {
      const event = eventOf(await this.#state());
      for (const listener of this.#listeners) {
        const isIdle = listener.writable && listener.writableLength === 0 && listener.readableLength === 0;
        if (isIdle) listener.write(event);
      }
    } catch (err) {
      this.#options.log.error('live state cannot be told', { err });
    }
    this.#isMaking = false;
  }

  #leave(listener: PassThrough): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size === 0) this.#stop();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function eventOf(state: LiveState): string {
  return `data: ${JSON.stringify(state)}\n\n`;
}
