// What record_sync_ms costs: N real-time RTMP publishers, this server with one interval after the other, in turn.
// `make bench-sync` runs it; docs/benchmarks.md says what was measured. BENCH_PEERS names the intervals.
import { join } from 'node:path';
import process from 'node:process';
import { comparer } from './fidelity.mjs';
import { recorderdWith } from './peers.mjs';
import { benchSettings, runBenchmark } from './runner.mjs';
import { sourceFile } from './source.mjs';

const settings = benchSettings({ publishers: 30, peers: '0,2000,1000,500' });
const source = sourceFile(settings.seconds);
const load = join(import.meta.dirname, 'loadgen.mjs');
const peerOf = (ms) => [ms, recorderdWith({ record_sync_ms: ms }, `record_sync_ms=${ms}`)];

await runBenchmark({
  ...settings,
  peers: Object.fromEntries(settings.names.map(peerOf)),
  source,
  warmUpSource: sourceFile(settings.warmUpSeconds),
  load: ({ port, app }, file) => [process.execPath, load, file, String(port), app, String(settings.n)],
  compare: comparer(source),
});
