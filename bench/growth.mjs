// How the cost of a recording changes with their number: this server with BENCH_NUMBERS publishers in turn, each with
// the BENCH_WORKERS that `ingest_workers` can be.
// `make bench-growth` runs it; docs/benchmarks.md explains every figure.
import { join } from 'node:path';
import process from 'node:process';
import { comparer } from './fidelity.mjs';
import { recorderdWith } from './peers.mjs';
import { spread } from './report.mjs';
import { benchSettings, runOnce } from './runner.mjs';
import { sourceFile } from './source.mjs';

const settings = benchSettings({ publishers: 1, peers: 'recorderd' });
const { seconds, repeats } = settings;
const numbers = (process.env.BENCH_NUMBERS ?? '1,10,30,100,200').split(',').map(Number);
const workers = (process.env.BENCH_WORKERS ?? 'auto').split(',');
const loadgen = join(import.meta.dirname, 'loadgen.mjs');
const source = sourceFile(seconds);
const { fetch } = globalThis;

/**
 * How long the server's own event loop let others wait since its start, milliseconds, for which part of that time it
 * worked, and how many workers there were.
 */
async function loopFigures(http) {
  const text = await (await fetch(`http://127.0.0.1:${http}/metrics`)).text();
  const value = (name) => Number(new RegExp(`^recorderd_${name} (\\S+)$`, 'm').exec(text)[1]);
  const [p99Ms, maxMs] = ['p99', 'max'].map((name) => 1000 * value(`event_loop_delay_${name}_seconds`));
  const [active, idle] = ['active', 'idle'].map((name) => value(`event_loop_${name}_seconds_total`));
  const started = text.match(/^recorderd_worker_up\{/gm)?.length ?? 0;
  return { p99Ms, maxMs, busyPercent: (100 * active) / (active + idle), started };
}

/** One run with `n` publishers. @throws Error when a packet is missing. */
async function runWith(n, ingestWorkers) {
  let figures;
  // All publishers are on this machine.
  const changed = { ingest_workers: ingestWorkers, rtmp_max_connections_per_address: 1000 };
  const peer = recorderdWith(changed, 'recorderd, MP4');
  const start = async (folder, meter) => {
    const server = await peer.start(folder, meter);
    const stop = async () => {
      figures = await loopFigures(server.http);
      await server.stop();
    };
    return { ...server, stop };
  };
  const run = await runOnce(
    {
      ...{ ...settings, n, source, peers: { recorderd: { start } } },
      warmUpSource: sourceFile(settings.warmUpSeconds),
      load: ({ port, app }, file) => [process.execPath, loadgen, file, String(port), app, String(n)],
      compare: comparer(source),
    },
    'recorderd',
  );
  if (run.files !== n || run.equal !== run.compared)
    throw new Error(`${run.files} of ${n} files; ${run.differing.join('; ')}`);
  return { ...run, ...figures };
}

const COLUMNS = [
  ['CPU-s per stream-minute', 'cpuPerMinute', 3],
  ['PSS per recording, MiB', 'pssMiB', 2],
  ['workers that ran', 'started', 0],
  ['own event loop busy, %', 'busyPercent', 0],
  ['event loop p99, ms', 'p99Ms', 0],
  ['worst', 'maxMs', 0],
  ['stop to final file, median ms', 'lagMedianMs', 0],
  ['worst ms', 'lagWorstMs', 0],
  ['bytes a publisher had to keep', 'backlogBytes', 0],
];
process.stdout.write(
  `${seconds} s each, ${repeats} repeats\n\n| publishers | ingest_workers |${COLUMNS.map(([title]) => ` ${title} |`).join('')}\n`,
);
process.stdout.write(`|--|--|${COLUMNS.map(() => '--|').join('')}\n`);
const rows = numbers.flatMap((n) => workers.map((ingestWorkers) => ({ n, ingestWorkers })));
for (const { n, ingestWorkers } of rows) {
  const runs = [];
  for (let repeat = 0; repeat < repeats; repeat += 1) runs.push(await runWith(n, ingestWorkers));
  const cells = COLUMNS.map(
    ([, key, digits]) =>
      ` ${spread(
        runs.map((run) => run[key]),
        digits,
      )} |`,
  );
  process.stdout.write(`| ${n} | ${ingestWorkers} |${cells.join('')}\n`);
}
