import { setFlagsFromString } from 'node:v8';
import { HEAP_GROWING_PERCENT } from './heap.ts';
import { WorkerApp } from './workerApp.ts';
import { Channel } from './workers/channel.ts';
import type { SupervisorCalls, WorkerCalls, WorkerSettings } from './workers/messages.ts';
import { ToldLog } from './workers/toldLog.ts';
import type { LogSink } from './workers/toldLog.ts';

/** What an ingest worker's process runs: `serve` starts it and talks to it, and it ends with it. */

setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
// The supervisor decides when it ends. Without one there is nobody to finish files for: the next start does it, as
// after a crash.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
let isOver = false;
process.on('disconnect', () => process.exit(isOver ? 0 : 1));

const sink: LogSink = { level: 'info', send: (line) => channel.tell('log', line) };
const log = new ToldLog(sink);
let running: WorkerApp | undefined;

function app(): WorkerApp {
  if (running === undefined) throw new Error('the worker is not started');
  return running;
}

function start(settings: WorkerSettings): Promise<boolean> {
  sink.level = settings.logLevel;
  running = new WorkerApp(settings, channel, log);
  return running.start();
}

const calls: WorkerCalls = {
  start,
  use: async (settings) => {
    sink.level = settings.logLevel;
    await app().use(settings);
  },
  adopt: (client, socket) => app().adopt(client, socket),
  terminateStream: ({ mediaSessionId, info }) => app().terminateStream(mediaSessionId, info),
  terminateConnection: ({ sessionId, info }) => app().terminateConnection(sessionId, info),
  startRecording: ({ mediaSessionId, options }) => app().startRecording(mediaSessionId, options),
  stopRecording: (mediaSessionId) => app().stopRecording(mediaSessionId),
  whenFinal: (mediaSessionId) => app().whenFinal(mediaSessionId),
  snapshot: (mediaSessionId) => app().snapshot(mediaSessionId),
  publishWebRtc: (offer) => app().publishWebRtc(offer),
  endWebRtc: ({ mediaSessionId, info }) => app().endWebRtc(mediaSessionId, info),
  others: (recordings) => app().others(recordings),
  drain: () => app().drain(),
  finish: () => app().finish(),
  close: async () => {
    await running?.close();
    isOver = true;
    setImmediate(() => process.disconnect());
  },
};
const channel = new Channel<SupervisorCalls, WorkerCalls>((message) => process.send?.(message), calls);
process.on('message', (message, socket) => channel.receive(message, socket as never));
