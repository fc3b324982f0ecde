// How long a recording that REST starts takes until its first byte is in a file: N streams that are live already.
// `make bench-on-demand` runs it; docs/benchmarks.md says what was measured. BENCH_N recordings, BENCH_REPEATS times.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { recorderdWith } from './peers.mjs';
import { spread } from './report.mjs';
import { benchSettings } from './runner.mjs';
import { sourceFile } from './source.mjs';

/**
 * From one start to the next. Streams begin 1/N s after each other, and their key frames come every 2 s: with 30 of them
 * the places of the starts behind a key frame are multiples of the golden ratio, which spread evenly.
 */
const STEP_MS = 797;
const BYTE_TIMEOUT_MS = 10_000;
const LOOK_MS = 2;
const { n, repeats } = benchSettings({ publishers: 30, peers: 'recorderd' });
const server = recorderdWith({ record_flash_published_streams: false }, 'recorderd, MP4');
const { fetch } = globalThis;

async function rest(port, path, body) {
  const headers = { 'Content-Type': 'application/json' };
  const url = `http://127.0.0.1:${port}/rest-api/${path}`;
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response;
}

/** The streams are live once this resolves. @returns what ends them. */
function publish({ port, app }, seconds) {
  const load = join(import.meta.dirname, 'loadgen.mjs');
  const args = [load, sourceFile(seconds), String(port), app, String(n)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    child.on('exit', (code) => reject(new Error(`the load ended early (${code})`)));
    createInterface(child.stdout).on('line', (line) => {
      if (JSON.parse(line).event === 'publishing') resolve(() => child.kill());
    });
  });
}

/** True when a working file that was not there before has a byte. */
function hasBegun(work, known) {
  for (const folder of readdirSync(work).filter((name) => !known.has(name))) {
    const files = readdirSync(join(work, folder)).filter((name) => name.endsWith('.mp4'));
    if (files.some((name) => statSync(join(work, folder, name)).size > 0)) return true;
  }
  return false;
}

async function start(http, work, mediaSessionId) {
  const known = new Set(readdirSync(work));
  const began = performance.now();
  await rest(http, 'stream/startRecording', { mediaSessionId });
  const answered = performance.now() - began;
  while (!hasBegun(work, known)) {
    if (performance.now() - began > BYTE_TIMEOUT_MS) throw new Error('no byte is written');
    await pause(LOOK_MS);
  }
  return { answered, firstByte: performance.now() - began };
}

/** Streams in the order in which they begin. */
const byNumber = (a, b) => Number(a.name.slice('bench'.length)) - Number(b.name.slice('bench'.length));

async function run() {
  const home = mkdtempSync(join(tmpdir(), 'recorderd-on-demand-'));
  const running = await server.start(home, { wrap: (command) => command });
  try {
    const stopLoad = await publish(running, Math.ceil((n * STEP_MS) / 1000) + 15);
    // The group of pictures that a start takes over is there.
    await pause(4000);
    const streams = await (await rest(running.http, 'stream/find_all', {})).json();
    const starts = [];
    for (const { mediaSessionId } of streams.sort(byNumber)) {
      const next = pause(STEP_MS);
      starts.push(await start(running.http, join(running.output, '.work'), mediaSessionId));
      await next;
    }
    stopLoad();
    return starts;
  } finally {
    await running.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

const percentile = (values, share) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];
const results = [];
for (let repeat = 0; repeat < repeats; repeat += 1) {
  const starts = await run();
  const [answers, bytes] = [starts.map(({ answered }) => answered), starts.map(({ firstByte }) => firstByte)];
  results.push({
    answer: percentile(answers, 0.5),
    p50: percentile(bytes, 0.5),
    p95: percentile(bytes, 0.95),
  });
  process.stdout.write(`run ${repeat + 1}/${repeats}: ${JSON.stringify(results.at(-1))}\n`);
}
const cell = (key) =>
  spread(
    results.map((result) => result[key]),
    0,
  );
process.stdout.write(
  `\n${server.label}: ${n} recordings started by REST: answered after ${cell('answer')} ms (median), ` +
    `first byte in the file after ${cell('p50')} ms (median), ${cell('p95')} ms (95 of 100)\n`,
);
