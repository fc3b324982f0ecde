// How the cost of a recording changes with their number: this server with BENCH_NUMBERS publishers in turn.
// `make bench-growth` runs it; docs/benchmarks.md explains every figure.
import { join } from 'node:path';
import process from 'node:process';
import { comparer } from './fidelity.mjs';
import { PEERS } from './peers.mjs';
import { spread } from './report.mjs';
import { benchSettings, runOnce } from './runner.mjs';
import { sourceFile } from './source.mjs';

const settings = benchSettings({ publishers: 1, peers: 'recorderd' });
const { seconds, repeats } = settings;
const numbers = (process.env.BENCH_NUMBERS ?? '1,10,30,100,200').split(',').map(Number);
const loadgen = join(import.meta.dirname, 'loadgen.mjs');
const source = sourceFile(seconds);
const { fetch } = globalThis;

/** How long the event loop let others wait since the server's start, milliseconds. */
async function loopDelays(http) {
  const text = await (await fetch(`http://127.0.0.1:${http}/metrics`)).text();
  const [p99Ms, maxMs] = ['p99', 'max'].map(
    (name) =>
      1000 * Number(new RegExp(`^recorderd_event_loop_delay_${name}_seconds (\\S+)$`, 'm').exec(text)[1]),
  );
  return { p99Ms, maxMs };
}

/** One run with `n` publishers. @throws Error when a packet is missing. */
async function runWith(n) {
  let delays;
  const start = async (folder, meter) => {
    const server = await PEERS.recorderd.start(folder, meter);
    const stop = async () => {
      delays = await loopDelays(server.http);
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
  return { ...run, ...delays };
}

const COLUMNS = [
  ['CPU-s per stream-minute', 'cpuPerMinute', 3],
  ['PSS per recording, MiB', 'pssMiB', 2],
  ['event loop p99, ms', 'p99Ms', 0],
  ['worst', 'maxMs', 0],
  ['stop to final file, median ms', 'lagMedianMs', 0],
  ['worst ms', 'lagWorstMs', 0],
  ['bytes a publisher had to keep', 'backlogBytes', 0],
];
process.stdout.write(
  `${seconds} s each, ${repeats} repeats\n\n| publishers |${COLUMNS.map(([title]) => ` ${title} |`).join('')}\n`,
);
process.stdout.write(`|--|${COLUMNS.map(() => '--|').join('')}\n`);
for (const n of numbers) {
  const runs = [];
  for (let repeat = 0; repeat < repeats; repeat += 1) runs.push(await runWith(n));
  const cells = COLUMNS.map(
    ([, key, digits]) =>
      ` ${spread(
        runs.map((run) => run[key]),
        digits,
      )} |`,
  );
  process.stdout.write(`| ${n} |${cells.join('')}\n`);
}
