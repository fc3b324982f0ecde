// The load: one process that publishes one file to N names in real time, as cheaply as it can.
// Usage: node loadgen.mjs FLV PORT APP N
// Prints {"event":"publishing"} when every stream has begun, and at the end
// {"event":"done","stops":[epoch ms per stream],"cpuSeconds":n,"latestMs":n,"backlogBytes":n}.
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { clearInterval, setInterval } from 'node:timers';
import { layOut } from './flv.mjs';
import { publish, unpublish } from './publisher.mjs';

/** Pause between two looks at what is due. Half a frame at 25 fps, so frames travel one by one as from encoders. */
const TICK_MS = 20;
/** All streams begin within this time, evenly spread, as do their ends. */
const SPREAD_MS = 1000;

const [path, port, app, count] = process.argv.slice(2);
const media = layOut(path);
const say = (event, facts = {}) => process.stdout.write(`${JSON.stringify({ event, ...facts })}\n`);

const names = Array.from({ length: Number(count) }, (_, i) => `bench${i}`);
const sockets = await Promise.all(names.map((name) => publish({ port: Number(port), app, name })));
say('publishing');

const cpuBefore = process.cpuUsage();
const begin = performance.now();
const streams = sockets.map((socket, i) => ({
  socket,
  name: names[i],
  beginMs: begin + (i * SPREAD_MS) / sockets.length,
  next: 0,
  sent: 0,
  stoppedAt: undefined,
}));
let latestMs = 0;
let backlogBytes = 0;

/** Writes what is due as one slice; ends the stream behind its last tag. */
function feed(stream, now) {
  const elapsed = now - stream.beginMs;
  const { times, ends, bytes } = media;
  const first = stream.next;
  while (stream.next < times.length && times[stream.next] <= elapsed) stream.next += 1;
  if (stream.next === first) return;
  latestMs = Math.max(latestMs, elapsed - times[first]);
  const end = ends[stream.next - 1];
  stream.socket.write(bytes.subarray(stream.sent, end));
  stream.sent = end;
  backlogBytes = Math.max(backlogBytes, stream.socket.writableLength);
  if (stream.next < times.length) return;
  stream.stoppedAt = performance.timeOrigin + performance.now();
  unpublish(stream.socket, stream.name);
}

const timer = setInterval(() => {
  const now = performance.now();
  for (const stream of streams) if (stream.stoppedAt === undefined) feed(stream, now);
  if (streams.some((stream) => stream.stoppedAt === undefined)) return;
  clearInterval(timer);
  const { user, system } = process.cpuUsage(cpuBefore);
  const stops = Object.fromEntries(streams.map(({ name, stoppedAt }) => [name, stoppedAt]));
  say('done', { stops, cpuSeconds: (user + system) / 1e6, latestMs: Math.round(latestMs), backlogBytes });
}, TICK_MS);
