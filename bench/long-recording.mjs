// What a recording of many hours costs in memory while it lasts, and in time at its end: a stream whose clock is
// BENCH_SPEED times as fast as ours. `make bench-long` runs it; docs/benchmarks.md says what was measured.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { watchFiles } from './files.mjs';
import { PEERS } from './peers.mjs';
import { sourceFile } from './source.mjs';

const HOURS = Number(process.env.BENCH_HOURS ?? 10);
const SPEED = Number(process.env.BENCH_SPEED ?? 60);
const LINES = 10;
const FINAL_TIMEOUT_MS = 60_000;
const { fetch } = globalThis;

const rssMiB = (pid) =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
const childOf = (pid) =>
  Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);

async function metric(http, name) {
  const text = await (await fetch(`http://127.0.0.1:${http}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)[1]);
}

const home = mkdtempSync(join(tmpdir(), 'recorderd-long-'));
const server = await PEERS.recorderd.start(home, { wrap: (command) => command });
try {
  const input = ['-readrate', String(SPEED), '-stream_loop', '-1', '-i', sourceFile(20)];
  const output = [
    '-t',
    String(HOURS * 3600),
    '-c',
    'copy',
    '-f',
    'flv',
    `rtmp://127.0.0.1:${server.port}/${server.app}/long`,
  ];
  const encoder = spawn('ffmpeg', ['-nostdin', '-v', 'error', ...input, ...output], { stdio: 'inherit' });
  const ended = once(encoder, 'exit').then(() => performance.timeOrigin + performance.now());
  const files = watchFiles(server.output);
  const everyMs = (HOURS * 3_600_000) / SPEED / LINES;
  for (let line = 1; line < LINES; line += 1) {
    if (await Promise.race([pause(everyMs), ended])) throw new Error('the encoder ended early');
    const hours = ((HOURS * line) / LINES).toFixed(1);
    const child = rssMiB(childOf(server.pid)).toFixed(1);
    process.stdout.write(
      `about ${hours} h: server ${rssMiB(server.pid).toFixed(1)} MiB, FFmpeg ${child} MiB\n`,
    );
  }
  await metric(server.http, 'recorderd_event_loop_delay_max_seconds');
  const stoppedAt = await ended;
  const [[name, at] = []] = await files.finished(1, FINAL_TIMEOUT_MS);
  if (name === undefined) throw new Error('there is no file');
  const stallMs = 1000 * (await metric(server.http, 'recorderd_event_loop_delay_max_seconds'));
  const path = join(server.output, name);
  const probe = ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', path];
  const seconds = Number(execFileSync('ffprobe', probe, { encoding: 'utf8' }));
  process.stdout.write(
    `${(seconds / 3600).toFixed(2)} h, ${(statSync(path).size / 2 ** 30).toFixed(2)} GiB: final ${Math.round(at - stoppedAt)} ms ` +
      `after the encoder's end; longest delay of the event loop meanwhile ${Math.round(stallMs)} ms\n`,
  );
} finally {
  await server.stop();
  rmSync(home, { recursive: true, force: true });
}
