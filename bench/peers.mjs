// The servers that are measured. Each starts on loopback on a free port with its files in a folder of its own:
// `start(folder, meter)` resolves with port, application, pid, folder of the final files, all folders and `stop()`.
import { spawn, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { startServer } from '../scripts/server.mjs';

const NGINX = '/usr/sbin/nginx';
const NGINX_RTMP = '/usr/lib/nginx/modules/ngx_rtmp_module.so';

/** This server with its defaults but for `changed`, recording every stream. */
async function recorderd(folder, meter, changed = {}) {
  const output = join(folder, 'records');
  mkdirSync(output, { recursive: true });
  const server = startServer({
    home: folder,
    wrap: meter.wrap,
    settings: {
      ip_local: '127.0.0.1',
      record_flash_published_streams: true,
      record_dir: output,
      stream_record_policy: 'streamName',
      on_record_hook_script: '',
      ...changed,
    },
  });
  try {
    const port = await server.port('rtmp');
    const http = await server.port('http');
    const rtsp = await server.port('rtsp');
    return { pid: server.pid, port, http, rtsp, app: 'live', output, folders: [output], stop: server.stop };
  } catch (error) {
    await server.stop();
    throw new Error(`${error.message}\n${server.logTail()}`, { cause: error });
  }
}

/**
 * nginx-rtmp as its users set it up to get MP4: FLV while it runs, copied into MP4 by FFmpeg when it is done. Without
 * `remux` only the FLV is written.
 */
async function nginx(folder, meter, { remux = true } = {}) {
  if (!existsSync(NGINX_RTMP)) throw new Error('nginx has no RTMP module: run scripts/setup-nginx.sh');
  const output = join(folder, 'mp4');
  const flv = join(folder, 'flv');
  for (const each of [output, flv]) mkdirSync(each);
  const port = await freePort();
  const config = join(folder, 'nginx.conf');
  writeFileSync(config, nginxConfig({ folder, flv, output, port, remux }));
  const [command, ...args] = meter.wrap([NGINX, '-p', folder, '-c', config, '-e', join(folder, 'error.log')]);
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = once(child, 'close');
  await reachable(port);
  return {
    pid: child.pid,
    port,
    app: 'live',
    output: remux ? output : flv,
    extension: remux ? 'mp4' : 'flv',
    folders: [output, flv],
    stop() {
      child.kill('SIGQUIT');
      return ended;
    },
  };
}

function debianFfmpeg() {
  return execFileSync('/bin/sh', ['-c', 'command -v ffmpeg'], { encoding: 'utf8' }).trim();
}

function nginxConfig({ folder, flv, output, port, remux }) {
  const toMp4 = `exec_record_done ${debianFfmpeg()} -nostdin -v error -y -i $path -c copy ${output}/$basename.mp4;`;
  return `
load_module ${NGINX_RTMP};
daemon off;
worker_processes 1;
${process.getuid() === 0 ? 'user root;' : ''}
pid ${folder}/nginx.pid;
error_log ${folder}/error.log warn;
events { worker_connections 1024; }
rtmp {
  access_log off;
  server {
    listen 127.0.0.1:${port};
    chunk_size 4096;
    application live {
      live on;
      record all;
      record_path ${flv};
      ${remux ? toMp4 : ''}
    }
  }
}
`;
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

export async function reachable(port) {
  for (let tries = 0; tries < 100; tries += 1) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await pause(50);
  }
  throw new Error(`nothing listens on port ${port}`);
}

/** This server with other settings. */
export const recorderdWith = (changed, label) => ({
  start: (folder, meter) => recorderd(folder, meter, changed),
  label,
});

/** Built by `make lean-ffmpeg`. */
const LEAN = join(import.meta.dirname, '../vendor/ffmpeg-lean/ffmpeg');

export const PEERS = {
  recorderd: { start: recorderd, label: 'recorderd, MP4' },
  /** Whatever is under vendor/, the FFmpeg that nginx's remux takes. */
  'recorderd-debian': recorderdWith(
    { record_ffmpeg_path: debianFfmpeg() },
    "recorderd with Debian's FFmpeg, MP4",
  ),
  'recorderd-lean': recorderdWith({ record_ffmpeg_path: LEAN }, 'recorderd with the lean FFmpeg, MP4'),
  nginx: { start: nginx, label: 'nginx-rtmp, FLV + exec_record_done to MP4' },
  'nginx-flv': {
    start: (folder, meter) => nginx(folder, meter, { remux: false }),
    label: 'nginx-rtmp, FLV alone',
  },
};
