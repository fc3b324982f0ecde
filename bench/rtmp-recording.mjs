// What one recording costs: N real-time RTMP publishers, this server beside nginx-rtmp with a remux to MP4, in turn.
// `make bench` runs it; docs/benchmarks.md explains every figure.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { comparer } from './fidelity.mjs';
import { watchFiles } from './files.mjs';
import { openMeter, ownCpuSeconds } from './meter.mjs';
import { PEERS } from './peers.mjs';
import { median, report } from './report.mjs';
import { sourceFile } from './source.mjs';

const setting = (name, initial) => {
  const value = Number(process.env[name] ?? initial);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name} must be a whole number from 1`);
  return value;
};
const N = setting('BENCH_N', 30);
const SECONDS = setting('BENCH_SECONDS', 20);
const REPEATS = setting('BENCH_REPEATS', 3);
/** Streams of this length come first and are not counted: servers run for weeks, not for their first 20 seconds. */
const WARM_UP_SECONDS = setting('BENCH_WARM_UP_SECONDS', 6);
const NAMES = (process.env.BENCH_PEERS ?? 'recorderd,nginx').split(',');
/** Memory is read this long before the first stream ends. */
const MEMORY_LEAD_MS = 2000;
/** Files still missing this long after the last stop are counted as missing. */
const FINAL_TIMEOUT_MS = 30_000;
/** Children may take this long to leave after the last file is whole; their last instructions count too. */
const LEAVE_TIMEOUT_MS = 5000;
/** Files per run whose packets are compared. */
const COMPARED = 12;

const source = sourceFile(SECONDS);
const warmUpSource = sourceFile(WARM_UP_SECONDS);
const compare = comparer(source);

function startLoad({ port, app }, file) {
  const args = [join(import.meta.dirname, 'loadgen.mjs'), file, port, app, N].map(String);
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const seen = new Map();
  const ended = once(child, 'close').then(([code]) => {
    throw new Error(`the load ended early (${code})`);
  });
  ended.catch(() => undefined);
  const event = (name) => new Promise((resolve) => seen.set(name, resolve));
  const publishing = event('publishing');
  const done = event('done');
  createInterface(child.stdout).on('line', (line) => {
    const facts = JSON.parse(line);
    seen.get(facts.event)(facts);
  });
  return {
    publishing: Promise.race([publishing, ended]),
    done: Promise.race([done, ended]),
    stop: () => child.kill(),
  };
}

/** Waits for the children of the recordings to leave, so that all they cost is counted. */
async function childrenGone(meter, processesBefore) {
  const deadline = Date.now() + LEAVE_TIMEOUT_MS;
  while (meter.processes() > processesBefore && Date.now() < deadline) await pause(20);
}

/** Records N short streams and throws them away. */
async function warmUp(server, meter) {
  const processes = meter.processes();
  const files = watchFiles(server.output);
  const load = startLoad(server, warmUpSource);
  try {
    await load.done;
    await files.finished(N, FINAL_TIMEOUT_MS);
    await childrenGone(meter, processes);
  } finally {
    load.stop();
  }
  for (const folder of server.folders) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isFile()) rmSync(join(folder, entry.name));
    }
  }
}

async function measure(server, meter) {
  meter.watch(server.pid);
  await pause(500);
  // Memory counts from the server that has done nothing yet.
  const idlePss = meter.pssBytes();
  await warmUp(server, meter);
  const files = watchFiles(server.output);
  const own = () => ownCpuSeconds(server.pid);
  const before = { cpu: meter.cpuSeconds(), own: own(), processes: meter.processes() };
  const load = startLoad(server, source);
  try {
    await load.publishing;
    await pause(Math.max(0, SECONDS * 1000 - MEMORY_LEAD_MS));
    const pss = meter.pssBytes() - idlePss;
    const { stops, ...loadFacts } = await load.done;
    const whole = await files.finished(N, FINAL_TIMEOUT_MS);
    await childrenGone(meter, before.processes);
    const cpu = meter.cpuSeconds() - before.cpu;
    const ownShare = (own() - before.own) / cpu;
    return { ...figures({ cpu, pss, stops, whole }), ownShare, ...loadFacts };
  } finally {
    load.stop();
  }
}

function figures({ cpu, pss, stops, whole }) {
  const lags = [...whole].map(([name, at]) => at - stops[name.replace(/\.mp4$/, '')]).sort((a, b) => a - b);
  return {
    cpuPerMinute: cpu / ((N * SECONDS) / 60),
    pssMiB: pss / N / 2 ** 20,
    lagMedianMs: median(lags),
    lagWorstMs: lags.at(-1) ?? NaN,
    files: whole.size,
    names: [...whole.keys()].sort(),
  };
}

/** Bytes of all files under a folder: what one recording costs on disk, copies included. */
function bytesUnder(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return files.reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

async function runOnce(name) {
  const folder = mkdtempSync(join(tmpdir(), `recorderd-bench-${name}-`));
  const meter = openMeter(name);
  try {
    const server = await PEERS[name].start(folder, meter);
    try {
      const { names, ...result } = await measure(server, meter);
      const verdicts = names.slice(0, COMPARED).map((file) => compare(join(server.output, file)));
      const differing = verdicts.filter((verdict) => verdict !== 'equal');
      const facts = { compared: verdicts.length, equal: verdicts.length - differing.length, differing };
      return { ...result, ...facts, method: meter.method, bytes: bytesUnder(folder) / N };
    } finally {
      await server.stop();
    }
  } finally {
    await meter.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

process.stdout.write(
  `${N} publishers, ${SECONDS} s each after ${WARM_UP_SECONDS} s uncounted, ${REPEATS} repeats, all on loopback\n`,
);
const results = Object.fromEntries(NAMES.map((name) => [name, []]));
for (let repeat = 0; repeat < REPEATS; repeat += 1) {
  const order = repeat % 2 === 0 ? NAMES : NAMES.toReversed();
  for (const name of order) {
    const result = await runOnce(name);
    results[name].push(result);
    const cpu = result.cpuPerMinute.toFixed(3);
    const own = (100 * result.ownShare).toFixed(0);
    process.stdout.write(
      `run ${repeat + 1}/${REPEATS} ${name}: ${cpu} CPU-s per stream-minute (${own} % the server itself), ${result.files}/${N} files\n`,
    );
  }
}
process.stdout.write(report({ results, n: N, labels: PEERS }));
const isComplete = Object.values(results)
  .flat()
  .every((run) => run.files === N && run.equal === run.compared);
process.exitCode = isComplete ? 0 : 1;
