// What a kill -9 loses: one RTMP publisher in real time, killed at random moments, this server beside nginx-rtmp.
// `make bench-faults` runs it; docs/benchmarks.md explains every figure. BENCH_FAULTS_RUNS sets the kills per row.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { clearInterval, setInterval } from 'node:timers';
import { setTimeout as pause } from 'node:timers/promises';
import { layOut, readTags } from './flv.mjs';
import { PEERS } from './peers.mjs';
import { publish, unpublish } from './publisher.mjs';
import { median } from './report.mjs';
import { sourceFile } from './source.mjs';

const RUNS = Number(process.env.BENCH_FAULTS_RUNS ?? 10);
const NAME = 'cam';
const VIDEO = 9;
const FRAME_MS = 40;
const TICK_MS = 10;
/** Kills fall into this time after the first media, and the publisher goes on for a while where the server lives. */
const EARLIEST_MS = 2500;
const LATEST_MS = 8000;
const AFTERWARDS_MS = 2500;
const SETTLED_WITHIN_MS = 15_000;

const source = sourceFile(Math.ceil((LATEST_MS + AFTERWARDS_MS) / 1000) + 1);
const media = layOut(source);
/** Tags that hold a picture; the first video tag is its configuration. */
const isFrame = [...readTags(source)].map(({ type, body }) => type === VIDEO && body[1] === 1);
const plain = { wrap: (command) => command };

/** Publishes in real time; `frames()` tells how many pictures were handed to the socket. */
async function publisher({ port, app }) {
  const socket = await publish({ port, app, name: NAME });
  const begin = performance.now();
  let [next, sent, frames] = [0, 0, 0];
  const timer = setInterval(() => {
    const elapsed = performance.now() - begin;
    const first = next;
    for (; next < media.times.length && media.times[next] <= elapsed; next += 1)
      if (isFrame[next]) frames += 1;
    if (next === first || socket.destroyed) return;
    socket.write(media.bytes.subarray(sent, media.ends[next - 1]));
    sent = media.ends[next - 1];
  }, TICK_MS);
  return {
    frames: () => frames,
    stop() {
      clearInterval(timer);
      if (!socket.destroyed) unpublish(socket, NAME);
    },
  };
}

function childrenOf(pid) {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}

const files = (folder, pattern) =>
  readdirSync(folder, { recursive: true })
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name));

function framesIn(path) {
  const args = [
    '-v',
    'error',
    '-select_streams',
    'v',
    '-count_packets',
    '-show_entries',
    'stream=nb_read_packets',
  ];
  return Number(execFileSync('ffprobe', [...args, '-of', 'csv=p=0', path], { encoding: 'utf8' }).trim() || 0);
}

const complaints = (path) =>
  execFileSync('/bin/sh', ['-c', 'ffmpeg -nostdin -v warning -i "$1" -f null - 2>&1', 'sh', path], {
    encoding: 'utf8',
  }).trim();

/** Waits until nothing is being recorded or finished any more and one file at least is there. */
async function settled(folder) {
  for (const end = performance.now() + SETTLED_WITHIN_MS; performance.now() < end; await pause(50)) {
    const all = files(folder, /\.mp4$/);
    if (all.length > 0 && all.every((path) => !path.includes('/.work/'))) return all;
  }
  throw new Error(`${folder} did not settle`);
}

/** One kill of recorderd; resolves with the milliseconds of video that are in no file, and what is wrong with the files. */
async function killRecorderd(victims, killMs) {
  const home = mkdtempSync(join(tmpdir(), 'recorderd-faults-'));
  let server = await PEERS.recorderd.start(home, plain);
  try {
    const stream = await publisher(server);
    await pause(killMs);
    const children = childrenOf(server.pid);
    if (victims !== 'server') for (const pid of children) process.kill(pid, 'SIGKILL');
    if (victims !== 'child') process.kill(server.pid, 'SIGKILL');
    const framesAtKill = stream.frames();
    if (victims === 'child') await pause(AFTERWARDS_MS);
    stream.stop();
    const framesSent = victims === 'child' ? stream.frames() : framesAtKill;
    if (victims !== 'child') {
      await server.stop().catch(() => undefined);
      server = await PEERS.recorderd.start(home, plain);
    }
    const records = await settled(server.output);
    const found = records.reduce((sum, path) => sum + framesIn(path), 0);
    return { lostMs: (framesSent - found) * FRAME_MS, complaints: records.map(complaints).filter(Boolean) };
  } finally {
    await server.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

/** One kill of nginx: its FLV as it lies there, since a restart does nothing with it. */
async function killNginx(_victims, killMs) {
  const home = mkdtempSync(join(tmpdir(), 'nginx-faults-'));
  const server = await PEERS.nginx.start(home, plain);
  try {
    const stream = await publisher(server);
    await pause(killMs);
    for (const pid of [...childrenOf(server.pid), server.pid]) process.kill(pid, 'SIGKILL');
    const sent = stream.frames();
    stream.stop();
    const flvs = files(home, /\.flv$/).filter((path) => statSync(path).size > 0);
    const found = flvs.reduce((sum, path) => sum + framesIn(path), 0);
    return { lostMs: (sent - found) * FRAME_MS, complaints: flvs.map(complaints).filter(Boolean) };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

const ROWS = [
  ['recorderd, FFmpeg killed', killRecorderd, 'child'],
  ['recorderd, server killed', killRecorderd, 'server'],
  ['recorderd, both killed', killRecorderd, 'both'],
  ['nginx-rtmp (FLV), killed', killNginx, 'server'],
];

const lines = [
  '| kill -9 of | video lost, ms: min / median / max | files that decode with no message |',
  '|--|--|--|',
];
for (const [label, kill, victims] of ROWS) {
  const runs = [];
  for (let n = 0; n < RUNS; n += 1) {
    const killMs = EARLIEST_MS + Math.random() * (LATEST_MS - EARLIEST_MS);
    const run = await kill(victims, killMs);
    process.stderr.write(
      `${label}, after ${Math.round(killMs)} ms: ${run.lostMs} ms ${run.complaints.join('; ')}\n`,
    );
    runs.push(run);
  }
  const lost = runs.map(({ lostMs }) => lostMs);
  const silent = runs.filter((run) => run.complaints.length === 0).length;
  lines.push(
    `| ${label} | ${Math.min(...lost)} / **${median(lost)}** / ${Math.max(...lost)} | ${silent} of ${RUNS} |`,
  );
}
process.stdout.write(`${lines.join('\n')}\n`);
