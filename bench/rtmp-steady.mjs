// What recordings cost while they last: the CPU of streams of twice the length less that of streams of one length, so
// that starts and ends cancel out. This server beside nginx-rtmp, which writes FLV; in turn.
// `make bench-steady` runs it; docs/benchmarks.md explains every figure.
import { join } from 'node:path';
import process from 'node:process';
import { comparer } from './fidelity.mjs';
import { PEERS } from './peers.mjs';
import { median, spread } from './report.mjs';
import { benchSettings, runOnce } from './runner.mjs';
import { sourceFile } from './source.mjs';

const settings = benchSettings({ publishers: 30, peers: 'recorderd,nginx-flv' });
const { n, seconds, repeats, names } = settings;
const loadgen = join(import.meta.dirname, 'loadgen.mjs');

/** CPU seconds of one run of that length. @throws Error when a packet is missing: a fast run that lost one counts for nothing. */
async function cpuOf(name, length) {
  const source = sourceFile(length);
  const run = await runOnce(
    {
      ...{ ...settings, seconds: length, peers: PEERS, source },
      warmUpSource: sourceFile(settings.warmUpSeconds),
      load: ({ port, app }, file) => [process.execPath, loadgen, file, String(port), app, String(n)],
      compare: comparer(source),
    },
    name,
  );
  if (run.files !== n || run.equal !== run.compared)
    throw new Error(`${name}: ${run.files} of ${n} files; ${run.differing.join('; ')}`);
  return run.cpuPerMinute * ((n * length) / 60);
}

process.stdout.write(
  `${n} publishers, ${2 * seconds} s less ${seconds} s, ${repeats} repeats, all on this machine\n`,
);
const results = Object.fromEntries(names.map((name) => [name, []]));
for (let repeat = 0; repeat < repeats; repeat += 1) {
  for (const name of repeat % 2 === 0 ? names : names.toReversed()) {
    const short = await cpuOf(name, seconds);
    const steady = ((await cpuOf(name, 2 * seconds)) - short) / ((n * seconds) / 60);
    results[name].push(steady);
    process.stdout.write(`run ${repeat + 1}/${repeats} ${name}: ${steady.toFixed(3)}\n`);
  }
}

process.stdout.write('\n| | CPU-s per stream-minute in steady state |\n|--|--|\n');
for (const name of names) process.stdout.write(`| ${PEERS[name].label} | ${spread(results[name], 3)} |\n`);
const [first, ...others] = names;
for (const name of others) {
  const ratio = (median(results[first]) / median(results[name])).toFixed(2);
  process.stdout.write(`\n${PEERS[first].label} / ${PEERS[name].label} (medians): **${ratio}**\n`);
}
