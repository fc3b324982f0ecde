// What one recording costs: N real-time RTMP publishers, this server beside nginx-rtmp with a remux to MP4, in turn.
// `make bench` runs it; docs/benchmarks.md explains every figure.
import { join } from 'node:path';
import process from 'node:process';
import { comparer } from './fidelity.mjs';
import { PEERS } from './peers.mjs';
import { benchSettings, runBenchmark } from './runner.mjs';
import { sourceFile } from './source.mjs';

const settings = benchSettings({ publishers: 30, peers: 'recorderd,nginx' });
const source = sourceFile(settings.seconds);
const load = join(import.meta.dirname, 'loadgen.mjs');

await runBenchmark({
  ...settings,
  peers: PEERS,
  source,
  warmUpSource: sourceFile(settings.warmUpSeconds),
  load: ({ port, app }, file) => [process.execPath, load, file, String(port), app, String(settings.n)],
  compare: comparer(source),
});
