import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';

/** A bad line. */
export interface Line {
  /** Share of datagrams that vanish, each way. */
  loss: number;
  delayMs: number;
  /** Added at random, so that datagrams overtake each other. */
  jitterMs: number;
}

/** A UDP relay between browsers and a server's port, through which the line is as bad as it is told to be. */
export class Relay {
  readonly line: Line;
  readonly #target: number;
  readonly #front = createSocket('udp4');
  readonly #legs = new Map<string, Socket>();
  #isClosed = false;

  private constructor(target: number, line: Line) {
    this.#target = target;
    this.line = line;
    this.#front.on('message', (data, { address, port }) => {
      const leg = this.#leg(address, port);
      this.#pass(() => leg.send(data, this.#target, '127.0.0.1'));
    });
  }

  /** @param target port of the server on 127.0.0.1. */
  static async open(target: number, line: Line): Promise<Relay> {
    const relay = new Relay(target, line);
    await new Promise<void>((resolve) => relay.#front.bind(0, '127.0.0.1', resolve));
    return relay;
  }

  /** The answer with the relay's address in place of the server's. */
  redirect(answer: string): string {
    return answer.replaceAll(
      /^(a=candidate:\S+ 1 udp \d+) \S+ \d+/gm,
      `$1 127.0.0.1 ${this.#front.address().port}`,
    );
  }

  close(): void {
    this.#isClosed = true;
    for (const socket of [this.#front, ...this.#legs.values()]) socket.close();
  }

  #leg(address: string, port: number): Socket {
    const key = `${address} ${port}`;
    let leg = this.#legs.get(key);
    if (leg === undefined) {
      leg = createSocket('udp4');
      leg.on('message', (data) => this.#pass(() => this.#front.send(data, port, address)));
      this.#legs.set(key, leg);
    }
    return leg;
  }

  #pass(send: () => void): void {
    const { loss, delayMs, jitterMs } = this.line;
    if (Math.random() < loss) return;
    setTimeout(
      () => {
        if (!this.#isClosed) send();
      },
      delayMs + Math.random() * jitterMs,
    );
  }
}
