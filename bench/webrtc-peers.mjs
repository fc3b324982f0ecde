// The servers that are measured with WebRTC. As in peers.mjs, each starts on loopback on a free port with its files
// in a folder of its own; `signalling` says how the load reaches it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, symlinkSync, watch, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { clearTimeout, setTimeout } from 'node:timers';
import { startServer } from '../scripts/server.mjs';
import { freePort, reachable } from './peers.mjs';

const JANUS = '/usr/bin/janus';
const DEBIAN_FFMPEG = '/usr/bin/ffmpeg';
const LOOPBACK = '127.0.0.1';
/** Multiarch folder of the plugins: /usr/lib/TRIPLET/janus. */
const JANUS_FOLDERS = '/usr/lib';
/** Longer than a run's post-processing. */
const STOP_MS = 40_000;
/** Container of each video codec: what this server makes by default. */
const EXTENSIONS = { h264: 'mp4', vp8: 'webm' };
/** What FFmpeg makes of the two files of janus-pp-rec: the same container and audio codec as here. */
const JOINS = { h264: '-c:v copy -c:a aac -b:a 96k', vp8: '-c:v copy -c:a libvorbis -q:a 3' };

/** This server with its defaults but for `extra`, recording every stream that asks for it. */
async function recorderd({ folder, meter, codec }, extra = {}) {
  const output = join(folder, 'records');
  mkdirSync(output);
  const server = startServer({
    home: folder,
    wrap: meter.wrap,
    settings: {
      ip_local: LOOPBACK,
      'ws.port': 0,
      ...mediaPorts(),
      record_dir: output,
      stream_record_policy: 'streamName',
      on_record_hook_script: '',
      ...extra,
    },
  });
  try {
    const url = `http://${LOOPBACK}:${await server.port('http')}`;
    const facts = {
      pid: server.pid,
      url,
      signalling: 'whip',
      address: LOOPBACK,
      extension: EXTENSIONS[codec],
    };
    return { ...facts, output, folders: [output], stop: server.stop };
  } catch (error) {
    await server.stop();
    throw new Error(`${error.message}\n${server.logTail()}`, { cause: error });
  }
}

/**
 * Janus as its users set it up to get one file per publisher: the videoroom plugin records a .mjr per track, which
 * janus-pp-rec and FFmpeg make one file of as soon as both are there.
 */
async function janus({ folder, meter, codec }) {
  if (!existsSync(JANUS)) throw new Error('there is no Janus: run scripts/setup-bench-webrtc.sh');
  const extension = EXTENSIONS[codec];
  const output = join(folder, 'final');
  const mjr = join(folder, 'mjr');
  for (const each of [output, mjr]) mkdirSync(each);
  const port = await freePort();
  writeJanusConfig({ folder, mjr, port, codec });
  const script = join(folder, 'supervise.sh');
  writeFileSync(script, supervisor({ folder, mjr, output, codec, extension }));
  const [command, ...args] = meter.wrap(['/bin/bash', script]);
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close').then(([code, signal]) => code ?? signal);
  const [pid] = await Promise.race([
    once(createInterface(child.stdout), 'line'),
    ended.then((code) => {
      throw new Error(`Janus ended by itself (${code})`);
    }),
  ]);
  const watcher = watchPairs(mjr, (stems) => child.stdin.write(`${stems.join(' ')}\n`));
  await reachable(port);
  return {
    // The whole family counts; what `own` means here is Janus without its post-processing.
    pid: child.pid,
    ownPid: Number(pid),
    url: `http://${LOOPBACK}:${port}`,
    signalling: 'janus',
    address: ownAddress(),
    extension,
    output,
    folders: [output, mjr],
    stop() {
      watcher.close();
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      return ended.finally(() => clearTimeout(timer));
    },
  };
}

/** One socket for all publishers, the default, or a range such as 42000-42099 with a socket for each. */
function mediaPorts() {
  const range = process.env.BENCH_MEDIA_PORTS;
  if (range === undefined) return { media_port: 0 };
  const [from, to] = range.split('-');
  return { media_port_from: from, media_port_to: to };
}

/** Janus takes no media at the loopback address. What is sent to an own address stays in the machine as well. */
function ownAddress() {
  const own = Object.values(networkInterfaces())
    .flat()
    .find(({ family, internal }) => family === 'IPv4' && !internal);
  if (own === undefined) throw new Error('Janus needs an IPv4 address beside loopback');
  return own.address;
}

/** Tells when both tracks of a publisher are finished: Janus renames a .mjr then (recordings_tmp_ext). */
function watchPairs(folder, onPair) {
  const seen = new Map();
  return watch(folder, (_event, name) => {
    const parts = /^(.+)-(audio|video)-\d+\.mjr$/.exec(name ?? '');
    if (parts === null || !existsSync(join(folder, name))) return;
    const pair = seen.get(parts[1]) ?? new Map();
    seen.set(parts[1], pair.set(parts[2], name));
    if (pair.size < 2) return;
    seen.delete(parts[1]);
    onPair([parts[1], pair.get('video'), pair.get('audio')]);
  });
}

/** One process for the meter: Janus and all post-processing are its children. Ends both when its input ends. */
function supervisor({ folder, mjr, output, codec, extension }) {
  const quiet = '>/dev/null 2>&1';
  return `
cd ${mjr} || exit 1
${JANUS} -F ${folder} -C ${folder}/janus.jcfg -d 3 -o </dev/null >${folder}/janus.log 2>&1 &
server=$!
echo $server
process() {
  janus-pp-rec -d 3 "$2" "$1-video.${extension}" ${quiet} &&
    janus-pp-rec -d 3 "$3" "$1-audio.opus" ${quiet} &&
    ffmpeg -nostdin -v error -y -i "$1-video.${extension}" -i "$1-audio.opus" ${JOINS[codec]} "$1.${extension}" &&
    exec mv "$1.${extension}" ${output}/
}
while read -r name video audio; do process "$name" "$video" "$audio" </dev/null & done
kill $server
wait
`;
}

function writeJanusConfig({ folder, mjr, port, codec }) {
  const installed = readdirSync(JANUS_FOLDERS)
    .map((triplet) => join(JANUS_FOLDERS, triplet, 'janus'))
    .find((path) => existsSync(join(path, 'plugins')));
  // Only what is needed is loaded, so that no other door opens.
  for (const [kind, library] of [
    ['plugins', 'libjanus_videoroom.so'],
    ['transports', 'libjanus_http.so'],
  ]) {
    mkdirSync(join(folder, kind));
    symlinkSync(join(installed, kind, library), join(folder, kind, library));
  }
  for (const kind of ['events', 'loggers']) mkdirSync(join(folder, kind));
  const configs = {
    janus: `
general: {
  configs_folder = "${folder}"
  plugins_folder = "${folder}/plugins"
  transports_folder = "${folder}/transports"
  events_folder = "${folder}/events"
  loggers_folder = "${folder}/loggers"
  session_timeout = 0
  recordings_tmp_ext = "part"
}
`,
    'janus.transport.http': `
general: { json = "compact", base_path = "/janus", http = true, ip = "${LOOPBACK}", port = ${port}, https = false }
admin: { admin_http = false }
`,
    'janus.plugin.videoroom': `
room-1: {
  publishers = 1000
  bitrate = 0
  fir_freq = 0
  audiocodec = "opus"
  videocodec = "${codec}"
  ${codec === 'h264' ? 'h264_profile = "42e01f"' : ''}
  rec_dir = "${mjr}"
}
`,
  };
  for (const [name, text] of Object.entries(configs)) writeFileSync(join(folder, `${name}.jcfg`), text);
}

/** The peers for one video codec. */
export const webRtcPeers = (codec) => ({
  recorderd: {
    start: (folder, meter) => recorderd({ folder, meter, codec }),
    label: `recorderd, ${EXTENSIONS[codec]}`,
  },
  'recorderd-debian': {
    start: (folder, meter) => recorderd({ folder, meter, codec }, { record_ffmpeg_path: DEBIAN_FFMPEG }),
    label: `recorderd with Debian's FFmpeg, ${EXTENSIONS[codec]}`,
  },
  'recorderd-economy': {
    start: (folder, meter) => recorderd({ folder, meter, codec }, { record_audio_codec_effort: 'economy' }),
    label: `recorderd, ${EXTENSIONS[codec]}, record_audio_codec_effort=economy`,
  },
  'recorderd-opus': {
    start: (folder, meter) =>
      recorderd({ folder, meter, codec }, { record_mp4_audio: 'opus', record_webm_audio: 'opus' }),
    label: `recorderd, ${EXTENSIONS[codec]}, Opus copied`,
  },
  janus: {
    start: (folder, meter) => janus({ folder, meter, codec }),
    label: `Janus, .mjr + janus-pp-rec + FFmpeg to ${EXTENSIONS[codec]}`,
  },
});
