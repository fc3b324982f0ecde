// What the catalogue costs when it is large: start, memory, lists, the comparison with the folder, writes.
// `make bench-catalogue` runs it; docs/benchmarks.md says what was measured. BENCH_FILES is how many files it knows.
import { randomUUID } from 'node:crypto';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Catalogue } from '../dist/catalogue/catalogue.js';

const FILES = Number(process.env.BENCH_FILES ?? 100_000);
const ROUNDS = 50;
setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc');
const say = (line) => process.stdout.write(`${line}\n`);
const heapMb = () => {
  gc();
  return process.memoryUsage().heapUsed / 2 ** 20;
};

const silent = {
  debug() {},
  info() {},
  warn() {},
  error: (...what) => say(JSON.stringify(what)),
  child: () => silent,
};
const deps = {
  now: () => ({ unfinished: new Set(), owed: new Map() }),
  changes: () => 0,
  runHook: async () => {},
  forgetReport: async () => {},
  forgetPicture: () => {},
  log: silent,
};
const evidence = { tracks: [], incidents: [], incidentsLeftOut: 0, driftPpm: null, ffmpeg: {} };

function fileAt(n) {
  const startedAt = 1_795_000_000_000 + n * 1000;
  const streamName = `cam${n % 500}`;
  return {
    ...{ recordingId: randomUUID(), partIndex: 1, last: true, mediaSessionId: randomUUID() },
    ...{ sessionId: `/192.168.1.${n % 250}:${30_000 + (n % 9000)}/192.168.1.101:1935`, streamName },
    ...{ mediaProvider: 'Flash', fileName: `${streamName}-${startedAt}.mp4`, container: 'mp4' },
    ...{ videoCodec: 'H264', audioCodec: 'AAC', bytes: (n * 104_729) % 100_000_003, startedAt },
    ...{
      endedAt: startedAt + 60_000,
      durationMs: 60_000,
      stopReason: 'publisher-left',
      incidents: 0,
      lostMs: 0,
    },
    ...{ fileState: 'present', hookState: 'done' },
  };
}

function partAt(n) {
  const { partIndex: index, fileName, ...file } = fileAt(FILES + n);
  return { ...file, index, path: join(folder, fileName) };
}

/** A records folder whose files are all there and known, as an earlier server left it. */
function makeFolder() {
  mkdirSync(join(folder, '.catalogue'));
  const log = join(folder, '.catalogue', 'files.jsonl');
  for (let at = 0; at < FILES; at += 1000) {
    const files = Array.from({ length: Math.min(1000, FILES - at) }, (_, i) => fileAt(at + i));
    appendFileSync(log, files.map((put) => `\n${JSON.stringify({ put })}\n`).join(''));
    for (const { fileName } of files) writeFileSync(join(folder, fileName), '');
  }
}

function percentiles(times) {
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))].toFixed(1);
  return `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms`;
}

async function measure(what, job, rounds = ROUNDS) {
  const times = [];
  const cpuFrom = process.cpuUsage();
  for (let round = 0; round < rounds; round++) {
    const from = performance.now();
    await job(round);
    times.push(performance.now() - from);
  }
  const { user, system } = process.cpuUsage(cpuFrom);
  say(`${what.padEnd(44)} ${percentiles(times)}, CPU ${((user + system) / 1000 / rounds).toFixed(1)} ms`);
}

const folder = mkdtempSync(join(tmpdir(), 'recorderd-bench-'));
try {
  say(`${FILES} files, ${cpus().length} x ${cpus()[0].model}, Node ${process.version}`);
  makeFolder();
  const before = heapMb();
  const [from, cpuFrom] = [performance.now(), process.cpuUsage()];
  const options = { recordsDir: folder, maxFiles: FILES + 1000, checkMs: 3_600_000, hasHook: true };
  const catalogue = new Catalogue(options, deps);
  await catalogue.open();
  const { user, system } = process.cpuUsage(cpuFrom);
  const start = `${Math.round(performance.now() - from)} ms, CPU ${Math.round((user + system) / 1000)} ms`;
  say(`${'start, with the first look at the folder'.padEnd(44)} ${start}`);
  say(`${'memory'.padEnd(44)} ${Math.round(heapMb() - before)} MB`);
  const page = { sort: 'startedAt', order: 'desc', offset: 0, limit: 100 };
  await measure('newest 100', () => catalogue.find(page));
  await measure('a page in the middle', (n) => catalogue.find({ ...page, offset: FILES / 2 + n * 100 }));
  await measure('by size', () => catalogue.find({ ...page, sort: 'bytes' }));
  await measure('by size, in the middle', (n) =>
    catalogue.find({ ...page, sort: 'bytes', offset: FILES / 2 + n * 100 }),
  );
  await measure('by name', () => catalogue.find({ ...page, sort: 'streamName', order: 'asc' }));
  await measure('part of a name', (n) => catalogue.find({ ...page, streamName: `cam${n}` }));
  await measure('pattern', (n) => catalogue.find({ ...page, streamName: `*m${n % 10}?` }));
  await measure('an hour', (n) => {
    const start = 1_795_000_000_000 + n * 60_000;
    catalogue.find({ ...page, from: start, to: start + 3_600_000 });
  });
  await measure('by state of the hook', () => catalogue.find({ ...page, hookState: 'parked' }));
  await measure('comparison with the folder', () => catalogue.check(), 10);
  await measure('a finished file, durable', (n) => catalogue.take(partAt(n), evidence), 200);
  await measure(
    '30 finished files at once, durable',
    (n) =>
      Promise.all(Array.from({ length: 30 }, (_, i) => catalogue.take(partAt(200 + n * 30 + i), evidence))),
    20,
  );
  await catalogue.close();
} finally {
  rmSync(folder, { recursive: true });
}
