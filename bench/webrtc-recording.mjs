// What one recording costs: N real-time WebRTC publishers, this server by WHIP beside Janus with its post-processing,
// in turn. `make bench-webrtc` runs it; docs/benchmarks.md explains every figure.
import { join } from 'node:path';
import process from 'node:process';
import { benchSettings, runBenchmark } from './runner.mjs';
import { webRtcComparer } from './webrtc-fidelity.mjs';
import { webRtcPeers } from './webrtc-peers.mjs';
import { webRtcSourceFile } from './webrtc-source.mjs';

const codec = process.env.BENCH_CODEC ?? 'h264';
if (codec !== 'h264' && codec !== 'vp8') throw new Error('BENCH_CODEC must be h264 or vp8');
const settings = benchSettings({ publishers: 10, peers: 'recorderd,janus' });
const source = webRtcSourceFile(codec, settings.seconds);
// Debian's own Python: it alone has the bindings of GStreamer's packages.
const load = ['/usr/bin/python3', join(import.meta.dirname, 'webrtc-load.py')];

await runBenchmark({
  ...settings,
  peers: webRtcPeers(codec),
  source,
  warmUpSource: webRtcSourceFile(codec, settings.warmUpSeconds),
  load: ({ url, signalling, address }, file) => [
    ...[...load, file, url, String(settings.n)],
    ...['--signalling', signalling, '--codec', codec, '--address', address],
  ],
  compare: webRtcComparer(source, codec),
  compared: settings.n,
});
