// Measures servers in turn: the load is started, the meter read around it, the files compared with the source.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { watchFiles } from './files.mjs';
import { openMeter, ownCpuSeconds } from './meter.mjs';
import { median, report } from './report.mjs';

/** Memory is read this long before the first stream ends. */
const MEMORY_LEAD_MS = 2000;
/** Files still missing this long after the last stop are counted as missing. */
const FINAL_TIMEOUT_MS = 30_000;
/** Children may take this long to leave after the last file is whole; their last instructions count too. */
const LEAVE_TIMEOUT_MS = 5000;
/** Files per run whose packets are compared, where a benchmark does not say. */
const COMPARED = 12;

const setting = (name, initial) => {
  const value = Number(process.env[name] ?? initial);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name} must be a whole number from 1`);
  return value;
};

/** What the environment says about a run. */
export function benchSettings({ publishers, peers }) {
  return {
    n: setting('BENCH_N', publishers),
    seconds: setting('BENCH_SECONDS', 20),
    repeats: setting('BENCH_REPEATS', 3),
    /** Streams of this length come first and are not counted: servers run for weeks, not for their first 20 seconds. */
    warmUpSeconds: setting('BENCH_WARM_UP_SECONDS', 6),
    names: (process.env.BENCH_PEERS ?? peers).split(','),
  };
}

/** Starts the load of `[command, ...args]`, which tells by JSON lines how far it is. */
function startLoad([command, ...args]) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
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

/** Records short streams and throws them away. */
async function warmUp(bench, server, meter) {
  const processes = meter.processes();
  const files = watchFiles(server.output, server.extension);
  const load = startLoad(bench.load(server, bench.warmUpSource));
  try {
    await load.done;
    await files.finished(bench.n, FINAL_TIMEOUT_MS);
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

async function measure(bench, server, meter) {
  meter.watch(server.pid);
  await pause(500);
  // Memory counts from the server that has done nothing yet.
  const idlePss = meter.pssBytes();
  await warmUp(bench, server, meter);
  const files = watchFiles(server.output, server.extension);
  const own = () => ownCpuSeconds(server.ownPid ?? server.pid);
  const before = { cpu: meter.cpuSeconds(), own: own(), processes: meter.processes() };
  const load = startLoad(bench.load(server, bench.source));
  try {
    await load.publishing;
    await pause(Math.max(0, bench.seconds * 1000 - MEMORY_LEAD_MS));
    const pss = meter.pssBytes() - idlePss;
    const { stops, ...loadFacts } = await load.done;
    const whole = await files.finished(bench.n, FINAL_TIMEOUT_MS);
    await childrenGone(meter, before.processes);
    const cpu = meter.cpuSeconds() - before.cpu;
    const ownShare = (own() - before.own) / cpu;
    return { ...figures(bench, { cpu, pss, stops, whole }), ownShare, ...loadFacts };
  } finally {
    load.stop();
  }
}

function figures({ n, seconds }, { cpu, pss, stops, whole }) {
  const lags = [...whole]
    .map(([name, at]) => at - stops[name.slice(0, -extname(name).length)])
    .sort((a, b) => a - b);
  return {
    cpuPerMinute: cpu / ((n * seconds) / 60),
    pssMiB: pss / n / 2 ** 20,
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

/** Datagrams that found no room in a socket's receive buffer since the machine started, of all programs. */
function datagramsDropped() {
  const counts = (path, pattern) =>
    existsSync(path) ? Number(pattern.exec(readFileSync(path, 'utf8'))?.[1] ?? 0) : 0;
  return (
    counts('/proc/net/snmp', /^Udp: (?:\d+ ){4}(\d+)/m) +
    counts('/proc/net/snmp6', /^Udp6RcvbufErrors\s+(\d+)/m)
  );
}

/** One run of one server. `bench` as for {@link runBenchmark}. */
export async function runOnce(bench, name) {
  const folder = mkdtempSync(join(tmpdir(), `recorderd-bench-${name}-`));
  const meter = openMeter(name);
  try {
    const server = await bench.peers[name].start(folder, meter);
    try {
      const droppedBefore = datagramsDropped();
      const { names, ...result } = await measure(bench, server, meter);
      const dropped = datagramsDropped() - droppedBefore;
      const verdicts = names
        .slice(0, bench.compared ?? COMPARED)
        .map((file) => bench.compare(join(server.output, file)));
      const differing = verdicts.filter((verdict) => verdict !== 'equal');
      const facts = { compared: verdicts.length, equal: verdicts.length - differing.length, differing };
      return { ...result, ...facts, dropped, method: meter.method, bytes: bytesUnder(folder) / bench.n };
    } finally {
      await server.stop();
    }
  } finally {
    await meter.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Runs everything, prints it, and sets the exit code. `bench` holds the settings, `peers`, the `source` and
 * `warmUpSource` files, `load(server, file)` (a command line), `compare(path)`, and how many files of a run are
 * `compared`.
 */
export async function runBenchmark(bench) {
  const { n, seconds, warmUpSeconds, repeats, names } = bench;
  process.stdout.write(
    `${n} publishers, ${seconds} s each after ${warmUpSeconds} s uncounted, ${repeats} repeats, all on this machine\n`,
  );
  const results = Object.fromEntries(names.map((name) => [name, []]));
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    const order = repeat % 2 === 0 ? names : names.toReversed();
    for (const name of order) {
      const result = await runOnce(bench, name);
      results[name].push(result);
      process.stdout.write(`run ${repeat + 1}/${repeats} ${name}: ${summary(result, n)}\n`);
    }
  }
  process.stdout.write(report({ results, n, labels: bench.peers }));
  const runs = Object.values(results).flat();
  process.exitCode = runs.every((run) => run.files === n && run.equal === run.compared) ? 0 : 1;
}

function summary(result, n) {
  const cpu = result.cpuPerMinute.toFixed(3);
  const own = (100 * result.ownShare).toFixed(0);
  const load = result.cpuSeconds.toFixed(2);
  const lost = result.differing.length > 0 ? `, NOT EQUAL: ${result.differing.join('; ')}` : '';
  const dropped = result.dropped > 0 ? `, ${result.dropped} datagrams dropped by the kernel` : '';
  return `${cpu} CPU-s per stream-minute (${own} % the server itself), load ${load} CPU-s, ${result.files}/${n} files${dropped}${lost}`;
}
