// Bytes of media that this server moves from one place in its memory to another, between the socket and FFmpeg's pipe:
// the real server with copies-preload.mjs, and N publishers of each protocol in turn.
// `make bench-copies` runs it; docs/benchmarks.md explains every figure. BENCH_LOADS names some of the loads.
import { Buffer } from 'node:buffer';
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writevSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { recorderdWith } from './peers.mjs';
import { benchSettings } from './runner.mjs';
import { sourceFile } from './source.mjs';
import { webRtcSourceFile } from './webrtc-source.mjs';

const { n, seconds } = benchSettings({ publishers: 5, peers: '' });
const WARM_UP_MS = 4000;
const { fetch } = globalThis;
const server = recorderdWith({ record_rtsp_streams: true }, 'recorderd');
const preload = join(import.meta.dirname, 'copies-preload.mjs');
const streamSeconds = seconds + 8;

/** RTMP in chunks of that many bytes. */
const rtmp = (chunkSize) => ({
  env: { BENCH_CHUNK_SIZE: chunkSize },
  commands: ({ port, app }) => [
    [process.execPath, join(import.meta.dirname, 'loadgen.mjs'), sourceFile(streamSeconds), port, app, n],
  ],
});
const rtsp = (transport) => ({
  commands: (running) =>
    Array.from({ length: n }, (_, i) => [
      ...['ffmpeg', '-nostdin', '-v', 'error', '-re', '-i', sourceFile(streamSeconds), '-c', 'copy'],
      ...['-f', 'rtsp', '-rtsp_transport', transport, `rtsp://127.0.0.1:${running.rtsp}/live/bench${i}`],
    ]),
});
const webRtc = {
  commands: ({ http }) => [
    [
      ...['/usr/bin/python3', join(import.meta.dirname, 'webrtc-load.py')],
      ...[webRtcSourceFile('h264', streamSeconds), `http://127.0.0.1:${http}`, n],
      ...['--signalling', 'whip', '--codec', 'h264', '--address', '127.0.0.1'],
    ],
  ],
};
const LOADS = {
  'rtmp-128': { label: 'RTMP, chunks of 128 bytes', ...rtmp(128) },
  'rtmp-4096': { label: 'RTMP, chunks of 4,096 bytes (OBS)', ...rtmp(4096) },
  'rtmp-60000': { label: 'RTMP, chunks of 60,000 bytes (FFmpeg)', ...rtmp(60_000) },
  'rtsp-tcp': { label: 'RTSP over TCP', ...rtsp('tcp') },
  'rtsp-udp': { label: 'RTSP over UDP', ...rtsp('udp') },
  webrtc: { label: 'WebRTC', ...webRtc },
};

/** Media that the server has taken so far, bytes. */
async function received({ http }) {
  const text = await (await fetch(`http://127.0.0.1:${http}/metrics`)).text();
  const points = [...text.matchAll(/^recorderd_received_bytes_total\{.*\} (\S+)$/gm)];
  return points.reduce((sum, [, value]) => sum + Number(value), 0);
}

/** What the server has moved so far, bytes by who did it. */
async function moved({ pid }, file) {
  rmSync(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  while (!existsSync(file)) await pause(5);
  return JSON.parse(readFileSync(file, 'utf8'));
}

async function snapshot(running, file) {
  return { received: await received(running), moved: await moved(running, file) };
}

/** Bytes moved per byte received while the streams run, by who moved them. */
async function measure({ commands, env = {} }) {
  const home = mkdtempSync(join(tmpdir(), 'recorderd-copies-'));
  const file = join(home, 'copies.json');
  process.env.BENCH_COPIES_FILE = file;
  const wrap = ([node, ...args]) => [node, '--import', preload, ...args];
  const running = await server.start(home, { wrap });
  const load = commands(running).map(([command, ...args]) =>
    spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, ...env } }),
  );
  try {
    while ((await received(running)) === 0) await pause(50);
    await pause(WARM_UP_MS);
    const before = await snapshot(running, file);
    await pause(seconds * 1000);
    const after = await snapshot(running, file);
    const bytes = after.received - before.received;
    const shares = Object.entries(after.moved).map(([place, total]) => [
      place,
      (total - (before.moved[place] ?? 0)) / bytes,
    ]);
    return { bytes, shares: shares.filter(([, share]) => share >= 0.0005).sort((a, b) => b[1] - a[1]) };
  } finally {
    for (const each of load) each.kill();
    await running.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

const names = (process.env.BENCH_LOADS ?? Object.keys(LOADS).join(',')).split(',');
process.stdout.write(`${n} publishers, ${seconds} s of each load, pieces of 64 bytes and more\n\n`);
process.stdout.write('| load | received, MB | moved per byte received | by |\n|--|--|--|--|\n');
for (const name of names) {
  const { bytes, shares } = await measure(LOADS[name]);
  const total = shares.reduce((sum, [, share]) => sum + share, 0);
  const places = shares.map(([place, share]) => `\`${place}\` ${share.toFixed(3)}`).join(', ');
  const { label } = LOADS[name];
  process.stdout.write(`| ${label} | ${(bytes / 1e6).toFixed(1)} | ${total.toFixed(3)} | ${places} |\n`);
}

/** A picture of 2 Mbit/s and 25 fps; as many as a read brings; buffers as of 30 streams, so that caches matter. */
const PICTURE_BYTES = 10_000;
const PICTURES = 8;
const BUFFERS = 30;
/** What one writev takes. */
const MAX_PIECES = 1024;

/** Where the chunks of one picture begin, with a header of one byte between two of them. */
function chunkStarts(chunkSize, at) {
  const count = Math.ceil(PICTURE_BYTES / chunkSize);
  return Array.from({ length: count }, (_, i) => at + i * (chunkSize + 1));
}

function joined(bytes, starts, chunkSize, end) {
  for (let i = 1; i < starts.length; i += 1) {
    bytes.copyWithin(starts[0] + i * chunkSize, starts[i], Math.min(starts[i] + chunkSize, end));
  }
  return [bytes.subarray(starts[0], starts[0] + PICTURE_BYTES)];
}

function inPieces(bytes, starts, chunkSize, end) {
  return starts.map((at) => bytes.subarray(at, Math.min(at + chunkSize, end)));
}

/** Nanoseconds of CPU to hand one picture on to /dev/null, which takes bytes without looking at them. */
function costOf(way, chunkSize) {
  const device = openSync('/dev/null', 'w');
  const starts = Array.from({ length: PICTURES }, (_, i) =>
    chunkStarts(chunkSize, i * (PICTURE_BYTES + Math.ceil(PICTURE_BYTES / chunkSize) - 1)),
  );
  const pictureEnd = (own) => own[0] + PICTURE_BYTES + own.length - 1;
  const buffers = Array.from({ length: BUFFERS }, () => Buffer.alloc(pictureEnd(starts.at(-1)), 7));
  const handOn = (times) => {
    for (let i = 0; i < times; i += 1) {
      const bytes = buffers[i % BUFFERS];
      const pieces = starts.flatMap((own) => way(bytes, own, chunkSize, pictureEnd(own)));
      for (let at = 0; at < pieces.length; at += MAX_PIECES) {
        writevSync(device, pieces.slice(at, at + MAX_PIECES));
      }
    }
  };
  const times = 5000;
  handOn(times);
  const before = process.cpuUsage();
  handOn(times);
  const { user, system } = process.cpuUsage(before);
  closeSync(device);
  return ((user + system) * 1000) / times / PICTURES;
}

process.stdout.write(
  `\n| a picture of ${PICTURE_BYTES} bytes, ns | chunks joined | a piece for each chunk |\n|--|--|--|\n`,
);
for (const chunkSize of [128, 4096, 60_000]) {
  const [one, many] = [joined, inPieces].map((way) => costOf(way, chunkSize).toFixed(0));
  process.stdout.write(`| chunks of ${chunkSize} bytes | ${one} | ${many} |\n`);
}
