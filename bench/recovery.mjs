// How long a start takes to finish what a kill left: N recordings of one size whose server and FFmpeg were killed.
// `make bench-recovery` runs it; docs/benchmarks.md says what was measured. BENCH_N recordings of BENCH_MB each.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { startServer } from '../scripts/server.mjs';
import { sourceFile } from './source.mjs';

const N = Number(process.env.BENCH_N ?? 100);
const MB = Number(process.env.BENCH_MB ?? 100);
const WITHIN_MS = 120_000;

const home = mkdtempSync(join(tmpdir(), 'recorderd-recovery-'));
const records = join(home, 'records');

/** A recording as FFmpeg leaves it when it is killed: its fragments, the last one torn, no index. */
function tornRecording() {
  const path = join(home, 'torn.mp4');
  const input = [
    '-stream_loop',
    '-1',
    '-i',
    sourceFile(20),
    '-map',
    '0',
    '-c',
    'copy',
    '-fs',
    String(MB * 2 ** 20),
  ];
  const fragments = [
    '-movflags',
    'frag_keyframe+delay_moov+default_base_moof+skip_trailer',
    '-frag_duration',
    '500000',
  ];
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...input, ...fragments, '-f', 'mp4', path]);
  truncateSync(path, statSync(path).size - 100_000);
  return path;
}

function interrupted(id, file) {
  const folder = join(records, '.work', id);
  mkdirSync(folder, { recursive: true });
  copyFileSync(file, join(folder, '000-000000.mp4'));
  const recording = {
    ...{ kind: 'recording', version: 1, recordingId: id, streamName: id, nameAs: id, sessionId: id },
    ...{ mediaSessionId: id, login: '', overwrite: false },
    names: { policy: 'streamName', template: '', excludeCharacters: '' },
  };
  const times = { startTimeMs: Date.now(), startedAt: Date.now() };
  const run = {
    kind: 'run',
    prefix: '000',
    container: 'mp4',
    videoCodec: 'H264',
    audioCodec: 'mpeg4-generic',
    ...times,
  };
  writeFileSync(join(folder, 'journal'), `\n${JSON.stringify(recording)}\n\n${JSON.stringify(run)}\n`);
}

async function until(look, what) {
  for (const end = performance.now() + WITHIN_MS; performance.now() < end; await pause(5)) if (look()) return;
  throw new Error(`${what}: not within ${WITHIN_MS} ms`);
}

try {
  const torn = tornRecording();
  for (let n = 0; n < N; n += 1) interrupted(`rec${n}`, torn);
  const calls = join(home, 'calls');
  const hook = join(home, 'hook.sh');
  writeFileSync(hook, `#!/bin/sh\necho x >> ${calls}\n`);
  chmodSync(hook, 0o755);
  execFileSync('sync');
  const settings = { ip_local: '127.0.0.1', record_dir: records, on_record_hook_script: hook };
  const server = startServer({ home, settings });
  await server.port('http');
  const ready = performance.now();
  const finished = () => readdirSync(records).filter((name) => name.endsWith('.mp4')).length;
  await until(() => finished() === N, 'records');
  const named = performance.now() - ready;
  const ran = () => (statSync(calls, { throwIfNoEntry: false })?.size ?? 0) / 2;
  await until(() => ran() >= N, 'hooks');
  const hooked = performance.now() - ready;
  await server.stop();
  process.stdout.write(
    `${N} recordings of ${MB} MiB: all named ${Math.round(named)} ms and all hooks run ${Math.round(hooked)} ms after ready; ${ran()} hook runs\n`,
  );
} finally {
  rmSync(home, { recursive: true, force: true });
}
