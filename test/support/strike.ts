import { connect } from 'node:net';

export interface StrikeOptions {
  /** Ends with a reset instead of a FIN. */
  readonly reset?: boolean;
  /** Address that the connection comes from. */
  readonly localAddress?: string;
  /** What is sent once the server has said something, made from what it said. */
  readonly answer?: (said: Buffer) => Buffer;
  /** Longest silence, ms. */
  readonly silenceMs?: number;
}

/** One short connection to `port`; resolves with what the server said when it is over on this side. Never rejects. */
export async function strike(port: number, bytes: Buffer, options: StrikeOptions = {}): Promise<Buffer> {
  const { localAddress, answer, reset = false } = options;
  return new Promise((resolve) => {
    const said: Buffer[] = [];
    const socket = connect({
      port,
      host: '127.0.0.1',
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    const leave = (): unknown => (reset ? socket.resetAndDestroy() : socket.end());
    socket.on('error', () => undefined).on('close', () => resolve(Buffer.concat(said)));
    socket.on('data', (chunk: Buffer) => {
      if (said.push(chunk) === 1 && answer !== undefined) socket.write(answer(chunk), leave);
    });
    socket.write(bytes, () => (answer === undefined ? leave() : undefined));
    socket.on('end', () => socket.destroy());
    socket.setTimeout(options.silenceMs ?? 2000, () => socket.destroy());
  });
}
