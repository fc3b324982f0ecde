import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.ts';

/** Python reads what Node cannot: a datagram socket of the file system, each message followed by a NUL. */
const READER = `
import array, os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
    data, ancillary, _, _ = s.recvmsg(4096, 1024)
    # The sender waits until the descriptor that comes with BARRIER=1 is closed.
    for _, kind, content in ancillary:
        if kind == socket.SCM_RIGHTS:
            for fd in array.array('i', content[:len(content) // 4 * 4]):
                os.close(fd)
    sys.stdout.buffer.write(data + b'\\0')
    sys.stdout.flush()
`;

function can(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export const canNotify = can('python3') && can('systemd-notify');

/** Stands for systemd: a socket as its own, and what it was told. */
export class NotifySocket {
  readonly #folder = mkdtempSync(join(tmpdir(), 'notify-'));
  readonly path = join(this.#folder, 'socket');
  readonly #reader = spawn('python3', ['-c', READER, this.path], { stdio: ['ignore', 'pipe', 'inherit'] });
  #text = '';

  async open(): Promise<this> {
    this.#reader.stdout.on('data', (chunk: Buffer) => (this.#text += chunk.toString()));
    await eventually(() => (existsSync(this.path) ? true : undefined), 'the socket');
    return this;
  }

  /** Without those that say that all before them has been sent. */
  get messages(): string[] {
    const all = this.#text.split('\0').slice(0, -1);
    return all.map((message) => message.trim()).filter((message) => message !== 'BARRIER=1');
  }

  async told(message: string, times = 1): Promise<void> {
    const found = (): string[] => this.messages.filter((each) => each.startsWith(message));
    await eventually(() => (found().length >= times ? true : undefined), `${times} times ${message}`);
  }

  close(): void {
    this.#reader.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true });
  }
}
