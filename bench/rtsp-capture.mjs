// What a camera costs: N cameras of 2 Mbit/s pulled and recorded by this server, beside one
// `ffmpeg -i rtsp://… -c copy -f segment` for each. Only the middle of it is measured: no starts, no ends.
// BENCH_N cameras, BENCH_SECONDS measured, BENCH_REPEATS rounds. docs/captures.md holds results.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { openMeter } from './meter.mjs';
import { sourceFile } from './source.mjs';

const setting = (name, initial) => Number(process.env[name] ?? initial);
const N = setting('BENCH_N', 10);
const SECONDS = setting('BENCH_SECONDS', 30);
const REPEATS = setting('BENCH_REPEATS', 3);
/** From the start of the last pull to the measurement: Node compiles its hot code meanwhile. */
const SETTLE_MS = 20_000;
/** What starting may take. */
const START_SECONDS = 40;

function mp4Source() {
  const flv = sourceFile(SECONDS + START_SECONDS + 10);
  const mp4 = flv.replace(/flv$/, 'mp4');
  if (!existsSync(mp4)) {
    execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', '-i', flv, '-c', 'copy', mp4]);
  }
  return mp4;
}

/** GStreamer's RTSP server, which plays the file to each client on its own. */
async function startCamera() {
  const branches = [
    `filesrc location=${mp4Source()} ! qtdemux name=d`,
    'd.video_0 ! queue ! h264parse ! rtph264pay name=pay0 pt=96',
    'd.audio_0 ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97',
  ];
  const mounts = Object.fromEntries(Array.from({ length: N }, (_, i) => [`/${i}`, branches.join(' ')]));
  const script = join(import.meta.dirname, '../test/support/rtsp/camera.py');
  const child = spawn('/usr/bin/python3', [script, JSON.stringify({ port: 0, mounts })], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const lines = createInterface(child.stdout);
  for await (const line of lines) {
    const port = /^ready (\d+)/.exec(line)?.[1];
    if (port !== undefined)
      return { child, uris: Object.keys(mounts).map((path) => `rtsp://127.0.0.1:${port}${path}`) };
  }
  throw new Error('no camera: install gir1.2-gst-rtsp-server-1.0 and python3-gi');
}

const WAYS = {
  'recorderd: pull and record': (uris, folder) => server(uris, folder, true),
  'recorderd: pull only': (uris, folder) => server(uris, folder, false),
  'one ffmpeg -f segment each': (uris, folder) => [
    '/bin/sh',
    '-c',
    `${uris.map((uri, i) => `${segmenter(uri, join(folder, String(i)))} &`).join('\n')}\necho playing; wait`,
  ],
};

/** The server as it is started by hand, with these cameras declared. */
function server(uris, folder, isRecorded) {
  const settings = {
    captures: uris.map((uri, i) => `${uri} -> cam${i}`).join(' '),
    record_rtsp_streams: isRecorded,
    on_record_hook_script: '',
    log_format: 'json',
    'http.port': 0,
    ...Object.fromEntries(['rtmp.port', 'rtsp.port', 'ws.port', 'media_port'].map((key) => [key, ''])),
  };
  const flags = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  return [process.execPath, join(import.meta.dirname, '../dist/main.js'), '--home', folder, ...flags];
}

/** Resolves when all that is measured runs. */
async function playing(child) {
  let streams = 0;
  for await (const line of createInterface(child.stdout)) {
    if (line === 'playing') return;
    if (line.includes('"captured stream published"') && ++streams === N) return;
  }
  throw new Error('it ended before all streams were there');
}

function segmenter(uri, folder) {
  mkdirSync(folder);
  const input = `-nostdin -v error -rtsp_transport tcp -timeout 5000000 -i ${uri}`;
  return `ffmpeg ${input} -map 0 -c copy -f segment -segment_time 600 -segment_format mp4 ${folder}/%03d.mp4`;
}

async function run(name) {
  const camera = await startCamera();
  const folder = mkdtempSync(join(tmpdir(), 'recorderd-bench-'));
  const meter = openMeter(name.replaceAll(/\W+/g, '-'));
  const [command, ...args] = meter.wrap(WAYS[name](camera.uris, folder));
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  const ended = once(child, 'exit');
  try {
    meter.watch(child.pid);
    await playing(child);
    child.stdout.resume();
    await pause(SETTLE_MS);
    const before = meter.cpuSeconds();
    await pause(SECONDS * 1000);
    const cpu = meter.cpuSeconds() - before;
    return {
      cpu: (cpu / (N * SECONDS)) * 60,
      pssMb: meter.pssBytes() / 1e6 / N,
      processes: meter.processes(),
    };
  } finally {
    // The group: a shell would leave its children behind.
    process.kill(-child.pid, 'SIGTERM');
    await ended;
    await meter.close();
    camera.child.kill('SIGKILL');
    const files = readdirSync(folder, { recursive: true }).filter((path) => path.endsWith('.mp4'));
    if (files.length !== N && !name.endsWith('only'))
      process.stderr.write(`${name}: ${files.length} files\n`);
    rmSync(folder, { recursive: true, force: true });
  }
}

const results = new Map(Object.keys(WAYS).map((name) => [name, []]));
for (let round = 0; round < REPEATS; round++) {
  for (const name of results.keys()) results.get(name).push(await run(name));
}
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
const base = median(results.get('one ffmpeg -f segment each').map(({ cpu }) => cpu));
process.stdout.write(`${N} cameras of 2 Mbit/s, ${SECONDS} s, median of ${REPEATS}\n`);
for (const [name, rounds] of results) {
  const cpu = median(rounds.map((round) => round.cpu));
  const pss = median(rounds.map((round) => round.pssMb));
  const all = rounds.map((round) => round.cpu.toFixed(3)).join(' ');
  process.stdout.write(
    `${name}: ${cpu.toFixed(3)} CPU-s per stream-minute (${all}), ${(cpu / base).toFixed(2)} of ffmpeg; ${pss.toFixed(1)} MB each\n`,
  );
}
