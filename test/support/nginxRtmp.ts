import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accepts } from '../../src/ingest/pull/probe.ts';
import { eventually } from './eventually.ts';

const NGINX = '/usr/sbin/nginx';
const MODULE = '/usr/lib/nginx/modules/ngx_rtmp_module.so';

/** True where Debian's nginx has its RTMP module. */
export const hasNginxRtmp = existsSync(NGINX) && existsSync(MODULE);

/** An independent RTMP server: nginx-rtmp with one application, `live`. */
export class NginxRtmp {
  readonly port: number;
  readonly #folder: string;
  readonly #child: ChildProcess;

  private constructor(port: number, folder: string) {
    this.port = port;
    this.#folder = folder;
    const args = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')];
    this.#child = spawn(NGINX, args, { stdio: 'ignore' });
  }

  /** @param port 0 takes a free one. */
  static async start(port = 0): Promise<NginxRtmp> {
    const folder = mkdtempSync(join(tmpdir(), 'recorderd-nginx-'));
    const bound = port === 0 ? await freePort() : port;
    writeFileSync(join(folder, 'nginx.conf'), configuration(folder, bound));
    const server = new NginxRtmp(bound, folder);
    const isOpen = () => accepts({ host: '127.0.0.1', port: bound }, 500);
    await eventually(async () => ((await isOpen()) ? true : undefined), 'nginx listens');
    return server;
  }

  uri(name: string): string {
    return `rtmp://127.0.0.1:${this.port}/live/${name}`;
  }

  /** Later calls do nothing. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function configuration(folder: string, port: number): string {
  return `
load_module ${MODULE};
daemon off;
master_process off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log warn;
events { worker_connections 64; }
rtmp { access_log off; server { listen 127.0.0.1:${port}; chunk_size 4096; application live { live on; idle_streams on; } } }
`;
}
