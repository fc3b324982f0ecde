// Records one stream end to end: the server, a real RTMP encoder, the finished file, the hook. `make demo` runs it.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { startServer } from './server.mjs';

const ROOT = join(import.meta.dirname, '..');
const RECORDS = join(ROOT, 'records/demo');
const SECONDS = 6;
/** Longest time from the encoder's end to the hook. */
const FINISH_MS = 15_000;

const say = (line) => process.stdout.write(`${line}\n`);

/** The ffmpeg to publish with: it needs an H.264 encoder, which the server's does not. */
function findEncoder() {
  const candidates = ['ffmpeg', join(ROOT, 'vendor/ffmpeg/ffmpeg')];
  const encodes = (ffmpeg) => {
    const { status, stdout } = spawnSync(ffmpeg, ['-hide_banner', '-encoders'], { encoding: 'utf8' });
    return status === 0 && stdout.includes(' libx264 ');
  };
  const found = candidates.find(encodes);
  if (found === undefined)
    throw new Error('no ffmpeg with libx264 to publish with: run scripts/vendor-ffmpeg.sh');
  return found;
}

/** Publishes a test picture and a tone in real time, as an encoder would. */
async function publish(ffmpeg, url) {
  const picture = ['-re', '-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=25'];
  const tone = ['-re', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100'];
  const video = ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-b:v', '2M', '-g', '50'];
  const audio = ['-c:a', 'aac', '-b:a', '128k', '-ac', '2'];
  const args = [
    '-nostdin',
    '-v',
    'error',
    ...picture,
    ...tone,
    '-t',
    SECONDS,
    ...video,
    ...audio,
    '-f',
    'flv',
    url,
  ];
  const encoder = spawn(ffmpeg, args.map(String), { stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = await once(encoder, 'close');
  if (code !== 0) throw new Error(`the encoder failed (${code})`);
}

/** The hook of the demo: notes what it was called with. */
function writeHook(home, calls) {
  mkdirSync(join(home, 'scripts'));
  writeFileSync(join(home, 'scripts/on_record_hook.sh'), `#!/bin/sh\necho "$1 $2" >>'${calls}'\n`, {
    mode: 0o755,
  });
}

async function hookCalled(calls) {
  const deadline = Date.now() + FINISH_MS;
  while (!existsSync(calls)) {
    if (Date.now() > deadline)
      throw new Error(`the hook did not run within ${FINISH_MS} ms after the encoder's end`);
    await pause(50);
  }
}

/** Duration and codecs, in the words of ffprobe or, where there is none, of ffmpeg. */
function describe(ffmpeg, path) {
  const entries = 'format=duration:stream=codec_name,width,height,sample_rate';
  const probe = spawnSync('ffprobe', ['-v', 'error', '-show_entries', entries, '-of', 'json', path]);
  if (probe.status !== 0) {
    const { stderr } = spawnSync(ffmpeg, ['-hide_banner', '-i', path], { encoding: 'utf8' });
    return stderr.match(/(Duration: [\d:.]+|(Video|Audio): \w+)/g)?.join(', ') ?? 'unreadable';
  }
  const { format, streams } = JSON.parse(probe.stdout);
  const tracks = streams.map(({ codec_name, width, height, sample_rate }) =>
    width === undefined ? `${codec_name} ${sample_rate} Hz` : `${codec_name} ${width}x${height}`,
  );
  return [`${Number(format.duration).toFixed(2)} s`, ...tracks].join(', ');
}

function showFiles(ffmpeg) {
  const names = readdirSync(RECORDS).filter((name) => !name.startsWith('.'));
  if (names.length === 0) throw new Error('the server left no finished file');
  for (const name of names) {
    const path = join(RECORDS, name);
    const megabytes = (statSync(path).size / 1e6).toFixed(2);
    say(`finished: ${relative(process.cwd(), path)}  ${megabytes} MB, ${describe(ffmpeg, path)}`);
  }
}

async function record(server, ffmpeg, calls) {
  const url = `rtmp://127.0.0.1:${await server.port('rtmp')}/live/demo`;
  say(`the server listens; publishing ${SECONDS} s of 1280x720 H.264 and AAC to ${url}`);
  await publish(ffmpeg, url);
  await Promise.race([hookCalled(calls), server.failed]);
  say(`the hook ran: on_record_hook.sh ${readFileSync(calls, 'utf8').trim()}`);
}

async function main() {
  const ffmpeg = findEncoder();
  const home = mkdtempSync(join(tmpdir(), 'recorderd-demo-'));
  const calls = join(home, 'hook-calls');
  rmSync(RECORDS, { recursive: true, force: true });
  mkdirSync(RECORDS, { recursive: true });
  writeHook(home, calls);
  const server = startServer({
    home,
    settings: {
      ip_local: '127.0.0.1',
      record_flash_published_streams: true,
      record_dir: RECORDS,
      stream_record_policy: 'streamName',
    },
  });
  try {
    await record(server, ffmpeg, calls);
    const code = await server.stop();
    if (code !== 0) throw new Error(`the server stopped with ${code} instead of 0`);
    showFiles(ffmpeg);
  } catch (error) {
    throw new Error(`${error.message}\nlast lines of the server's log:\n${server.logTail()}`, {
      cause: error,
    });
  } finally {
    await server.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`the demo failed: ${error.message}\n`);
  // Not exitCode: a wait for a hook that will not come may still be under way.
  process.exit(1);
}
