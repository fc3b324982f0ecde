import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';

interface Message {
  readonly message: string;
  readonly data: readonly Record<string, unknown>[];
}

/** Speaks just enough of the Web SDK's protocol to drive a page through a script; there is no media behind it. */
export class ScriptedSignalling {
  readonly published: Record<string, unknown>[] = [];
  /** Status of the answer to each publishStream. */
  answer: { status: string; info?: string } = { status: 'PUBLISHING' };
  /** Name of the recording of a stream. */
  recordName: (streamName: string) => string | null = () => null;
  port = 0;
  #server: WebSocketServer | undefined;

  async start(): Promise<this> {
    this.#server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    this.#server.on('connection', (socket) => {
      socket.on('message', (data: Buffer) => this.#on(socket, JSON.parse(data.toString()) as Message));
    });
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  /** Cuts every client off. */
  cut(): void {
    for (const client of this.#server!.clients) client.terminate();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((closed) => this.#server!.close(closed));
  }

  #on(socket: WebSocket, { message, data: [body = {}] }: Message): void {
    const { mediaSessionId, name } = body;
    const recordName = this.recordName(String(name));
    const status = (event: object) =>
      send(socket, 'notifyStreamStatusEvent', { mediaSessionId, name, ...event });
    if (message === 'connection') send(socket, 'getUserData', { ...body, status: 'ESTABLISHED' });
    if (message === 'publishStream') {
      this.published.push(body);
      status({ ...this.answer, recordName });
    }
    if (message === 'unPublishStream') status({ status: 'UNPUBLISHED', recordName });
  }
}

function send(socket: WebSocket, message: string, body: object): void {
  socket.send(JSON.stringify({ message, data: [body] }));
}
