import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { eventually } from './eventually.ts';
import { command, handshake, message, unamf } from './rtmpBytes.ts';
import type { Amf, ChunkOptions } from './rtmpBytes.ts';

/** A message from the server. */
export interface Received {
  readonly type: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** A scripted RTMP publisher on a real socket. It sends what it is told, right or wrong, and keeps every reply. */
export class RtmpClient {
  readonly socket: Socket;
  readonly received: Received[] = [];
  /** S0, S1 and S2 once they are complete. */
  serverHandshake: Buffer | undefined;
  isClosed = false;
  #transaction = 0;
  #pending = Buffer.alloc(0);
  #chunkBytes = 128;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#pending = Buffer.concat([this.#pending, chunk]);
      this.#parse();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => (this.isClosed = true));
  }

  /** Opens a socket and sends nothing yet. */
  static async open(
    port: number,
    options: { readonly tls?: boolean; readonly host?: string } = {},
  ): Promise<RtmpClient> {
    const host = options.host ?? '127.0.0.1';
    const socket =
      options.tls === true
        ? connectTls({ port, host, rejectUnauthorized: false })
        : connectTcp({ port, host });
    const client = new RtmpClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once(options.tls === true ? 'secureConnect' : 'connect', resolve);
      socket.once('error', reject);
    });
    return client;
  }

  /** Handshake and connect in one write, then createStream: ready to publish. */
  static async ready(
    port: number,
    options: { readonly app?: string; readonly tls?: boolean; readonly host?: string } = {},
  ): Promise<RtmpClient> {
    const client = await RtmpClient.open(port, options);
    const { c0c1, c2 } = handshake();
    const app = options.app ?? 'live';
    client.send(c0c1, c2, command(0, 'connect', 1, { app, tcUrl: `rtmp://127.0.0.1/${app}` }));
    client.#transaction = 1;
    await client.result(1);
    await client.result(client.call('createStream', null));
    return client;
  }

  /** A client that publishes `name`. */
  static async publishing(
    port: number,
    name: string,
    options: { readonly app?: string; readonly tls?: boolean } = {},
  ): Promise<RtmpClient> {
    const client = await RtmpClient.ready(port, options);
    client.publish(name);
    await client.status('NetStream.Publish.Start');
    return client;
  }

  send(...bytes: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(bytes));
  }

  /** Sends a command on the NetConnection. @returns its transaction id. */
  call(name: string, ...args: readonly Amf[]): number {
    this.#transaction++;
    this.send(command(0, name, this.#transaction, ...args));
    return this.#transaction;
  }

  publish(name: Amf, type = 'live'): void {
    this.send(command(1, 'publish', 0, null, name, type));
  }

  video(time: number, body: Buffer, options: ChunkOptions = {}): void {
    this.send(message(9, body, { csid: 6, streamId: 1, time, ...options }));
  }

  audio(time: number, body: Buffer, options: ChunkOptions = {}): void {
    this.send(message(8, body, { csid: 4, streamId: 1, time, ...options }));
  }

  /** Waits for the values of a command that `matches`. */
  async reply(
    what: string,
    matches: (values: readonly Amf[], received: Received) => boolean,
  ): Promise<readonly Amf[]> {
    return eventually(() => {
      for (const each of this.received) {
        const values = each.type === 20 ? unamf(each.payload) : [];
        if (values.length > 0 && matches(values, each)) return values;
      }
      return undefined;
    }, what);
  }

  result(transaction: number): Promise<readonly Amf[]> {
    return this.reply(
      `result ${transaction}`,
      ([name, id]) => (name === '_result' || name === '_error') && id === transaction,
    );
  }

  /** Waits for an onStatus with this code. @returns its description. */
  async status(code: string): Promise<{ level: string; code: string; description: string }> {
    type Info = { level: string; code: string; description: string };
    const values = await this.reply(
      code,
      ([name, , , info]) => name === 'onStatus' && (info as Info).code === code,
    );
    return values[3] as Info;
  }

  /** Waits until the server has closed the connection. */
  async closed(): Promise<void> {
    await eventually(() => (this.isClosed ? true : undefined), 'connection closed by the server');
  }

  /** Leaves politely. */
  end(): void {
    this.socket.end();
  }

  /** Leaves with a reset. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  #parse(): void {
    if (this.serverHandshake === undefined) {
      if (this.#pending.length < 3073) return;
      this.serverHandshake = this.#pending.subarray(0, 3073);
      this.#pending = this.#pending.subarray(3073);
    }
    for (let used = this.#parseMessage(); used > 0; used = this.#parseMessage()) {
      this.#pending = this.#pending.subarray(used);
    }
  }

  /** The server sends every message with a full header and one-byte chunk stream ids, never interleaved. */
  #parseMessage(): number {
    const bytes = this.#pending;
    if (bytes.length < 12) return 0;
    if (bytes.readUInt8(0) >> 6 !== 0) throw new Error('unexpected chunk type');
    const length = bytes.readUIntBE(4, 3);
    const parts: Buffer[] = [];
    let at = 12;
    for (let left = length; left > 0;) {
      if (left < length) at++;
      const size = Math.min(left, this.#chunkBytes);
      if (at + size > bytes.length) return 0;
      parts.push(bytes.subarray(at, at + size));
      at += size;
      left -= size;
    }
    const payload = Buffer.concat(parts);
    const type = bytes.readUInt8(7);
    if (type === 1) this.#chunkBytes = payload.readUInt32BE(0);
    this.received.push({ type, streamId: bytes.readUInt32LE(8), payload });
    return at;
  }
}
