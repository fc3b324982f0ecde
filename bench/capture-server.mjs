// The captures and recordings of the compiled server in a process of their own: reads a list of URIs from its
// arguments, records each into the folder in its first one, prints "playing" when all have media, ends on SIGTERM.
import process from 'node:process';
import { PulledCaptures } from '../dist/ingest/pull/pulledCaptures.js';
import { Recordings } from '../dist/recorder/recordings.js';
import { Streams } from '../dist/streams/streams.js';

const [recordsDir, isRecorded, ...uris] = process.argv.slice(2);
const quiet = () => undefined;
const log = { debug: quiet, info: quiet, warn: complain, error: complain, child: () => log };
function complain(message, fields) {
  process.stderr.write(`${message} ${JSON.stringify(fields)}\n`);
}

const streams = new Streams(16 << 20);
const recordings = new Recordings({
  streams,
  log,
  isAutomatic: () => isRecorded === 'yes',
  onPart: async () => undefined,
  settings: {
    ffmpegPath: 'ffmpeg',
    recordsDir,
    names: { policy: 'template', template: '{mediaSessionId}', encode: undefined, excludeCharacters: '/' },
    formats: { containers: {}, h264ToTs: false },
    rotation: { kind: 'none' },
    batchMs: 250,
    fragmentMs: 500,
    trackWaitMs: 2000,
    bufferMaxBytes: 16 << 20,
    stopTimeoutMs: 10_000,
    audioSampleRate: 44_100,
    audioBitrate: 96_000,
    maxErrors: 3,
    errorIntervalMs: 60_000,
  },
});
const captures = new PulledCaptures(
  { streams, log },
  {
    ffmpegPath: 'ffmpeg',
    ffmpegVersion: '5.1',
    rtspTransport: 'tcp',
    answerTimeoutMs: 5000,
    analyzeMs: 5000,
    batchMs: Number(process.env.BENCH_BATCH_MS ?? 250),
    maxCaptures: 1000,
    maxFrameBytes: 8 << 20,
    connectTimeoutMs: 30_000,
    stallTimeoutMs: 10_000,
    reconnect: false,
    firstRetryMs: 500,
    maxRetryMs: 30_000,
    probeMs: 1000,
    playerIdleMs: 60_000,
    failedKeepMs: 60_000,
    stopGraceMs: 2000,
  },
);

await recordings.open();
const started = uris.map((uri) => captures.start({ uri, protocol: 'rtsp', origin: 'rest' }).whenPlaying());
await Promise.all(started);
process.stdout.write('playing\n');
await new Promise((resolve) => process.once('SIGTERM', resolve));
await captures.close();
await recordings.close();
