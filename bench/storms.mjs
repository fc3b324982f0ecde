// What a hundred publishers that come within one second, and leave within one, do to everybody else.
// `make bench-storms` runs it; docs/benchmarks.md says what was measured. BENCH_N publishers, BENCH_REPEATS times.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { comparer } from './fidelity.mjs';
import { watchFiles } from './files.mjs';
import { PEERS } from './peers.mjs';
import { median, spread } from './report.mjs';
import { benchSettings } from './runner.mjs';
import { sourceFile } from './source.mjs';

/** The server's figures are of the time between two looks that are at least this far apart. */
const WINDOW_MS = 11_000;
const FINAL_TIMEOUT_MS = 60_000;
const { n, seconds, repeats, names } = benchSettings({ publishers: 100, peers: 'recorderd' });
if (seconds * 1000 < 2 * WINDOW_MS - 5000) throw new Error('BENCH_SECONDS must be at least 17');
const [name] = names;
const { fetch } = globalThis;

/** Longest delay of the event loop since the last look, milliseconds. */
async function longestDelayMs(server) {
  const text = await (await fetch(`http://127.0.0.1:${server.http}/metrics`)).text();
  return 1000 * Number(/^recorderd_event_loop_delay_max_seconds (\S+)$/m.exec(text)[1]);
}

function publish(server, file) {
  const load = join(import.meta.dirname, 'loadgen.mjs');
  const child = spawn(process.execPath, [load, file, String(server.port), server.app, String(n)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    child.on('exit', (code) => reject(new Error(`the load ended early (${code})`)));
    createInterface(child.stdout).on('line', (line) => {
      const facts = JSON.parse(line);
      if (facts.event !== 'done') return;
      resolve(facts);
      child.kill();
    });
  });
}

async function run() {
  const home = mkdtempSync(join(tmpdir(), 'recorderd-storms-'));
  const server = await PEERS[name].start(home, { wrap: (command) => command });
  try {
    const source = sourceFile(seconds);
    const warm = watchFiles(server.output);
    await publish(server, sourceFile(6));
    await warm.finished(n, FINAL_TIMEOUT_MS);
    for (const file of readdirSync(server.output))
      if (!file.startsWith('.')) rmSync(join(server.output, file));
    await pause(WINDOW_MS);
    await longestDelayMs(server);
    const files = watchFiles(server.output);
    const load = publish(server, source);
    await pause(WINDOW_MS);
    const coming = await longestDelayMs(server);
    const { stops } = await load;
    const whole = await files.finished(n, FINAL_TIMEOUT_MS);
    const strange = [...whole.keys()].filter((file) => stops[basename(file, '.mp4')] === undefined);
    if (strange.length > 0) throw new Error(`nobody published ${strange.join(', ')}`);
    const lags = [...whole].map(([file, at]) => at - stops[basename(file, '.mp4')]);
    await pause(WINDOW_MS - (seconds * 1000 - WINDOW_MS));
    const leaving = await longestDelayMs(server);
    const compare = comparer(source);
    const equal = [...whole.keys()].filter((file) => compare(join(server.output, file)) === 'equal').length;
    return { coming, leaving, lagMedian: median(lags), lagWorst: Math.max(...lags), equal };
  } finally {
    await server.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

const results = [];
for (let repeat = 0; repeat < repeats; repeat += 1) {
  results.push(await run());
  process.stdout.write(`run ${repeat + 1}/${repeats}: ${JSON.stringify(results.at(-1))}\n`);
}
const cell = (key) =>
  spread(
    results.map((result) => result[key]),
    0,
  );
process.stdout.write(
  `\n${PEERS[name].label}: ${n} publishers come within one second: the event loop waits at most ${cell('coming')} ms; ` +
    `they leave: ${cell('leaving')} ms; stop to final file ${cell('lagMedian')}, worst ${cell('lagWorst')} ms; ` +
    `${results.reduce((sum, { equal }) => sum + equal, 0)} of ${n * repeats} files equal the source\n`,
);
process.exitCode = results.every(({ equal }) => equal === n) ? 0 : 1;
