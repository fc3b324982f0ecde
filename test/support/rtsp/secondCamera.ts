import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../eventually.ts';

const UDP_PORTS = 8;

/** A second independent camera, of npm, fed by an RTMP encoder. */
export class SecondCamera {
  readonly rtspPort: number;
  readonly rtmpPort: number;
  readonly #folder: string;
  readonly #child: ChildProcess;

  private constructor(ports: { rtsp: number; rtmp: number; udp: number[] }) {
    this.#folder = mkdtempSync(join(tmpdir(), 'recorderd-camera-'));
    this.rtspPort = ports.rtsp;
    this.rtmpPort = ports.rtmp;
    const script = join(import.meta.dirname, 'secondCamera.mjs');
    const options = JSON.stringify({ ...ports, folder: this.#folder });
    this.#child = spawn(process.execPath, ['--openssl-legacy-provider', script, options], {
      stdio: 'ignore',
    });
  }

  static async start(): Promise<SecondCamera> {
    const [rtsp = 0, rtmp = 0] = await freeTcpPorts(2);
    const camera = new SecondCamera({ rtsp, rtmp, udp: await freeUdpPorts(UDP_PORTS) });
    await eventually(() => reaches(camera.rtmpPort), 'the second camera takes RTMP');
    await eventually(() => reaches(camera.rtspPort), 'the second camera takes RTSP');
    return camera;
  }

  rtmpUrl(name: string): string {
    return `rtmp://127.0.0.1:${this.rtmpPort}/live/${name}`;
  }

  uri(name: string): string {
    return `rtsp://127.0.0.1:${this.rtspPort}/live/${name}`;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await eventually(() => this.#child.signalCode ?? undefined, 'the second camera is gone');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** All are bound before the first is let go, so that they differ. */
async function freeTcpPorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  for (let i = 0; i < count; i++) {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    servers.push(server);
  }
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function freeUdpPorts(count: number): Promise<number[]> {
  const sockets = Array.from({ length: count }, () => createSocket('udp4'));
  await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.bind(0, resolve))));
  const ports = sockets.map((socket) => socket.address().port);
  await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(resolve))));
  return ports;
}

function reaches(port: number): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    }).once('error', () => resolve(undefined));
  });
}
