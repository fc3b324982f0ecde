import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import { expectSamePackets } from '../support/compare.ts';
import { eventually } from '../support/eventually.ts';
import { decodeErrors } from '../support/packets.ts';
import { publishFile } from '../support/publishers.ts';
import {
  aacFrame,
  aacHeader,
  amf,
  avcFrame,
  avcHeader,
  command,
  handshake,
  message,
  setChunkSize,
} from '../support/rtmpBytes.ts';
import { TestServer } from '../support/server.ts';

const { bframesFlv } = inject('media');
const CONNECTIONS = 5000;
const AT_ONCE = 40;
let server: TestServer;

afterEach(async () => server.close());

/** Mulberry32: the same attacks in every run. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

function validSession(name: string): Buffer {
  const { c0c1, c2 } = handshake();
  const media = { csid: 6, streamId: 1, time: 0 };
  return Buffer.concat([
    c0c1,
    c2,
    command(0, 'connect', 1, { app: 'live', tcUrl: 'rtmp://127.0.0.1/live' }),
    setChunkSize(4096),
    command(0, 'createStream', 2, null),
    command(1, 'publish', 0, null, name, 'live'),
    message(18, amf('@setDataFrame', 'onMetaData', { audiocodecid: 10, videocodecid: 7 }), media),
    message(9, avcHeader(), media),
    message(8, aacHeader(), media),
    message(9, avcFrame(Buffer.alloc(5000, 1), { key: true }), media),
    message(8, aacFrame(Buffer.alloc(300, 2)), media),
    message(9, avcFrame(Buffer.alloc(9000, 3)), { ...media, time: 40 }),
  ]);
}

/** A session with a few bytes changed, removed, repeated or cut off, or plain noise. */
function attack(session: Buffer, random: (below: number) => number): Buffer {
  if (random(10) === 0) return Buffer.from(Array.from({ length: random(4000) }, () => random(256)));
  let bytes = Buffer.from(session);
  for (let n = 1 + random(6); n > 0; n--) {
    // Behind the handshake: noise in it changes nothing.
    const at = 3073 + random(Math.max(1, bytes.length - 3073));
    const kind = random(4);
    if (kind === 0 && at < bytes.length) bytes.writeUInt8(random(256), at);
    if (kind === 1) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random(50))]);
    if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at - random(200))]);
    if (kind === 3) bytes = bytes.subarray(0, Math.max(1, at));
  }
  return bytes;
}

/** One short connection; resolves when it is over on this side. */
async function strike(port: number, bytes: Buffer, reset: boolean): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => undefined).on('close', () => resolve());
    socket.resume();
    socket.write(bytes, () => (reset ? socket.resetAndDestroy() : socket.end()));
    socket.on('end', () => socket.destroy());
    socket.setTimeout(2000, () => socket.destroy());
  });
}

async function strikeMany(count: number, seed: number): Promise<void> {
  const random = randomFrom(seed);
  const port = server.port('rtmp');
  const attacks = Array.from({ length: count }, (_, i) => ({
    bytes: attack(validSession(`attack-${seed}-${i}`), random),
    reset: random(3) === 0,
  }));
  const worker = async (): Promise<void> => {
    for (let next = attacks.pop(); next !== undefined; next = attacks.pop())
      await strike(port, next.bytes, next.reset);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

const residentKiB = (): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))![1]);
const descriptors = (): number => readdirSync(`/proc/${server.pid}/fd`).length;

/** A stream is recorded while malformed connections come in; the record is whole. */
async function attackDuring(canary: string, connections: number, seed: number): Promise<void> {
  const publisher = publishFile(bframesFlv, server.rtmpUrl(canary));
  const mediaSessionId = await eventually(async () => {
    const answer = await server.rest('/stream/find', { name: canary });
    return answer.status === 200
      ? (answer.json as { mediaSessionId: string }[])[0]!.mediaSessionId
      : undefined;
  }, 'the canary');
  expect((await server.rest('/recorder/startup', { mediaSessionId })).status).toBe(200);
  await strikeMany(connections, seed);
  expect(await publisher.ended).toEqual({ code: 0, stderr: '' });
  const file = join(server.recordsDir, `${canary}.mp4`);
  await eventually(() => (server.records().includes(`${canary}.mp4`) ? true : undefined), file);
  await expectSamePackets(bframesFlv, [file], 'v');
  await expectSamePackets(bframesFlv, [file], 'a');
  expect(await decodeErrors(file)).toBe('');
  const noStream = async (): Promise<true | undefined> =>
    (await server.rest('/stream/find_all')).status === 404 ? true : undefined;
  await eventually(noStream, 'all streams ended');
}

test(`${CONNECTIONS} malformed connections end nothing, leak nothing and do not disturb a recording`, async () => {
  server = await TestServer.start({ stream_record_policy: 'streamName', log_level: 'info' });
  // Compared with a server that has done the same work before: what is more then is what leaked.
  await attackDuring('first', CONNECTIONS, 1);
  const before = { rss: residentKiB(), fds: descriptors() };
  await attackDuring('second', CONNECTIONS, 2);
  await eventually(() => (descriptors() <= before.fds * 1.1 ? true : undefined), 'descriptors are back');
  const bound = before.rss * 1.1;
  await eventually(() => (residentKiB() <= bound ? true : undefined), `memory is back to ${before.rss} KiB`);
  // Garbage is summed up, not logged line by line.
  expect(server.logs.length).toBeLessThan(3 * CONNECTIONS);
});
